"""Bench of the CIM tile: runs matrix products in the tile harness and compares values and cycles."""

import json
import os
import random
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer

from tilewright.cocotb_tests.tile_harness import LINE_BITS, STREAMS
from tilewright.hw.cim.command import COMMAND_LAYOUT
from tilewright.mapping.tiling import TiledMatmul
from tilewright.sim.config import TileConfig
from tilewright.sim.machine.memory import TimedMemory
from tilewright.sim.machine.tile import TileCommand, TileModel

BENCH = "tilewright.cocotb_tests.cb_cim_tile"
"""This module, as cocotb imports it."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Timing of the two memories: latency in cycles, rate in words a cycle."""

    weight_latency: int = 1
    weight_rate: Fraction = Fraction(1)
    activation_latency: int = 1
    activation_rate: Fraction = Fraction(1)

    def memories(self) -> tuple[TimedMemory, TimedMemory]:
        return (
            TimedMemory(latency=self.weight_latency, rate=self.weight_rate),
            TimedMemory(latency=self.activation_latency, rate=self.activation_rate),
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One product ``(m x k) @ (k x n)`` of seeded random matrices."""

    name: str
    m: int
    k: int
    n: int
    timing: Timing = Timing()
    seed: int = 1

    def matrices(self, config: TileConfig) -> tuple[np.ndarray, np.ndarray]:
        """Return x and w over their full ranges."""
        rng = np.random.default_rng(self.seed)
        macro = config.macro

        def signed(bits: int, shape: tuple[int, int]) -> np.ndarray:
            return rng.integers(-(1 << bits - 1), 1 << bits - 1, shape)

        return signed(macro.input_bits, (self.m, self.k)), signed(macro.weight_bits, (self.k, self.n))


class TileBench:
    """Drives the harness: fills its memories, runs it, reads its results."""

    def __init__(self, dut, config: TileConfig):
        self.dut = dut
        self.config = config

    async def start(self) -> None:
        """Start the clock and reset."""
        dut = self.dut
        for port in (
            "run", "stall", "command_write_enable", "weight_write_enable", "activation_write_enable",
            "command_count", "result_count", "result_address",
        ):  # fmt: skip
            getattr(dut, port).value = 0
        self.set_timing(Timing())
        Clock(dut.clk, 2, unit="ns").start()
        await self.reset()

    async def reset(self) -> None:
        """Reset the harness and the tile; memories keep their content."""
        self.dut.run.value = 0
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    def set_timing(self, timing: Timing) -> None:
        for name in ("weight", "activation"):
            rate = getattr(timing, f"{name}_rate")
            getattr(self.dut, f"{name}_latency").value = getattr(timing, f"{name}_latency")
            getattr(self.dut, f"{name}_rate_words").value = rate.numerator
            getattr(self.dut, f"{name}_rate_cycles").value = rate.denominator

    async def load(self, commands: list[TileCommand], weights: np.ndarray, activations: np.ndarray) -> None:
        """Write a program and the words it reads."""
        await self._write("weight", _lines(weights))
        await self._write("activation", _lines(activations))
        await self._write("command", [COMMAND_LAYOUT.const(asdict(c)).as_value().value for c in commands])
        self.dut.command_count.value = len(commands)

    async def _write(self, name: str, values: list[int]) -> None:
        enable = getattr(self.dut, f"{name}_write_enable")
        address, data = getattr(self.dut, f"{name}_write_address"), getattr(self.dut, f"{name}_write_data")
        enable.value = 1
        for index, value in enumerate(values):
            address.value = index
            data.value = value
            await RisingEdge(self.dut.clk)
        enable.value = 0

    async def finish(self, result_count: int, timeout_cycles: int) -> None:
        """Run until so many result words have come.

        Raises
        ------
        AssertionError
            If they have not within ``timeout_cycles``, or a stream broke its contract.
        """
        self.dut.result_count.value = result_count
        self.dut.run.value = 1
        await First(RisingEdge(self.dut.done), Timer(2 * timeout_cycles, unit="ns"))
        await RisingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        received = int(self.dut.received.value)
        assert self.dut.done.value == 1, f"{received} of {result_count} result words after {timeout_cycles} cycles"
        assert received == result_count, f"{received} result words instead of {result_count}"
        assert self.dut.contract_broken.value == 0, "a stream withdrew or changed an offer"
        assert self.dut.error.value == 0, f"error {int(self.dut.error.value)}"

    async def results(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the stored words, uint8 of shape (count, bytes of a word), and their ``last`` flags."""
        bits = self.config.result_bus_bits
        words = []
        for index in range(count):
            self.dut.result_address.value = index
            await FallingEdge(self.dut.clk)
            words.append(int(self.dut.result_data.value))
        size = -(-bits // 8)
        mask = (1 << bits) - 1
        text = b"".join((word & mask).to_bytes(size, "little") for word in words)
        return np.frombuffer(text, dtype=np.uint8).reshape(count, size), np.array([w >> bits for w in words])


async def run_case(bench: TileBench, case: Case, stalls: random.Random | None = None) -> dict:
    """Run one product; return its row of the table.

    ``stalls`` blocks every stream in random cycles: the values must not change, the cycles may.
    """
    dut, cfg = bench.dut, bench.config
    tiled = TiledMatmul(cfg, case.m, case.k, case.n)
    commands = tiled.commands()
    x, w = case.matrices(cfg)
    model_cycles = TileModel(cfg, *case.timing.memories()).run(commands)
    count = sum(c.vectors * cfg.result_beats(c.columns) for c in commands if c.emit)
    await bench.load(commands, tiled.weight_words(w), tiled.activation_words(x))
    bench.set_timing(case.timing)
    await RisingEdge(dut.clk)
    stalling = cocotb.start_soon(_stall(dut, stalls)) if stalls else None
    await bench.finish(count, timeout_cycles=20 * model_cycles + 10000)
    if stalling:
        stalling.cancel()
        dut.stall.value = 0
    cycles = int(dut.cycles.value)
    words, last = await bench.results(count)
    dut.run.value = 0
    await RisingEdge(dut.clk)
    expected_last = np.concatenate(
        [([0] * (cfg.result_beats(c.columns) - 1) + [1]) * c.vectors for c in commands if c.emit]
    )
    assert (last == expected_last).all(), "a vector's last word is not marked, or another is"
    mismatches = int((tiled.results(words) != x @ w).sum())
    return {
        "name": case.name,
        "rtl_cycles": cycles,
        "model_cycles": model_cycles,
        "values": case.m * case.n,
        "mismatches": mismatches,
        "macs": case.m * case.k * case.n,
    }


async def _stall(dut, rng: random.Random) -> None:
    """Block each stream at random, with a share that changes from time to time."""
    while True:
        shares = [rng.choice((0, 0.2, 0.5, 0.9)) for _ in STREAMS]
        for _ in range(rng.randrange(5, 60)):
            dut.stall.value = sum((rng.random() < share) << bit for bit, share in enumerate(shares))
            await RisingEdge(dut.clk)


def _lines(words: np.ndarray) -> list[int]:
    """Join bus words, uint8 of shape (words, bytes), into lines of the harness's memories."""
    count, size = words.shape
    per_line = max(1, LINE_BITS // (8 * size))
    padded = np.zeros((-(-count // per_line) * per_line, size), dtype=np.uint8)
    padded[:count] = words
    return [int.from_bytes(line.tobytes(), "little") for line in padded.reshape(-1, per_line * size)]


@cocotb.test()
async def table(dut) -> None:
    """Run the cases given by the runner and write a row for each."""
    job = json.loads(Path(os.environ["TILEWRIGHT_JOB"]).read_text())
    bench = TileBench(dut, TileConfig.model_validate(job["config"]))
    await bench.start()
    rows = []
    for spec in job["cases"]:
        timing = {key: Fraction(v) if "rate" in key else v for key, v in spec.pop("timing").items()}
        rows.append(await run_case(bench, Case(**spec, timing=Timing(**timing))))
        Path(job["rows"]).write_text(json.dumps(rows))
