"""What commands read and write, against what they are seen to read and write."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator
from tilewright.bench.random_jobs import random_descriptor
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.commands import Jobs, Load, Product, Store, UnitCommand, Vector, Weights
from tilewright.sim.isa.footprint import MOST_PLANES, Region, bank_ports, footprint
from tilewright.sim.isa.vector_command import Matrix, Storage, VectorCommand
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES
from tilewright.sim.machine.accelerator.values import AcceleratorValues
from tilewright.sim.machine.npe import values as npe_values
from tilewright.sim.machine.npe.schedule import Request, schedule

CONFIG = accelerator()
BANK = CONFIG.bank_bytes


def bytes_of(regions: tuple[Region, ...], size: int) -> np.ndarray:
    """Return which bytes lie in regions."""
    there = np.zeros(size, bool)
    for region in regions:
        for row in range(region.rows):
            start = region.start + row * region.pitch
            there[start : start + region.width] = True
    return there


def vector(**fields) -> Vector:
    places = {"a": Matrix(address=16, stride=32), "d": Matrix(address=BANK // 16, stride=9, storage=Storage.INT8)}
    return Vector(command=VectorCommand(**({"rows": 3, "columns": 35} | places | fields)))


COMMANDS = {
    "load": Load(address=64, beats=3, rows=2, stride=96, planes=3, plane_stride=512, destination=BANK, pitch=80),
    "load of one row": Load(address=64, beats=3, destination=BANK),
    "load over itself": Load(address=64, beats=3, rows=4, stride=16, destination=BANK, pitch=16),
    "store": Store(size=1, address=130, count=5, rows=3, stride=32, planes=2, plane_stride=1000, source=2, element_pitch=6, pitch=100, plane_pitch=900),
    "store of one row a plane": Store(size=0, address=130, count=5, planes=4, plane_stride=64, source=2, element_pitch=1, plane_pitch=128),
    "store of planes that follow rows": Store(size=2, address=128, count=2, rows=3, stride=16, planes=2, plane_stride=48, source=0, element_pitch=4, pitch=64, plane_pitch=192),
    "packed store": Store(size=0, packed=True, address=131, count=5, rows=3, stride=32, source=2, element_pitch=3, pitch=100),
    "product": Product(vectors=3, k=21, n=32, a=64, a_pitch=48, out=2 * BANK, out_pitch=192),
    "product of equal rows": Product(vectors=3, k=16, n=16, a=64, out=2 * BANK, out_pitch=64),
    "pass": vector(),
    "pass with operands": vector(b=Matrix(address=3 * BANK // 16, stride=0), c=Matrix(address=4 * BANK // 16, stride=40)),
    "pass to fp32": vector(d=Matrix(address=BANK // 16, stride=16)),
    "scattering pass": vector(columns=1, d=Matrix(address=BANK // 4 + 3, stride=5), scatter=True),
}  # fmt: skip


def machine(seed: int) -> AcceleratorValues:
    run = AcceleratorValues(CONFIG, np.zeros(8192, np.uint8))
    rng = np.random.default_rng(seed)
    run.memory[:] = rng.integers(0, 256, 8192)
    # Small exponents, so that no FP32 is a NaN.
    run.scratchpad[:] = rng.integers(1, 64, len(run.scratchpad))
    run.weights = bytearray(b"\1" * (1 << 16))
    return run


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_is_written_is_what_changes(command: UnitCommand):
    those = footprint(CONFIG, command)
    scratchpad, memory = np.zeros(CONFIG.scratchpad_bytes, bool), np.zeros(8192, bool)
    for seed in range(6):
        run = machine(seed)
        before = run.scratchpad.copy(), run.memory.copy()
        run.execute(command)
        scratchpad |= run.scratchpad != before[0]
        memory |= run.memory != before[1]
    assert (memory == bytes_of(those.memory_writes, 8192)).all()
    written = bytes_of(those.scratchpad_writes, CONFIG.scratchpad_bytes)
    assert not (scratchpad & ~written).any()
    # A few bytes may be the same by chance: results of the same sign, and zeros behind a row's end.
    assert scratchpad.sum() >= 0.6 * written.sum()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_is_not_read_changes_nothing(command: UnitCommand):
    those = footprint(CONFIG, command)
    one, other = machine(1), machine(2)
    read = bytes_of(those.scratchpad_reads, CONFIG.scratchpad_bytes)
    other.scratchpad[read] = one.scratchpad[read]
    read = bytes_of(those.memory_reads, 8192)
    other.memory[read] = one.memory[read]
    for run in (one, other):
        run.execute(command)
    written = bytes_of(those.scratchpad_writes, CONFIG.scratchpad_bytes)
    assert (one.scratchpad[written] == other.scratchpad[written]).all()
    written = bytes_of(those.memory_writes, 8192)
    assert (one.memory[written] == other.memory[written]).all()


def test_weights_are_read_and_nothing_is_written():
    those = footprint(CONFIG, Weights(address=64, register=1, beats=2, rows=3, stride=64), 1000)
    assert those.memory_reads == (Region(1064, 32, 3, 64),)
    assert (those.memory_writes, those.scratchpad_reads, those.scratchpad_writes) == ((), (), ())
    assert footprint(CONFIG, Weights(address=64, beats=2), 1000).memory_reads == (Region(64, 32),)


def test_many_planes_are_one_region_from_their_first_to_their_last_byte():
    planes = {"address": 64, "beats": 1, "rows": 2, "stride": 32, "plane_stride": 512, "destination": 0, "pitch": 16}
    row = CONFIG.bus_bytes
    few = footprint(CONFIG, Load(**planes, planes=MOST_PLANES)).memory_reads
    assert few == tuple(Region(64 + 512 * plane, row, 2, 32) for plane in range(MOST_PLANES))
    [many] = footprint(CONFIG, Load(**planes, planes=MOST_PLANES + 1)).memory_reads
    assert (many.start, many.stop) == (64, 64 + 512 * MOST_PLANES + 32 + row)


def test_regions_overlap_where_a_byte_is_in_both():
    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(3000):
        pitch = int(rng.integers(2, 12))
        one, other = (
            Region(int(rng.integers(30)), int(rng.integers(1, pitch)), rows, pitch if rows > 1 else 0)
            for rows in (int(n) for n in rng.integers(1, 5, 2))
        )
        both = (bytes_of((one,), 128) & bytes_of((other,), 128)).any()
        # One may begin rows behind the end of the other, where only what lies between them is looked at.
        assert one.overlaps(other) >= both
        assert one.overlaps(other) == other.overlaps(one)
        seen.add((bool(both), one.overlaps(other)))
    assert {(True, True), (False, False)} <= seen
    assert not Region(0, 4, 8, 16).overlaps(Region(4, 12, 8, 16))
    assert Region(0, 4, 8, 16).overlaps(Region(3, 12, 8, 16))
    assert Region(0, 4, 8, 16).overlaps(Region(4, 1, 8, 12))


def test_ports_are_those_of_the_banks():
    assert bank_ports(CONFIG, COMMANDS["pass with operands"]) == ({0, 3, 4}, {1})
    assert bank_ports(CONFIG, COMMANDS["product"]) == ({0}, {2})
    assert bank_ports(CONFIG, COMMANDS["load"]) == (set(), {1})
    assert bank_ports(CONFIG, COMMANDS["store"]) == ({0}, set())


@pytest.mark.parametrize("seed", range(40))
def test_jobs_touch_what_their_descriptors_say(seed):
    npe = NpeConfig(bus_bits=64)
    config, size = CONFIG.model_copy(update={"npe": npe}), 1 << 16
    jobs = [random_descriptor(npe, np.random.default_rng(2 * seed + n), 4096, size) for n in range(2)]
    those = footprint(config, Jobs(address=128, count=2, register=1), 256, jobs)
    read, written = np.zeros(size, bool), np.zeros(size, bool)
    read[384 : 384 + 2 * DESCRIPTOR_BYTES] = True
    for job in jobs:
        for item in schedule(npe, job):
            if isinstance(item, Request):
                read[item.address : item.address + item.beats * npe.bus_bytes] = True
        for lines in npe_values.places(npe, job):
            written[lines] = True
    assert (bytes_of(those.memory_writes, size) == written).all()
    assert (bytes_of(those.memory_reads, size) == read).all()
    assert not those.anywhere
    assert those.scratchpad_reads == those.scratchpad_writes == ()


def test_unknown_jobs_touch_anything():
    config = CONFIG.model_copy(update={"npe": NpeConfig(bus_bits=64)})
    assert footprint(config, Jobs(address=128, count=2)).anywhere
