"""Iterations of loops that are counted end as if all had been computed."""

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest

from tests.sim.machine.accelerator.random_systems import random_system
from tilewright.bench.random_programs import Areas, ProgramMaker, random_timing, with_refresh, with_turns
from tilewright.cocotb_tests.accelerator.suite import SUITES
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.map import memory_timing
from tilewright.mapping.models import llama
from tilewright.mapping.models.load import load_model
from tilewright.sim.config import load_system
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import (
    Add,
    Command,
    End,
    Fence,
    Load,
    Loop,
    Product,
    Repeat,
    Set,
    Store,
    Vector,
    Weights,
)
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.vector_command import Matrix, VectorCommand
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, PAGE_BYTES
from tilewright.sim.machine.accelerator import recurrence
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.accelerator.prepared import PreparedCommand
from tilewright.sim.machine.accelerator.product import ArrayUnitModel, product_beats
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun, ProgramRun
from tilewright.sim.machine.accelerator.recurrence import Recurrence
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.memory.timed_memory import TimedMemory

CONFIGS: dict[str, AcceleratorConfig | None] = {
    **{design.name: design.config for design in SUITES if design.config.npe is None},
    "random accelerators": None,
}
SEED = 20261129
ITERATIONS = (1, 2, 3, 7, 40, 63)
"""Numbers of iterations of the loops of random programs."""


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


def random_products(config: AcceleratorConfig, rng: np.random.Generator) -> list[Command]:
    """Return a loop of products of many blocks, whose weights come in few commands, beside passes and stores."""

    def upto(most: int, least: int = 1) -> int:
        return int(rng.integers(least, most + 1))

    results, bank = config.cim.tile.results_per_beat, config.bank_bytes
    pitch = -(-bank // 4 // config.result_bytes) * config.result_bytes
    body: list[Command] = []
    for _ in range(upto(3)):
        product = Product(
            reduce=bool(rng.integers(2)), vectors=upto(2), k=upto(12) * 16, n=upto(bank // 16 // results) * results, a=0,
            a_pitch=bank // 4, out=bank, out_pitch=pitch,
        )  # fmt: skip
        beats = product_beats(config, product)
        page = PAGE_BYTES // config.bus_bytes
        address = upto(64) * (PAGE_BYTES if rng.random() < 0.6 else config.bus_bytes)
        rows, rest = divmod(beats, page)
        stride = PAGE_BYTES * upto(3)
        those: list[Command] = [Weights(address=address, beats=page, rows=rows, stride=stride)] if rows else []
        if rest:
            those.append(Weights(address=address, beats=rest))
        body += [*those, product] if rng.random() < 0.6 else [product, *those]
        if rng.random() < 0.4:
            units = bank // config.vector.lanes
            some = VectorCommand(
                rows=upto(9), columns=upto(60), a=Matrix(address=2 * units), d=Matrix(address=3 * units)
            )
            body.append(Vector(command=some))
        if rng.random() < 0.4:
            body.append(Store(address=1 << 20, size=2, count=upto(99), source=3 * bank, element_pitch=4))
        if rng.random() < 0.2:
            body.append(Fence())
    return [Loop(count=int(rng.choice(ITERATIONS[1:5]))), *body, Repeat(), End()]


def random_loop(config: AcceleratorConfig | None, rng: np.random.Generator) -> tuple[AcceleratorConfig, list[Command]]:
    """Return an accelerator and a program: random commands for a given one, products for a random one."""
    if config is not None:
        return config, random_loops(config, rng)
    system = random_system(rng)
    return system, random_products(system, rng)


def fenced(commands: list[Command]) -> list[Command]:
    """Return a program in which each iteration of a loop ends with a fence, as the compiler makes them."""
    return [each for one in commands for each in ((Fence(), one) if isinstance(one, Repeat) else (one,))]


def random_run(
    given: AcceleratorConfig | None,
    seed: int,
    *,
    refresh: bool = False,
    fences: bool = False,
    every_event: bool = False,
) -> AcceleratorRun:
    """Return the run of a random program, on a memory without refresh or with it, and every other time with turns."""
    rng = np.random.default_rng([SEED, seed])
    timing, (config, commands) = random_timing(rng), random_loop(given, rng)
    if fences:
        commands = fenced(commands)
    if refresh:
        timing = with_refresh(timing, rng)
        if seed % 2:
            timing = with_turns(timing, rng)
    return run_commands(config, commands, AxiMemoryModel(**asdict(timing)), timeline=True, every_event=every_event)


def differing(
    given: AcceleratorConfig | None, seeds: range, *, refresh: bool = False, fences: bool = False
) -> Iterator[int]:
    """Yield the seeds of random programs whose two results differ, each as soon as it is found."""
    for seed in seeds:
        counted, computed = (
            random_run(given, seed, refresh=refresh, fences=fences, every_event=every) for every in (False, True)
        )
        if counted != computed:
            yield seed


def is_seen(given: AcceleratorConfig | None, seeds: range, *, refresh: bool = False, fences: bool = False) -> bool:
    """Return whether any of the programs has two results; the first one that has is the last one that runs."""
    return any(True for _ in differing(given, seeds, refresh=refresh, fences=fences))


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


@pytest.mark.parametrize("refresh", [False, True], ids=["no refresh", "refresh"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_random_loops_take_the_same_cycles_counters_and_spans(config, refresh):
    assert list(differing(config, range(4 if refresh else 12), refresh=refresh)) == []


@pytest.mark.slow
@pytest.mark.parametrize("refresh", [False, True], ids=["no refresh", "refresh"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_many_random_loops(config, refresh):
    assert list(differing(config, range(4 if refresh else 12, 212), refresh=refresh)) == []


FENCED = [None, CONFIGS["1 x 8x8, 2 lanes, bus32, 4 banks, random programs"]]


@pytest.mark.parametrize("config", FENCED, ids=["random accelerators", "two lanes"])
def test_iterations_end_as_the_one_before(config, monkeypatch):
    ended: list[int] = []

    def watched(self: Recurrence, run: ProgramRun, time: int) -> None:
        before = run.skipped
        skip_rest(self, run, time)
        ended.append(run.skipped > before)

    skip_rest = Recurrence.skip_rest
    monkeypatch.setattr(Recurrence, "skip_rest", watched)
    assert list(differing(config, range(6), fences=True)) == []
    assert sum(ended) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_iterations_of_many_random_loops_end_as_the_one_before(config):
    assert list(differing(config, range(200), fences=True)) == []


def setting(config: AcceleratorConfig) -> list[Command]:
    """Return a loop that sets a register, by which a load behind the loop leaves memory."""
    product = Product(vectors=1, k=256, n=256, a=0, out=config.bank_bytes)
    beats, value = product_beats(config, product), 16 * PAGE_BYTES
    body = [*2 * [Weights(register=1, address=0, beats=beats), product], Fence(), Set(register=1, value=value), Fence()]
    last = Load(register=1, address=(1 << config.address_bits) - value, beats=1, destination=0)
    return [Set(register=1, value=2 * value), Loop(count=2), *body, Repeat(), last, End()]


@pytest.mark.parametrize("is_noted", [True, False])
def test_a_register_that_is_set_in_a_loop_does_not_grow(is_noted, monkeypatch):
    if not is_noted:
        monkeypatch.setattr(Recurrence, "sets", property(lambda _: False, lambda *_: None), raising=False)
    config = load_system("small").accelerator
    counted, computed = (
        run_commands(config, setting(config), AxiMemoryModel(latency=9), every_event=every) for every in (False, True)
    )
    assert computed.error is AcceleratorError.ADDRESS
    assert (counted == computed) == is_noted


def test_a_run_that_goes_on_must_not_change_its_copy(monkeypatch):
    monkeypatch.setattr(recurrence, "deepcopy", lambda attributes, _: dict(attributes))
    assert is_seen(None, range(12), fences=True)


@pytest.mark.parametrize("refresh", [False, True], ids=["no refresh", "refresh"])
def test_random_loops_recur(skipped, refresh):
    for config in CONFIGS.values():
        for seed in range(6):
            random_run(config, seed, refresh=refresh)
    assert sum(map(bool, skipped)) >= 6


def leaving(config: AcceleratorConfig, iterations: int) -> list[Command]:
    """Return a loop of 40 iterations, of which so many load from memory that there is."""
    page = PAGE_BYTES
    first = (1 << config.address_bits) - iterations * page
    body = [Load(register=1, address=0, beats=1, destination=0), Add(register=1, value=page)]
    return [Set(register=1, value=first), Loop(count=40), *body, Repeat(), End()]


@pytest.mark.parametrize("iterations", [1, 2, 39, 40])
def test_a_loop_ends_where_its_addresses_leave_memory(iterations, skipped):
    config = load_system("small").accelerator
    counted, computed = (
        run_commands(config, leaving(config, iterations), AxiMemoryModel(latency=9), every_event=every)
        for every in (False, True)
    )
    assert counted == computed
    assert bool(computed.error) == (iterations < 40)
    assert skipped[0] or iterations < 39


def test_addresses_of_iterations_that_are_skipped_are_looked_at(monkeypatch):
    monkeypatch.setattr(PreparedCommand, "takes", lambda *_: True)
    config = load_system("small").accelerator
    assert not run_commands(config, leaving(config, 39), AxiMemoryModel(latency=9)).error


def test_refresh_never_shortens_a_program():
    for seed in range(10):
        rng = np.random.default_rng([SEED, seed])
        timing, (config, commands) = random_timing(rng), random_loop(None, rng)
        runs = [
            run_commands(config, commands, AxiMemoryModel(**asdict(each)))
            for each in (timing, with_refresh(timing, rng))
        ]
        assert runs[0].cycles <= runs[1].cycles, seed


def test_most_layers_of_a_model_are_counted(skipped):
    system, model = load_system("edge-int4"), load_model("llama-3.2-1b")
    graph = llama.decode(model, 1024, Precision.of(system.cim.tile, system.vector.lanes))
    commands = compile_model(system.accelerator, graph, MemoryMap()).commands
    counted, computed = (
        run_commands(system.accelerator, commands, memory_timing(system), timeline=True, every_event=every)
        for every in (False, True)
    )
    assert counted == computed
    assert skipped[0] > counted.cycles / 2


FAULTS = {
    "rate and queue of memory are not looked at": (AxiMemoryModel, "state", lambda *_: ()),
    "the array and its weights are not looked at": (recurrence, "_array", lambda *_: ()),
    "units are not looked at": (recurrence, "_lane", lambda *_: ()),
    "blocks repeat without end": (ArrayUnitModel, "turns", lambda *_: 3),
    "what waits has waited no longer": (recurrence, "_earlier", lambda since, *_: since),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_detected(fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    assert is_seen(None, range(4, 14))


def without_phase(self: TimedMemory, now: int) -> tuple[int, ...]:
    """Return the state of a memory without the phases of its rate and its refresh."""
    return STATE(self, now)[2:]


STATE = TimedMemory.state


def test_the_phase_of_refresh_is_looked_at(monkeypatch):
    monkeypatch.setattr(TimedMemory, "state", without_phase)
    assert any(is_seen(config, range(4), refresh=True) for config in CONFIGS.values())


def test_commands_in_queues_are_looked_at(monkeypatch):
    monkeypatch.setattr(recurrence, "_entry", lambda *_: ())
    assert any(is_seen(config, range(12)) for config in CONFIGS.values() if config)
