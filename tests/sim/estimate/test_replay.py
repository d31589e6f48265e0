"""Programs that are replayed for many systems, against the exact model: tokens, prompts, and a layer of an encoder."""

import numpy as np
import pytest

from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.map import memory_timing
from tilewright.mapping.models import bert, llama
from tilewright.mapping.models.config import BertConfig, LlamaConfig
from tilewright.sim.config import System, load_system
from tilewright.sim.energy.commands import fetched_commands
from tilewright.sim.energy.events import NUMBERS
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.machine import Machine
from tilewright.sim.estimate.program_counts import program_counts
from tilewright.sim.estimate.replay import ReplayError, replay
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.commands import Command, End, Load
from tilewright.sim.isa.units import Units
from tilewright.sim.machine.accelerator.accelerator import run_commands

DECODER = LlamaConfig(
    vocab_size=1024,
    hidden_size=256,
    intermediate_size=768,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=64,
)
ENCODER = BertConfig(vocab_size=256, num_hidden_layers=1, hidden_size=128, num_attention_heads=4, intermediate_size=512)
BASE = load_system("edge-int4")
STRUCTURES = (
    {},
    {
        "vector.lanes": 16, "fabric.bus_bits": 128, "cim.tile.weight_bus_bits": 128, "cim.tiles": 2,
        "memory.bandwidth_mb_per_s": 12_800,
    },
    {"fabric.banks": 4, "cim.tile.macro.input_bits_per_cycle": 4, "fabric.weight_buffer_beats": 256, "fabric.queue_depth": 8},
)  # fmt: skip
"""Changes of the base on which the program depends."""
TIMINGS = {
    "clock_mhz": (500, 1000, 1000, 800, 1000),
    "share": (1.0, 0.8, 0.2, 0.5, 0.7),
    "memory.latency_ns": (40.0, 114.0, 200.0, 80.0, 100.0),
    "fabric.outstanding": (32, 16, 8, 4, 16),
    "fabric.max_burst": (64, 32, 64, 16, 32),
}


def timings(base: System) -> Designs:
    """Return designs with the same program; memory fills a part of the bus."""
    bus = np.array(TIMINGS["clock_mhz"]) * base.accelerator.bus_bytes
    fields = {path: np.array(values) for path, values in TIMINGS.items() if path != "share"}
    fields["memory.bandwidth_mb_per_s"] = np.floor(bus * TIMINGS["share"]).astype(np.int64)
    return Designs(base, fields)


def programs(base: System, tokens: int) -> list[list[Command]]:
    """Return the programs of a token after some others, of a prompt, and of a layer of an encoder, all rows at once and
    in blocks."""
    precision = Precision.of_accelerator(base.accelerator)
    graphs = llama.decode(DECODER, 10 * tokens, precision), llama.prefill(DECODER, tokens, precision)
    found = [list(compile_model(base.accelerator, graph, MemoryMap()).commands) for graph in graphs]
    encoder = bert.layers(ENCODER, precision, tokens=tokens)
    alone = compile_program(base.accelerator, lower(encoder))
    blocks = compile_model(base.accelerator, encoder, MemoryMap(), rows=2 * (tokens // 3))
    return [*found, list(alone.commands), list(blocks.commands)]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_cycles_are_near_those_of_the_exact_model(structure):
    base = BASE.with_(structure)
    designs = timings(base)
    errors = []
    for commands in programs(base, 16):
        cycles = replay(base.accelerator, commands, Machine(designs))
        for index in range(len(designs)):
            system = designs.system(index)
            exact = run_commands(system.accelerator, commands, memory_timing(system))
            errors.append(cycles[index] / exact.cycles - 1)
    print(structure, [f"{error:+.2%}" for error in errors])
    # Latencies are much of the time of so small a model.
    assert np.max(np.abs(errors)) < 0.12
    assert np.median(np.abs(errors)) < 0.02


def test_designs_together_have_the_cycles_of_each_alone():
    designs = timings(BASE)
    commands = programs(BASE, 8)[1]
    together = replay(BASE.accelerator, commands, Machine(designs))
    for index in range(len(designs)):
        [alone] = replay(BASE.accelerator, commands, Machine(designs.part(slice(index, index + 1))))
        assert alone == pytest.approx(together[index], rel=0.01)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_counts_are_those_of_a_run(structure):
    system = BASE.with_(structure)
    for commands in programs(system, 5):
        counts = program_counts(system.accelerator, commands)
        run = run_commands(system.accelerator, commands, memory_timing(system))
        read, written = run.counters[Register.READ_BEATS], run.counters[Register.WRITE_BEATS]
        assert counts.write_beats == written
        assert counts.commands == fetched_commands(system.accelerator, counts, read)
        assert counts.memory_bytes == (read + written) * system.accelerator.bus_bytes
        assert all(getattr(counts, name) >= 0 for name in NUMBERS)


def test_a_program_that_waits_for_ever_is_no_program():
    waiting = [Load(address=0, beats=1, destination=0, wait=Units.VECTOR), End()]
    with pytest.raises(ReplayError, match="waits for a signal that never comes"):
        replay(BASE.accelerator, waiting, Machine(timings(BASE)))
