"""Iterations of loops that are counted end as if all had been computed."""

from dataclasses import replace

import numpy as np
import pytest

from tilewright.bench.random_programs import Areas, ProgramMaker, random_timing
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.suite import SUITES
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_decoder import compile_decoder
from tilewright.mapping.map import memory_timing
from tilewright.mapping.models import llama
from tilewright.mapping.models.load import load_model
from tilewright.sim.config import load_system
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Add, Command, End, Loop
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, PAGE_BYTES
from tilewright.sim.machine.accelerator import recurrence
from tilewright.sim.machine.accelerator.accelerator import AcceleratorRun, ProgramRun, run_commands
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

CONFIGS = {design.name: design.config for design in SUITES if design.config.npe is None}
SEED = 20261129
ITERATIONS = (1, 2, 3, 7, 40, 63)
"""Numbers of iterations of the loops of random programs."""


def model_of(timing: Timing) -> AxiMemoryModel:
    """Return a new memory of this timing."""
    return AxiMemoryModel(
        latency=timing.latency, rate=timing.rate, write_latency=timing.write_latency, write_rate=timing.write_rate
    )


def random_loops(config: AcceleratorConfig, rng: np.random.Generator) -> list[Command]:
    """Return a random program that consists of loops of many iterations."""
    maker = ProgramMaker(config, Areas(config), rng)
    while sum(isinstance(command, Loop) for command in maker.commands) < 2:
        maker.add(4)
    counts = rng.choice(ITERATIONS, len(maker.commands))
    pages = PAGE_BYTES // config.bus_bytes if rng.random() < 0.7 else 1
    made: list[Command] = []
    for command, count in zip(maker.commands, counts, strict=True):
        if isinstance(command, Loop):
            made.append(replace(command, count=int(count)))
        elif isinstance(command, Add):
            made.append(replace(command, value=command.value * pages % (1 << ADDRESS_REGISTER_BITS)))
        else:
            made.append(command)
    return [*made, End()]


def differing(config: AcceleratorConfig, seeds: range) -> list[int]:
    """Return the seeds of random programs whose two results differ."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng([SEED, seed])
        timing, commands = random_timing(rng), random_loops(config, rng)
        counted, computed = (
            run_commands(config, commands, model_of(timing), timeline=True, every_event=every)
            for every in (False, True)
        )
        if counted != computed:
            found.append(seed)
    return found


@pytest.fixture
def skipped(monkeypatch) -> list[int]:
    """Return a list that gets the cycles that each run skips."""
    cycles: list[int] = []
    run = ProgramRun.run

    def watched(self: ProgramRun) -> AcceleratorRun:
        ended = run(self)
        if self.recurrence is not None:
            cycles.append(self.skipped)
        return ended

    monkeypatch.setattr(ProgramRun, "run", watched)
    return cycles


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_random_loops_take_the_same_cycles_counters_and_spans(config):
    assert not differing(config, range(12))


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_many_random_loops(config):
    assert not differing(config, range(12, 212))


def test_random_loops_recur(skipped):
    for config in CONFIGS.values():
        differing(config, range(4))
    assert sum(map(bool, skipped)) >= 4


def test_most_layers_of_a_model_are_counted(skipped):
    system, model = load_system("edge-int4"), load_model("llama-3.2-1b")
    graph = llama.decode(model, 1024, Precision.of(system.cim.tile, system.vector.lanes))
    commands = compile_decoder(system.accelerator, graph, MemoryMap()).commands
    counted, computed = (
        run_commands(system.accelerator, commands, memory_timing(system), timeline=True, every_event=every)
        for every in (False, True)
    )
    assert counted == computed
    assert skipped[0] > counted.cycles / 2


DROPPED = {
    "phase and queue of memory": (AxiMemoryModel, "state"),
    "units": (recurrence, "_lane"),
    "commands in queues": (recurrence, "_entry"),
}
"""Parts of a run's state, by what they say. The others cannot differ alone in these programs."""


@pytest.mark.parametrize("part", DROPPED)
def test_a_part_of_the_state_that_is_left_out_is_missed(part, monkeypatch):
    monkeypatch.setattr(*DROPPED[part], lambda *_: ())
    assert any(differing(config, range(12)) for config in CONFIGS.values())
