"""Events that follow from commands: the closed forms against programs executed one command after the other."""

import numpy as np
import pytest

from tilewright.bench.random_programs import Areas, ProgramMaker
from tilewright.cocotb_tests.accelerator.energy_programs import energy_programs
from tilewright.cocotb_tests.accelerator.suite import NARROW, SCALED, TINY
from tilewright.sim.energy.commands import count_command, executions, fetched_commands
from tilewright.sim.energy.events import Counts
from tilewright.sim.isa.commands import End, Loop, Product, Repeat, Set
from tilewright.sim.isa.widths import COMMAND_BYTES
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.accelerator.product import array_commands
from tilewright.sim.machine.accelerator.values import in_order
from tilewright.sim.machine.cim.array import array_beats
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

CONFIGS = {"tiny": TINY, "narrow": NARROW, "scaled": SCALED}


def program(config, seed):
    maker = ProgramMaker(config, Areas(config), np.random.default_rng(seed))
    maker.add(60)
    return [*maker.commands, End()]


@pytest.mark.parametrize("name", CONFIGS)
def test_events_of_loops_are_those_of_commands_one_by_one(name):
    config = CONFIGS[name]
    for seed in range(20):
        commands = program(config, seed)
        closed, unrolled = Counts(), Counts()
        for command, times in executions(commands):
            count_command(config, command, times, closed)
        for command, _ in in_order(commands):
            count_command(config, command, 1, unrolled)
        assert closed == unrolled
        assert closed.weight_beats_in == closed.weight_beats_out


@pytest.mark.parametrize("name", CONFIGS)
def test_events_of_a_product_are_those_of_its_blocks(name):
    config = CONFIGS[name]
    cim, tile = config.cim, config.cim.tile
    rng = np.random.default_rng(3)
    for _ in range(50):
        vectors, k, blocks, reduce = (int(rng.integers(1, most)) for most in (5, 3 * cim.rows, 9, 2))
        n = blocks * tile.results_per_beat
        product = Product(vectors=vectors, k=k, n=n, a=0, out=0, reduce=bool(reduce))
        counts = Counts()
        count_command(config, product, 3, counts)
        found = list(array_commands(cim, product))
        wide = tile.columns if reduce else cim.columns
        assert counts.weight_beats_out == 3 * sum(array_beats(cim, each) for each in found)
        assert counts.array_vectors == 3 * vectors * len(found)
        assert counts.driven_products == 3 * vectors * wide * sum(each.rows for each in found)
        rows = [-(-each.rows // tile.macro.rows) for each in found]
        assert counts.driven_sums == 3 * vectors * wide * sum(rows)
        assert counts.input_words == 3 * vectors * sum(tile.activation_beats(each.rows) for each in found)
        assert counts.column_sums == 3 * vectors * sum(each.columns for each in found)
        assert counts.partial_sums == 3 * vectors * sum(each.columns for each in found if not each.emit)
        assert counts.partial_sums == 3 * vectors * sum(each.columns for each in found if each.accumulate)
        sent = (tile.result_beats(each.columns) for each in found if each.emit)
        assert counts.result_words == 3 * vectors * sum(sent)


def test_commands_of_loops_are_fetched_each_time():
    commands = [Loop(count=5), Set(register=1, value=0), Repeat(), End()]
    run = run_commands(TINY, commands, AxiMemoryModel())
    read = next(value for register, value in run.counters.items() if register.name == "READ_BEATS")
    assert 1 + 5 * 2 + 1 <= fetched_commands(TINY, Counts(), read) <= 1 + 5 * 2 + 1 + 6 * TINY.fetch_depth


def test_events_of_a_program_in_memory_are_those_of_its_commands():
    nothing, registers, loads = energy_programs(TINY)[:3]
    assert (nothing.name, registers.name, loads.name) == ("nothing", "registers", "loads")
    banks = TINY.scratchpad_bytes // TINY.bus_bytes
    assert registers.counts.commands - nothing.counts.commands == 24
    assert (nothing.counts.load_beats, loads.counts.load_beats) == (banks, 3 * banks)
    for each in (nothing, registers, loads):
        beats = each.counts.load_beats + each.counts.commands * COMMAND_BYTES // TINY.bus_bytes
        assert each.counts.memory_bytes == beats * TINY.bus_bytes
