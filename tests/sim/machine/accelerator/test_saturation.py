"""Bursts of weights that are requested in one step end as if each had been requested in its own cycle."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import numpy as np
import pytest

from tests.sim.machine.accelerator.random_systems import random_system
from tilewright.bench.random_programs import random_timing, with_refresh, with_turns
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.map import memory_timing
from tilewright.mapping.models import llama
from tilewright.mapping.models.load import load_model
from tilewright.sim.config import load_system
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Command, End, Product, Weights
from tilewright.sim.isa.widths import COMMAND_BYTES, PAGE_BYTES
from tilewright.sim.machine.accelerator import program_run, recurrence, saturation
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.accelerator.product import WeightStream, product_beats
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

SEED = 20261129
AHEAD = (335, 402, 525, 702, 836)
"""Seeds of programs in which a block is to be taken long after its weights are requested."""
IDLE = (1669, 2669)
"""Seeds of programs in which a burst is requested when memory, after a refresh, waits for bursts."""


def random_stream(rng: np.random.Generator) -> tuple[AcceleratorConfig, list[Command]]:
    """Return an accelerator to which weights come in short bursts, and products whose blocks have many of them."""

    def one(*values: int) -> int:
        return int(rng.choice(values))

    system = random_system(rng)
    tile = system.cim.tile.replace(accumulator_vectors=64)
    config = system.replace(
        cim=system.cim.replace(tile=tile), max_burst=COMMAND_BYTES // system.bus_bytes * one(1, 2),
        outstanding=one(1, 2, 4, 8, 16), weight_buffer_beats=one(64, 128, 256),
    )  # fmt: skip
    assert isinstance(config, AcceleratorConfig)
    bank, page = config.bank_bytes, PAGE_BYTES // config.bus_bytes
    commands: list[Command] = []
    for _ in range(one(1, 2)):
        k, n = 32 * one(1, 2, 5), tile.columns * one(1, 2, 3)
        pitch = -(-4 * n // config.result_bytes) * config.result_bytes
        product = Product(
            reduce=bool(rng.integers(2)), vectors=one(1, min(64, bank // 160, bank // pitch)), k=k, n=n, a=0,
            a_pitch=160, out=bank, out_pitch=pitch,
        )  # fmt: skip
        rows, rest = divmod(product_beats(config, product), page)
        commands += [Weights(address=PAGE_BYTES, beats=page, rows=rows, stride=PAGE_BYTES)] if rows else []
        commands += [Weights(address=0, beats=rest)] if rest else []
        commands.append(product)
    return config, [*commands, End()]


def differing(seeds: Iterable[int]) -> Iterator[int]:
    """Yield the seeds of random programs that end otherwise than with all events computed; half have refresh, and half
    of these turns of reads and writes."""
    for seed in seeds:
        rng = np.random.default_rng([SEED, seed])
        timing = random_timing(rng)
        if seed % 2:
            timing = with_refresh(timing, rng)
        if seed % 4 == 3:
            timing = with_turns(timing, np.random.default_rng(seed))
        config, commands = random_stream(rng)
        ahead, computed = (
            run_commands(config, commands, AxiMemoryModel(**asdict(timing)), timeline=True, every_event=every)
            for every in (False, True)
        )
        assert not computed.error
        if ahead != computed:
            yield seed


@pytest.mark.parametrize("seeds", [range(80), AHEAD, IDLE], ids=["any", "weights far ahead of products", "memory idle"])
def test_random_streams_take_the_same_cycles_counters_and_spans(seeds):
    assert not list(differing(seeds))


@pytest.mark.slow
def test_many_random_streams():
    assert not list(differing(range(80, 4000)))


def test_bursts_are_requested_ahead(monkeypatch):
    steps: list[int] = []

    def watched(run: program_run.ProgramRun, now: int, count: int) -> int:
        granted = at_once(run, now, count)
        steps.append(granted - now)
        return granted

    at_once = saturation._all_at_once
    monkeypatch.setattr(saturation, "_all_at_once", watched)
    list(differing(range(20)))
    assert sum(map(bool, steps)) > 20


def test_a_token_on_a_memory_that_is_refreshed(monkeypatch):
    system, model = load_system("edge-int4-refresh"), load_model("llama-3.2-1b").replace(num_hidden_layers=1)
    graph = llama.decode(model, 1024, Precision.of(system.cim.tile, system.vector.lanes))
    commands = compile_model(system.accelerator, graph, MemoryMap()).commands
    bursts: list[int] = []
    load = program_run.ProgramRun._load
    monkeypatch.setattr(program_run.ProgramRun, "_load", lambda run, time: (bursts.append(time), load(run, time))[1])
    ahead = run_commands(system.accelerator, commands, memory_timing(system), timeline=True)
    alone = len(bursts)
    assert ahead == run_commands(system.accelerator, commands, memory_timing(system), timeline=True, every_event=True)
    assert alone < (len(bursts) - alone) / 5


FAULTS = {
    "no burst is late": (saturation, "_late", lambda *_: False),
    "requests come a cycle later than they can be served": (saturation, "MARGIN", 1),
    "bursts arrive at once": (AxiMemoryModel, "arrivals", lambda _self, _slot, _beats, bursts: [0] * bursts),
    "blocks take beats at once": (WeightStream, "latest_turn", lambda *_: -1 << 40),
    "slots are far apart": (AxiMemoryModel, "least_cycles", lambda *_: 1 << 40),
    "blocks that are taken later are not looked at": (
        recurrence,
        "_stream_since",
        lambda run, now: now if run.array.since is None else run.array.since,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_detected(fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    assert next(differing([*range(400), *AHEAD]), None) is not None
