"""Bench of the CIM macro: streams vectors through it back to back and checks values, latency and rate."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from tilewright.cocotb_tests.harness.job import received
from tilewright.sim.config import MacroConfig
from tilewright.sim.machine.cim.words import pack, unpack

BENCH = "tilewright.cocotb_tests.cim.cb_cim_macro"
"""Name of this module, as cocotb imports it."""


class MacroBench:
    """Writes weights and streams vectors; every vector follows the one before without a gap."""

    def __init__(self, dut):
        self.dut = dut
        self.job = received()
        self.config: MacroConfig = self.job.config

    async def start(self) -> None:
        dut = self.dut
        for port in ("write_enable", "slice_valid", "slice_first", "slice_last", "slice_bank", "rst"):
            getattr(dut, port).value = 0
        Clock(dut.clk, 2, unit="ns").start()
        await RisingEdge(dut.clk)

    async def write(self, bank: int, weights: np.ndarray) -> None:
        """Write a whole matrix (rows, columns) into a bank."""
        cfg, dut = self.config, self.dut
        word_bits = -(-cfg.columns * cfg.cell_bits // 8) * 8
        dut.write_enable.value = 1
        dut.write_bank.value = bank
        for row, word in enumerate(pack(weights, cfg.cell_bits, word_bits)):
            dut.write_row.value = row
            dut.write_data.value = int.from_bytes(word.tobytes(), "little")
            await RisingEdge(dut.clk)
        dut.write_enable.value = 0

    def parts(self, weights: np.ndarray) -> list[np.ndarray]:
        """Return the parts of a matrix (rows, any number) that fill the macro's columns one after another."""
        count, rest = divmod(weights.shape[1], self.config.columns)
        assert count
        assert not rest
        return np.split(weights, count, axis=1)

    def slices(self, vector: np.ndarray) -> list[int]:
        """Return the slices of a vector (rows,), most significant first, as the port takes them."""
        cfg = self.config
        planes = [sum(int(bit) << row for row, bit in enumerate((vector >> b) & 1)) for b in range(cfg.input_bits)]
        step = cfg.input_bits_per_cycle
        return [
            sum(planes[low + j] << (j * cfg.rows) for j in range(step))
            for low in range(cfg.input_bits - step, -1, -step)
        ]

    async def stream(self, vectors: np.ndarray, banks: np.ndarray) -> np.ndarray:
        """Stream vectors (count, rows), each with its bank; return the results (count, columns).

        Raises
        ------
        AssertionError
            If a result does not come exactly ``latency`` cycles after its last slice, or one comes without.
        """
        cfg, dut = self.config, self.dut
        slices = [(part, bank) for v, bank in zip(vectors, banks, strict=True) for part in self.slices(v)]
        results = []
        for cycle in range(len(slices) + cfg.latency):
            dut.slice_valid.value = cycle < len(slices)
            if cycle < len(slices):
                part, bank = slices[cycle]
                dut.slice_bits.value = part
                dut.slice_bank.value = int(bank)
                dut.slice_first.value = cycle % cfg.slices == 0
                dut.slice_last.value = cycle % cfg.slices == cfg.slices - 1
            await FallingEdge(dut.clk)
            # The last slice of vector v is there in cycle (v + 1) * slices - 1.
            since = cycle - cfg.latency - (cfg.slices - 1)
            due = since >= 0 and since % cfg.slices == 0
            assert dut.result_valid.value == due, f"cycle {cycle}: result_valid is {dut.result_valid.value}"
            if due:
                results.append(int(dut.result.value))
            await RisingEdge(dut.clk)
        dut.slice_valid.value = 0
        size = -(-cfg.columns * cfg.result_bits // 8)
        words = np.frombuffer(b"".join(r.to_bytes(size, "little") for r in results), np.uint8)
        return unpack(words.reshape(-1, size), cfg.result_bits, cfg.columns)


def signed_range(bits: int) -> np.ndarray:
    """Return every signed integer of ``bits``."""
    return np.arange(-(1 << bits - 1), 1 << bits - 1)


def _extremes(rng: np.random.Generator, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return random integers, a third of them the smallest and the largest."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    values = rng.integers(low, high + 1, shape)
    kind = rng.random(shape)
    values[kind < 1 / 6] = low
    values[kind > 5 / 6] = high
    return values


def _normal(rng: np.random.Generator, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return normally distributed integers, of which the range is four standard deviations to either side."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return np.clip(np.rint(rng.standard_normal(shape) * high / 4), low, high).astype(np.int64)


@cocotb.test()
async def every_product(dut) -> None:
    """Multiply every weight with every activation in two rows, beside neighbours that differ from column to column."""
    bench = MacroBench(dut)
    await bench.start()
    cfg = bench.config
    assert cfg.rows == 2
    rng = np.random.default_rng(1)
    weights = np.stack([signed_range(cfg.cell_bits), _extremes(rng, cfg.cell_bits, (1 << cfg.cell_bits,))])
    first = signed_range(cfg.input_bits)
    vectors = np.stack([first, _extremes(rng, cfg.input_bits, first.shape)], axis=1)
    for part in bench.parts(weights):
        await bench.write(0, part)
        results = await bench.stream(vectors, np.zeros(len(vectors), int))
        assert (results == vectors @ part).all()


@cocotb.test()
async def every_pair(dut) -> None:
    """Multiply every pair of 4-bit weights with every pair of 4-bit activations in two rows."""
    bench = MacroBench(dut)
    await bench.start()
    cfg = bench.config
    assert (cfg.rows, cfg.cell_bits, cfg.input_bits) == (2, 4, 4)
    values = signed_range(4)
    pairs = np.stack(np.meshgrid(values, values)).reshape(2, -1)
    for part in bench.parts(pairs):
        await bench.write(1, part)
        results = await bench.stream(pairs.T, np.ones(256, int))
        assert (results == pairs.T @ part).all()


@cocotb.test()
async def random_vectors(dut) -> None:
    """Random and extreme values in every bank, banks changing from vector to vector."""
    bench = MacroBench(dut)
    await bench.start()
    cfg = bench.config
    seed = bench.job.seed
    dut._log.info("seed %s", seed)
    rng = np.random.default_rng(seed)
    weights = _extremes(rng, cfg.cell_bits, (cfg.weight_banks, cfg.rows, cfg.columns))
    weights[0, :, 0] = -(1 << cfg.cell_bits - 1)  # with the vector below: the largest result there is
    weights[0, :, -1] = (1 << cfg.cell_bits - 1) - 1
    for bank in range(cfg.weight_banks):
        await bench.write(bank, weights[bank])
    vectors = _extremes(rng, cfg.input_bits, (bench.job.options["vectors"], cfg.rows))
    vectors[0] = -(1 << cfg.input_bits - 1)
    banks = rng.integers(0, cfg.weight_banks, len(vectors))
    banks[0] = 0
    results = await bench.stream(vectors, banks)
    expected = np.einsum("vr,vrc->vc", vectors, weights[banks])
    assert (results == expected).all()


@cocotb.test()
async def work(dut) -> None:
    """Write normally distributed weights into a bank, and stream any number of vectors: what energy is measured on."""
    bench = MacroBench(dut)
    await bench.start()
    cfg, count = bench.config, bench.job.options["vectors"]
    rng = np.random.default_rng(bench.job.seed)
    weights = _normal(rng, cfg.cell_bits, (cfg.rows, cfg.columns))
    vectors = _normal(rng, cfg.input_bits, (count, cfg.rows))
    await bench.write(0, weights)
    if count:
        results = await bench.stream(vectors, np.zeros(count, int))
        assert (results == vectors @ weights).all()
    await ClockCycles(dut.clk, 2)


@cocotb.test()
async def write_beside_compute(dut) -> None:
    """One bank is written in every cycle while the other computes."""
    bench = MacroBench(dut)
    await bench.start()
    cfg = bench.config
    rng = np.random.default_rng(bench.job.seed)
    old, new = (_extremes(rng, cfg.cell_bits, (cfg.rows, cfg.columns)) for _ in range(2))
    await bench.write(0, old)
    vectors = _extremes(rng, cfg.input_bits, (max(2, 2 * cfg.rows // cfg.slices), cfg.rows))
    writing = cocotb.start_soon(bench.write(1, new))
    results = await bench.stream(vectors, np.zeros(len(vectors), int))
    await writing
    assert (results == vectors @ old).all()
    results = await bench.stream(vectors, np.ones(len(vectors), int))
    assert (results == vectors @ new).all()
