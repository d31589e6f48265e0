"""What commands leave behind, against numpy."""

import numpy as np
import pytest

from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.commands import Add, End, Load, Loop, Product, Repeat, Set, Store, Vector, Weights
from tilewright.sim.isa.vector_command import Matrix, Storage, VectorCommand
from tilewright.sim.machine.accelerator.values import AcceleratorValues
from tilewright.sim.machine.cim.matmul import ArrayMatmul


def config(weight_bits: int = 8, weight_format: str = "int", group_scale: str = "none", group_rows: int = 0):
    macro = MacroConfig(rows=16, columns=16, weight_bits=weight_bits, weight_format=weight_format, input_bits=8)
    tile = TileConfig(
        macro=macro, grid_rows=2, group_scale=group_scale, group_rows=group_rows, max_shift=7, accumulator_vectors=64
    )
    return AcceleratorConfig(
        cim=CIMArrayConfig(tiles=4, tile=tile), vector=VectorConfig(lanes=8, address_bits=12), bus_bits=64
    )


CONFIG = config()
BANK = CONFIG.bank_bytes


def machine(of: AcceleratorConfig = CONFIG, size: int = 1 << 16) -> AcceleratorValues:
    return AcceleratorValues(of, np.random.default_rng(5).integers(0, 256, size, dtype=np.uint8))


@pytest.mark.parametrize("weights", [(8, "int"), (4, "int"), (4, "fp4_e2m1")])
@pytest.mark.parametrize("scales", [("none", 0), ("uint8", 32), ("e8m0", 32)])
@pytest.mark.parametrize("reduce", [False, True])
@pytest.mark.parametrize(("k", "n"), [(32, 64), (300, 80), (7, 16)])
def test_products_are_those_of_numpy(weights, scales, reduce, k, n):
    of = config(*weights, *scales)
    rng = np.random.default_rng(k)
    w = rng.choice(of.cim.tile.macro.weights.counts, (k, n))
    s = rng.integers(0, 1 << of.cim.tile.scale_bits, (-(-k // scales[1]), n)) if scales[1] else None
    a = rng.integers(-128, 128, (5, k))
    words = ArrayMatmul(of.cim, 5, k, n, reduce).weight_words(of.cim.tile.macro.weights.encode(w), s)
    run = machine(of)
    run.memory[64 : 64 + words.size] = words.ravel()
    pitch = 512
    for row in range(5):
        run.scratchpad[row * pitch : row * pitch + k] = a[row].astype(np.int8).view(np.uint8)
    bank = of.bank_bytes
    run.execute(Weights(address=64, beats=len(words)))
    run.execute(Product(vectors=5, k=k, n=n, a=0, a_pitch=pitch, out=bank, out_pitch=4 * n, reduce=reduce))
    assert not len(run.weights)
    factors = np.ones((k, n), int)
    if s is not None:
        factors = np.repeat(s if scales[0] == "uint8" else 1 << s, scales[1], axis=0)[:k]
    wrapped = (a @ (w * factors)).astype(np.int32)
    assert (run.scratchpad[bank : bank + 20 * n].view(np.int32).reshape(5, n) == wrapped).all()


def test_sums_wrap():
    run = machine(config(8, "int", "uint8", 32))
    k, n = 160 * 32, 16
    run.scratchpad[:k] = 127
    w, s = np.full((k, n), 127), np.full((k // 32, n), 255)
    words = ArrayMatmul(run.config.cim, 1, k, n).weight_words(w, s)
    run.memory = words.ravel().copy()
    run.execute(Weights(address=0, beats=len(words)))
    run.execute(Product(vectors=1, k=k, n=n, a=0, out=BANK))
    exact = k * 127 * 127 * 255
    assert exact >= 1 << 32
    assert run.scratchpad[BANK : BANK + 4].view(np.int32)[0] == (exact + (1 << 31)) % (1 << 32) - (1 << 31)


def test_loads_put_planes_of_rows_below_one_another():
    run = machine()
    run.execute(
        Load(
            register=1, address=24, beats=3, rows=2, stride=64, planes=3, plane_stride=512, destination=BANK, pitch=40
        ),
        8,
    )
    for plane in range(3):
        for row in range(2):
            source, place = 32 + plane * 512 + row * 64, BANK + (2 * plane + row) * 40
            assert (run.scratchpad[place : place + 24] == run.memory[source : source + 24]).all()
    assert np.count_nonzero(run.scratchpad) <= 6 * 24


def test_stores_gather_elements():
    run = machine()
    run.scratchpad[:] = np.random.default_rng(6).integers(0, 256, len(run.scratchpad))
    before = run.memory.copy()
    run.execute(
        Store(size=1, address=100, register=2, count=3, rows=2, stride=32, planes=2, plane_stride=1000,
              source=64, element_pitch=10, pitch=200, plane_pitch=2000), 4
    )  # fmt: skip
    expected = before
    for plane in range(2):
        for row in range(2):
            for element in range(3):
                source = 64 + 10 * element + 200 * row + 2000 * plane
                place = 104 + 2 * element + 32 * row + 1000 * plane
                expected[place : place + 2] = run.scratchpad[source : source + 2]
    assert (run.memory == expected).all()


def test_passes_read_and_write_any_bank():
    run = machine()
    values = np.arange(8, dtype=np.float32)
    run.scratchpad[3 * BANK : 3 * BANK + 32] = values.view(np.uint8)
    places = [Matrix(address=bank * BANK // 8, storage=Storage.FP32) for bank in (3, 6)]
    run.execute(Vector(command=VectorCommand(rows=1, columns=8, a=places[0], b=places[0], d=places[1])))
    assert (run.scratchpad[6 * BANK : 6 * BANK + 32].view(np.float32) == values**2).all()


def test_a_program_runs_its_loops():
    run = machine()
    run.memory[:256] = np.arange(256)
    program = [
        Set(register=1, value=0), Set(register=2, value=4096),
        Loop(count=2), Loop(count=3),
        Load(register=1, address=0, beats=1, destination=0), Store(register=2, size=3, address=0, count=1, source=0, element_pitch=8),
        Add(register=1, value=16), Add(register=2, value=8), Repeat(),
        Add(register=1, value=(1 << 64) - 8), Repeat(), End(), Load(address=128, beats=1, destination=0),
    ]  # fmt: skip
    run.run(program)
    firsts = [0, 16, 32, 40, 56, 72]
    assert (run.memory[4096 : 4096 + 48 : 8] == firsts).all()
    assert run.scratchpad[0] == 72


def test_bytes_that_are_not_there_are_an_error():
    run = machine(size=128)
    with pytest.raises(AssertionError, match="bytes 124 to 131 of 128"):
        run.execute(Load(address=124, beats=1, destination=0))
    with pytest.raises(AssertionError, match="a block of"):
        run.execute(Product(vectors=1, k=1, n=16, a=0, out=BANK))
