"""Signals between units: enough of them, none too many, and no way to be stuck."""

from dataclasses import replace

import numpy as np
import pytest

from tests.mapping.compile.interleaving import Interleaving, StuckError
from tilewright.mapping.compile.synchronise import synchronise
from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.commands import (
    UNIT_COMMANDS,
    Add,
    Command,
    End,
    Fence,
    Jobs,
    Load,
    Loop,
    Product,
    Repeat,
    Set,
    Store,
    UnitCommand,
    Vector,
    Weights,
)
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.footprint import footprint
from tilewright.sim.isa.units import Unit, Units
from tilewright.sim.isa.vector_command import Matrix, Storage, VectorCommand
from tilewright.sim.machine.accelerator.product import product_beats
from tilewright.sim.machine.cim.matmul import ArrayMatmul

CONFIG = AcceleratorConfig(
    cim=CIMArrayConfig(
        tiles=2,
        tile=TileConfig(
            macro=MacroConfig(rows=8, columns=8, weight_bits=8, input_bits=8, input_bits_per_cycle=2),
            weight_bus_bits=32,
            activation_bus_bits=32,
            result_bus_bits=64,
        ),
    ),
    vector=VectorConfig(lanes=4, address_bits=8),
    banks=4,
    bus_bits=32,
    max_burst=16,
    weight_buffer_beats=32,
    queue_depth=4,
)
BANK = CONFIG.bank_bytes
WITH_NPE = CONFIG.model_copy(update={"npe": NpeConfig()})


def load(place: int, address: int = 0, beats: int = 4, **fields) -> Load:
    return Load(address=address, beats=beats, destination=place, **fields)


def store(place: int, address: int, beats: int = 4, **fields) -> Store:
    return Store(size=2, address=address, count=beats, source=place, element_pitch=4, **fields)


def weights(k: int, n: int, address: int = 0) -> Weights:
    return Weights(address=address, beats=k * n // 4)


def product(a: int, out: int, k: int = 8, n: int = 8) -> Product:
    return Product(vectors=1, k=k, n=n, a=a, out=out)


def copy(source: int, to: int, columns: int = 4, *more: int) -> Vector:
    places = [Matrix(address=place // 4, storage=Storage.FP32) for place in (source, to, *more)]
    b = places[2] if more else None
    return Vector(command=VectorCommand(rows=1, columns=columns, a=places[0], b=b, d=places[1]))


def random_program(rng: np.random.Generator, length: int, *, loops: bool = False, jobs: bool = False) -> list[Command]:
    """Return commands on few places, so that most conflict with others."""

    def place(bank: int) -> int:
        return bank * BANK + int(rng.integers(4)) * 64

    def address() -> dict:
        those = {"address": int(rng.integers(8)) * 64}
        return those | ({"register": int(rng.integers(1, 3))} if loops and rng.random() < 0.5 else {})

    program: list[Command] = []
    open_loops = 0
    while len(program) < length:
        a, b, d = (int(bank) for bank in rng.permutation(4)[:3])
        kind = rng.integers(8 if loops else 5)
        if jobs and rng.random() < 0.15:
            program.append(Jobs(**address(), count=1))
        elif kind == 0:
            program.append(Load(**address(), beats=8, rows=2, stride=64, destination=place(a), pitch=64))
        elif kind == 1:
            program.append(
                Store(size=2, **address(), count=6, rows=2, stride=32, source=place(a), element_pitch=4, pitch=64)
            )
        elif kind in (2, 3):
            program.append(copy(place(a), place(d), 8, *([place(b)] if rng.random() < 0.5 else [])))
        elif kind == 4:
            k, n = int(rng.integers(1, 30)), 8 * int(rng.integers(1, 4))
            program.append(Weights(**address(), beats=k * n // 4))
            program.append(product(place(a), place(d), k, n))
        elif kind == 5 and open_loops < 2:
            program.append(Loop(count=int(rng.integers(1, 4))))
            open_loops += 1
        elif kind == 6 and open_loops:
            program.append(Repeat())
            open_loops -= 1
        elif kind == 7:
            program.append(
                (Add if rng.random() < 0.6 else Set)(register=int(rng.integers(1, 3)), value=int(rng.integers(4)) * 64)
            )
    return [*program, *[Repeat()] * open_loops, End()]


class Watch:
    """Sees that a command begins when no earlier one that it conflicts with still runs or is still to come."""

    def __init__(self, jobs: dict[int, Descriptor] | None = None):
        self.jobs = jobs
        self.ended: list[tuple[int, UnitCommand, int]] = []
        self.running: dict[int, tuple[UnitCommand, int]] = {}
        self.begun: dict[int, tuple[UnitCommand, int]] = {}

    def begin(self, number: int, command: UnitCommand, value: int) -> None:
        for other, (theirs, their_value) in self.begun.items():
            if other > number or other in self.running:
                assert theirs.UNIT == command.UNIT or not conflict(command, value, theirs, their_value, self.jobs), (
                    f"{number}: {command} beside {other}: {theirs}"
                )
        self.begun[number] = self.running[number] = (command, value)

    def end(self, number: int, *_) -> None:
        del self.running[number]


def conflict(
    one: UnitCommand, value: int, other: UnitCommand, other_value: int, jobs: dict[int, Descriptor] | None = None
) -> bool:
    """Return whether one writes a byte that the other reads or writes; in sets of bytes. Jobs that are not known may use
    any of memory."""
    if Jobs in (type(one), type(other)) and jobs is None:
        return not {type(one), type(other)} & {Product, Vector}

    def byte_sets(command: UnitCommand, register: int) -> tuple[set[int], set[int], set[int], set[int]]:
        known = None
        if isinstance(command, Jobs) and jobs is not None:
            known = [jobs[address + register] for address in command.addresses]
        those = footprint(WITH_NPE, command, register, known)
        return tuple(
            {r.start + row * r.pitch + byte for r in regions for row in range(r.rows) for byte in range(r.width)}
            for regions in (those.scratchpad_reads, those.scratchpad_writes, those.memory_reads, those.memory_writes)
        )

    (a, b, c, d), (e, f, g, h) = byte_sets(one, value), byte_sets(other, other_value)
    return bool(a & f or b & e or b & f or c & h or d & g or d & h)


def run(
    program: list[Command], seed: int, config: AcceleratorConfig = CONFIG, jobs: dict[int, Descriptor] | None = None
) -> None:
    watch = Watch(jobs)
    Interleaving(config, program, np.random.default_rng(seed), watch.begin, watch.end).run()


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_random_programs_run_in_any_order_of_their_units(seed, loops):
    program = random_program(np.random.default_rng(seed), 60, loops=loops)
    done = synchronise(CONFIG, program)
    for order in range(6):
        run(done, order)


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_jobs_of_the_co_processor_wait_for_all_that_use_memory(seed, loops):
    program = random_program(np.random.default_rng(seed), 60, loops=loops, jobs=True)
    assert any(isinstance(each, Jobs) for each in program)
    done = synchronise(WITH_NPE, program)
    for order in range(6):
        run(done, order, WITH_NPE)


def small_jobs(seed: int) -> dict[int, Descriptor]:
    """Return jobs on the places of random programs, by the addresses of their descriptors."""
    rng = np.random.default_rng(seed)

    def job() -> Descriptor:
        a, b, c = (int(place) * 64 for place in rng.integers(0, 12, 3))
        return Descriptor(
            mode=Mode.INT8, out_format=Mode.INT8, m=int(rng.integers(1, 4)), n=int(rng.integers(1, 4)), k=8, a=a, b=b,
            c=c, a_stride=16, b_stride=16, c_stride=32,
        )  # fmt: skip

    return {address: job() for address in range(0, 8192, 64)}


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_known_jobs_wait_for_what_they_touch(seed, loops):
    program, jobs = random_program(np.random.default_rng(seed), 60, loops=loops, jobs=True), small_jobs(seed)
    done = synchronise(WITH_NPE, program, descriptors=jobs)
    for order in range(6):
        run(done, order, WITH_NPE, jobs)


def test_the_descriptors_of_other_jobs_are_not_enough():
    failed = 0
    for seed in range(6):
        program = random_program(np.random.default_rng(seed), 60, jobs=True)
        done = synchronise(WITH_NPE, program, descriptors=small_jobs(seed))
        try:
            for order in range(6):
                run(done, order, WITH_NPE, small_jobs(seed + 100))
        except AssertionError:
            failed += 1
    assert failed > 3


def test_a_job_waits_for_stores_and_for_loads_that_it_touches():
    job = small_jobs(0)[0]
    body = [
        load(0, address=8192),
        Jobs(address=4096, count=1),
        load(BANK, job.c),
        load(2 * BANK, 8192),
        store(0, 16384),
    ]
    program = synchronise(WITH_NPE, [*body, End()], descriptors={4096: job})
    assert pairs(program) == [
        (Units.NONE, Units.STORE),
        (Units.NONE, Units.LOAD | Units.STORE),
        (Units.NPE, Units.NONE),
        (Units.NONE, Units.NONE),
        (Units.LOAD | Units.NPE, Units.NONE),
    ]


def test_a_job_in_a_loop_waits_for_registers_where_it_writes_what_moves():
    job = small_jobs(0)[0]
    body = [Jobs(address=4096, count=1, register=2), replace(load(0, 8192), register=1)]
    for moving, waits in (
        ((), Units.NONE),
        ((range(job.c, job.c + 16),), Units.NPE),
        ((range(8192, 9000),), Units.NONE),
    ):
        program = synchronise(
            WITH_NPE, [Loop(count=2), *body, Repeat(), End()], apart=True, descriptors={4096: job}, moving=moving
        )
        assert pairs(program)[1][0] == waits
    program = synchronise(WITH_NPE, [Loop(count=2), *body, Repeat(), End()], descriptors={4096: job})
    assert pairs(program)[1][0] == Units.NPE


def test_jobs_have_signals_from_and_to_memory_only():
    job = Jobs(address=0, count=3)
    program = synchronise(WITH_NPE, [load(0), copy(0, BANK), job, store(BANK, 4096), job, copy(BANK, 0), End()])
    assert pairs(program) == [
        (Units.NONE, Units.VECTOR | Units.NPE),
        (Units.LOAD, Units.STORE),
        (Units.LOAD, Units.STORE),
        (Units.VECTOR | Units.NPE, Units.NPE),
        (Units.STORE, Units.NONE),
        (Units.NONE, Units.NONE),
    ]


def test_jobs_are_never_apart_from_what_is_addressed_through_registers():
    body = [replace(store(0, 4096), register=1), Jobs(address=0, count=1), replace(load(0), register=2)]
    program = synchronise(WITH_NPE, [Loop(count=2), *body, Repeat(), End()], apart=True)
    assert pairs(program) == [
        (Units.NONE, Units.NPE),
        (Units.STORE, Units.LOAD),
        (Units.NPE, Units.NONE),
    ]


def test_programs_without_signals_do_not():
    failed = 0
    for seed in range(6):
        try:
            run(random_program(np.random.default_rng(seed), 60), seed)
        except (AssertionError, StuckError):
            failed += 1
    assert failed == 6


def pairs(program: list[Command]) -> list[tuple[Units, Units]]:
    return [(c.wait, c.signal) for c in program if isinstance(c, UNIT_COMMANDS)]


def test_every_signal_that_is_taken_away_is_missed():
    program = synchronise(CONFIG, random_program(np.random.default_rng(2), 40))
    given = [
        (place, unit)
        for place, each in enumerate(program)
        if isinstance(each, UNIT_COMMANDS)
        for unit in Unit
        if each.signal & Units(1 << unit)
    ]
    assert len(given) > 20
    for place, unit in given:
        changed = list(program)
        changed[place] = replace(changed[place], signal=changed[place].signal & ~Units(1 << unit))
        with pytest.raises(StuckError):
            run(changed, 0)


def test_a_chain_takes_one_signal_a_step():
    a, b = 0, BANK
    program = synchronise(CONFIG, [load(a), copy(a, b), store(b, 4096), End()])
    assert pairs(program) == [
        (Units.NONE, Units.VECTOR),
        (Units.LOAD, Units.STORE),
        (Units.VECTOR, Units.NONE),
    ]
    # What is known through another unit is not waited for: the second load follows the copy, which follows the first.
    program = synchronise(CONFIG, [load(a), copy(a, b), load(b + 64), store(b, 4096), load(a), End()])
    assert pairs(program) == [
        (Units.NONE, Units.VECTOR),
        (Units.LOAD, Units.LOAD | Units.STORE),
        (Units.NONE, Units.NONE),
        (Units.VECTOR, Units.NONE),
        (Units.VECTOR, Units.NONE),
    ]


def test_commands_that_share_nothing_wait_for_nothing():
    program = [
        load(0),
        store(BANK, 4096),
        copy(2 * BANK, 2 * BANK + 64),
        weights(8, 8),
        product(3 * BANK, 3 * BANK + 64),
        End(),
    ]
    assert pairs(synchronise(CONFIG, program)) == [(Units.NONE, Units.NONE)] * 5
    # Columns side by side in the same rows are not the same bytes.
    left, right = (
        Load(address=0, beats=4, rows=3, stride=16, destination=0, pitch=64),
        Store(size=2, address=4096, count=4, rows=3, stride=16, source=16, element_pitch=4, pitch=64),
    )
    assert pairs(synchronise(CONFIG, [left, right])) == [(Units.NONE, Units.NONE)] * 2
    assert pairs(synchronise(CONFIG, [left, replace(right, source=12)]))[1] == (Units.LOAD, Units.NONE)


def test_memory_that_is_written_is_read_afterwards():
    program = [store(0, 4096), weights(8, 8, 4096 + 12), product(BANK, 2 * BANK), load(3 * BANK, 4096 + 16)]
    assert pairs(synchronise(CONFIG, program)) == [
        (Units.NONE, Units.LOAD | Units.ARRAY),
        (Units.STORE, Units.NONE),
        # It holds ports while it waits for weights, which wait for the store, which may need these ports.
        (Units.STORE, Units.NONE),
        (Units.NONE, Units.NONE),
    ]


def test_a_product_does_not_hold_what_a_load_before_its_weights_needs():
    # The load waits for the pass; meanwhile the product could take the port that both write through.
    program = [copy(0, BANK), load(0), weights(8, 8), product(BANK * 2, 128), End()]
    done = synchronise(CONFIG, program)
    assert pairs(done)[3] == (Units.LOAD, Units.NONE)
    for seed in range(10):
        run(done, seed)
    bare = [replace(each, wait=Units.NONE) if isinstance(each, Product) else each for each in done]
    bare[1] = replace(bare[1], signal=Units.NONE)

    def run_often() -> None:
        for seed in range(200):
            run(bare, seed)

    with pytest.raises(StuckError):
        run_often()


def test_loops_have_fences_and_registers_that_are_compared():
    body = [load(0, 0, register=1), Add(register=1, value=64), load(BANK, 0, register=1), store(0, 64, register=1)]
    program = [Set(register=1, value=256), Loop(count=3), *body, Repeat(), End()]
    done = synchronise(CONFIG, program)
    assert [type(each) for each in done] == [Set, Fence, Loop, Load, Add, Load, Store, Fence, Repeat, End]
    # The store is 64 bytes behind the second load.
    assert done[6].wait == Units.LOAD
    assert (done[3].signal, done[5].signal) == (Units.STORE, Units.NONE)
    other = [load(BANK, 0, register=1), store(0, 4096)]
    program = [Loop(count=3), *other, Add(register=1, value=64), Repeat(), End()]
    assert synchronise(CONFIG, program)[3].wait == Units.LOAD
    assert synchronise(CONFIG, program, apart=True)[3].wait == Units.NONE
    # Before any loop what registers hold is known.
    assert synchronise(CONFIG, other)[1].wait == Units.NONE


@pytest.mark.parametrize(("address", "wait"), [(192, Units.LOAD), (128, Units.NONE)])
def test_a_large_step_of_a_register_steps_back(address, wait):
    body = [load(0, 128, register=1), Add(register=1, value=(1 << 64) - 64), store(BANK, address, register=1)]
    done = synchronise(CONFIG, [Loop(count=2), *body, Repeat(), End()])
    assert [each.wait for each in done if isinstance(each, Store)] == [wait]


def test_semaphores_do_not_count_too_far():
    places = [4 * index for index in range(300)]

    def program(count: int) -> list[Command]:
        loads = [load(place, beats=1) for place in places[:count]]
        return [*loads, *(store(place, 4096 + place, beats=1) for place in places[:count]), End()]

    assert not any(isinstance(each, Fence) for each in synchronise(CONFIG, program(150)))
    done = synchronise(CONFIG, program(300))
    assert [type(each) for each in done].count(Fence) == 1
    run(done, 1)
    # A fence never parts weights from their product.
    apart = program(300)
    apart[100:100] = [weights(8, 8)]
    apart[280:280] = [product(BANK * 3, BANK * 2)]
    done = synchronise(CONFIG, apart)
    assert [type(each) for each in done][100] is Fence
    apart[0:0] = [apart.pop(100)]
    with pytest.raises(ValueError, match="more than 190 signals are given between"):
        synchronise(CONFIG, apart)


@pytest.mark.parametrize("reduce", [False, True])
@pytest.mark.parametrize("group", [0, 32])
def test_beats_of_a_product_are_those_of_its_blocks(reduce, group):
    tile = CONFIG.cim.tile
    if group:
        tile = tile.model_copy(update={"group_scale": "uint8", "group_rows": group})
    config = CONFIG.model_copy(update={"cim": CONFIG.cim.model_copy(update={"tile": tile})})
    for k, n in ((1, 8), (8, 16), (17, 24), (40, 8)):
        words = ArrayMatmul(config.cim, 1, k, n, reduce).weight_words(
            np.zeros((k, n), int), np.zeros((-(-k // group), n), int) if group else None
        )
        assert product_beats(config, Product(vectors=1, k=k, n=n, a=0, out=0, reduce=reduce)) == len(words)
