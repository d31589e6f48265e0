"""Bench of the CIM tile: programs on the tile in its harness, values and cycles beside the models."""

import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, First, RisingEdge, Timer

from tilewright.cocotb_tests.tile_harness import LINE_BITS, STREAMS
from tilewright.hw.cim.command import COMMAND_LAYOUT, CommandError
from tilewright.mapping.tiling import TiledMatmul
from tilewright.sim.config import TileConfig
from tilewright.sim.machine import tile_values
from tilewright.sim.machine.memory import TimedMemory
from tilewright.sim.machine.tile import TileCommand, TileModel
from tilewright.sim.machine.words import unpack

BENCH = "tilewright.cocotb_tests.cb_cim_tile"
"""This module, as cocotb imports it."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Timing of the two memories: latency in cycles, rate in words a cycle."""

    weight_latency: int = 1
    weight_rate: Fraction = Fraction(1)
    activation_latency: int = 1
    activation_rate: Fraction = Fraction(1)

    @classmethod
    def from_json(cls, data: dict) -> "Timing":
        return cls(
            weight_latency=data["weight_latency"],
            weight_rate=Fraction(data["weight_rate"]),
            activation_latency=data["activation_latency"],
            activation_rate=Fraction(data["activation_rate"]),
        )

    def memories(self) -> tuple[TimedMemory, TimedMemory]:
        """Return models of the weight and the activation memory."""
        return (
            TimedMemory(latency=self.weight_latency, rate=self.weight_rate),
            TimedMemory(latency=self.activation_latency, rate=self.activation_rate),
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One product ``(m x k) @ (k x n)`` of seeded random matrices over the full range of their integers."""

    name: str
    m: int
    k: int
    n: int
    timing: Timing = Timing()
    seed: int = 1

    def matrices(self, config: TileConfig) -> tuple[np.ndarray, np.ndarray]:
        """Return x of shape (m, k) and w of shape (k, n)."""
        rng = np.random.default_rng(self.seed)
        macro = config.macro
        x_range, w_range = 1 << macro.input_bits - 1, 1 << macro.weight_bits - 1
        return (
            rng.integers(-x_range, x_range, (self.m, self.k)),
            rng.integers(-w_range, w_range, (self.k, self.n)),
        )


class TileBench:
    """Drives the harness: fills its memories, runs a program, reads the results."""

    def __init__(self, dut):
        self.dut = dut
        self.job = json.loads(Path(os.environ["TILEWRIGHT_JOB"]).read_text())
        self.config = TileConfig.model_validate(self.job["config"])
        self.rng = random.Random(self.job["seed"])
        dut._log.info("seed %s", self.job["seed"])

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
        """Reset the harness and the tile; what was written to the memories stays."""
        self.dut.run.value = 0
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 2)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    def set_timing(self, timing: Timing) -> None:
        """Set latency and rate of both memories."""
        for name in ("weight", "activation"):
            rate = getattr(timing, f"{name}_rate")
            getattr(self.dut, f"{name}_latency").value = getattr(timing, f"{name}_latency")
            getattr(self.dut, f"{name}_rate_words").value = rate.numerator
            getattr(self.dut, f"{name}_rate_cycles").value = rate.denominator

    async def write_data(self, weights: np.ndarray, activations: np.ndarray) -> None:
        """Fill the memories with bus words, uint8 of shape (words, bytes)."""
        await self._write("weight", _lines(weights))
        await self._write("activation", _lines(activations))

    async def write_program(self, commands: Sequence[TileCommand]) -> None:
        """Store a program."""
        await self._write("command", [COMMAND_LAYOUT.const(asdict(c)).as_value().value for c in commands])
        self.dut.command_count.value = len(commands)
        self.dut.result_count.value = self.result_words(commands)
        await RisingEdge(self.dut.clk)

    async def _write(self, name: str, values: list[int]) -> None:
        enable, address, data = (getattr(self.dut, f"{name}_write_{port}") for port in ("enable", "address", "data"))
        enable.value = 1
        for index, value in enumerate(values):
            address.value = index
            data.value = value
            await RisingEdge(self.dut.clk)
        enable.value = 0

    def result_words(self, commands: Sequence[TileCommand]) -> int:
        """Words that a program sends."""
        return sum(c.vectors * self.config.result_beats(c.columns) for c in commands if c.emit)

    async def run(
        self, commands: Sequence[TileCommand], timeout_cycles: int, *, stalls: bool = False
    ) -> tuple[int, list[np.ndarray]]:
        """Run the stored program to its last result; return the cycles and the result vectors.

        Raises
        ------
        AssertionError
            If the results do not come within ``timeout_cycles``, a stream breaks its contract, the tile
            reports an error, or the last words of vectors are not marked as such.
        """
        dut = self.dut
        count = self.result_words(commands)
        dut.run.value = 1
        stalling = cocotb.start_soon(self._stall()) if stalls else None
        await First(RisingEdge(dut.done), Timer(2 * timeout_cycles, unit="ns"))
        if stalling:
            stalling.cancel()
            dut.stall.value = 0
        await FallingEdge(dut.clk)
        received = int(dut.received.value)
        assert dut.done.value == 1, f"{received} of {count} result words after {timeout_cycles} cycles"
        # Whatever came too much would come now.
        await ClockCycles(dut.clk, 4)
        await FallingEdge(dut.clk)
        received = int(dut.received.value)
        assert received == count, f"{received} result words instead of {count}"
        assert dut.contract_broken.value == 0, "a stream withdrew or changed an offer"
        assert _error(dut) is CommandError.NONE, f"error {_error(dut)}"
        cycles = int(dut.cycles.value)
        vectors = await self._read_results(commands)
        dut.run.value = 0
        await RisingEdge(dut.clk)
        return cycles, vectors

    async def _read_results(self, commands: Sequence[TileCommand]) -> list[np.ndarray]:
        """Read the stored result words as vectors."""
        cfg = self.config
        vectors = []
        address = 0
        for command in commands:
            beats = cfg.result_beats(command.columns)
            for _ in range(command.vectors if command.emit else 0):
                joined = 0
                for beat in range(beats):
                    self.dut.result_address.value = address
                    await FallingEdge(self.dut.clk)
                    word = int(self.dut.result_data.value)
                    joined |= (word & ((1 << cfg.result_bus_bits) - 1)) << (beat * cfg.result_bus_bits)
                    assert word >> cfg.result_bus_bits == (beat == beats - 1), f"`last` of result word {address}"
                    address += 1
                text = joined.to_bytes(-(-beats * cfg.result_bus_bits // 8), "little")
                vectors.append(unpack(np.frombuffer(text, np.uint8), cfg.accumulator_bits, command.columns))
        return vectors

    async def _stall(self) -> None:
        """Block each stream in random cycles, with a share that changes from time to time."""
        while True:
            shares = [self.rng.choice((0, 0.2, 0.5, 0.9)) for _ in STREAMS]
            for _ in range(self.rng.randrange(5, 60)):
                blocked = sum((self.rng.random() < share) << bit for bit, share in enumerate(shares))
                self.dut.stall.value = blocked
                await RisingEdge(self.dut.clk)

    async def run_case(self, case: Case, *, stalls: bool = False) -> dict:
        """Run one product; return its row of the table."""
        tiled = TiledMatmul(self.config, case.m, case.k, case.n)
        commands = tiled.commands()
        x, w = case.matrices(self.config)
        model_cycles = TileModel(self.config, *case.timing.memories()).run(commands)
        await self.write_data(tiled.weight_words(w), tiled.activation_words(x))
        self.set_timing(case.timing)
        await self.write_program(commands)
        cycles, vectors = await self.run(commands, 20 * model_cycles + 10000, stalls=stalls)
        return {
            "name": case.name,
            "m": case.m,
            "k": case.k,
            "n": case.n,
            **{name: str(value) for name, value in asdict(case.timing).items()},
            "rtl_cycles": cycles,
            "model_cycles": model_cycles,
            "values": case.m * case.n,
            "mismatches": int((tiled.results(vectors) != x @ w).sum()),
        }


def _error(dut) -> CommandError:
    """Return the error that the tile reports."""
    return CommandError(int(dut.error.value))


def _lines(words: np.ndarray) -> list[int]:
    """Join bus words, uint8 of shape (words, bytes), into lines of the harness's memories."""
    count, size = words.shape
    per_line = max(1, LINE_BITS // (8 * size))
    padded = np.zeros((-(-count // per_line) * per_line, size), dtype=np.uint8)
    padded[:count] = words
    return [int.from_bytes(line.tobytes(), "little") for line in padded.reshape(-1, per_line * size)]


@cocotb.test()
async def table(dut) -> None:
    """The runner's cases: writes a row for each, for the runner to judge."""
    bench = TileBench(dut)
    await bench.start()
    rows = []
    for spec in bench.job["cases"]:
        rows.append(await bench.run_case(Case(**{**spec, "timing": Timing.from_json(spec["timing"])})))
    Path(bench.job["rows"]).write_text(json.dumps(rows))


def _small_case(bench: TileBench, name: str) -> Case:
    """A product of several blocks each way, with vectors enough to fill buffers, and random timing."""
    cfg, rng = bench.config, bench.rng
    return Case(
        name=name,
        m=rng.randrange(1, 2 * cfg.accumulator_vectors),
        k=rng.randrange(1, 3 * cfg.rows),
        n=rng.randrange(1, 2 * cfg.columns),
        timing=_random_timing(rng),
        seed=rng.randrange(1 << 30),
    )


def _random_timing(rng: random.Random) -> Timing:
    def rate() -> Fraction:
        return Fraction(1) if rng.random() < 0.4 else Fraction(rng.randrange(1, 8), rng.randrange(8, 12))

    return Timing(
        weight_latency=rng.choice((1, 2, 5, 30, 150)),
        weight_rate=rate(),
        activation_latency=rng.choice((1, 2, 9, 40)),
        activation_rate=rate(),
    )


@cocotb.test()
async def random_stalls(dut) -> None:
    """Values stay the same when every stream stalls at random; no stream takes back an offer."""
    bench = TileBench(dut)
    await bench.start()
    for index in range(20):
        row = await bench.run_case(_small_case(bench, f"stalled {index}"), stalls=True)
        assert row["mismatches"] == 0, row


@cocotb.test()
async def reset_in_flight(dut) -> None:
    """A reset in any cycle leaves a tile that runs the next program right, to the cycle."""
    bench = TileBench(dut)
    await bench.start()
    for index in range(25):
        case = _small_case(bench, f"cut off {index}")
        tiled = TiledMatmul(bench.config, case.m, case.k, case.n)
        commands = tiled.commands()
        x, w = case.matrices(bench.config)
        await bench.write_data(tiled.weight_words(w), tiled.activation_words(x))
        bench.set_timing(case.timing)
        await bench.write_program(commands)
        whole = TileModel(bench.config, *case.timing.memories()).run(commands)
        dut.run.value = 1
        await ClockCycles(dut.clk, bench.rng.randrange(1, whole))
        await bench.reset()
        row = await bench.run_case(_small_case(bench, f"after {index}"))
        assert row["mismatches"] == 0, row
        assert row["rtl_cycles"] == row["model_cycles"], row


def random_program(config: TileConfig, rng: random.Random, length: int, words: int) -> list[TileCommand]:
    """Return a valid program whose addresses stay within ``words`` of both memories; it ends with results.

    Any order of holding, accumulating and emitting; columns of accumulators are read only once written.
    """
    commands: list[TileCommand] = []
    held: TileCommand | None = None
    written: dict[int, int] = {}  # columns that an accumulator holds
    slots = config.accumulator_vectors
    while len(commands) < length or not (commands[-1].emit and commands[-1].release):
        # A held block may be used in part: fewer rows and columns than were loaded.
        rows = rng.randint(1, held.rows if held else config.rows)
        columns = rng.randint(1, held.columns if held else config.columns)
        vectors = rng.choice((1, 1, 2, rng.randint(1, slots)))
        slot = rng.randrange(slots - vectors + 1)
        place = range(slot, slot + vectors)
        accumulate = rng.random() < 0.6 and all(written.get(i, 0) >= columns for i in place)
        emit = rng.random() < 0.4
        if not emit:
            written.update(dict.fromkeys(place, columns))
        command = TileCommand(
            rows=rows,
            columns=columns,
            vectors=vectors,
            load=held is None,
            release=rng.random() < 0.6,
            accumulate=accumulate,
            emit=emit,
            slot=slot,
            weight_address=rng.randrange(words - rows * config.weight_beats_per_row(columns) + 1),
            activation_address=rng.randrange(words - vectors * config.activation_beats(rows) + 1),
        )
        commands.append(command)
        if held is None or command.release:
            held = None if command.release else command
    return commands


@cocotb.test()
async def random_programs(dut) -> None:
    """Random programs on random memory: values of the value model, cycles of the cycle model."""
    bench = TileBench(dut)
    await bench.start()
    cfg = bench.config
    words = 2048
    data = np.random.default_rng(bench.job["seed"])
    weights = data.integers(0, 256, (words, cfg.weight_bus_bits // 8), dtype=np.uint8)
    activations = data.integers(0, 256, (words, cfg.activation_bus_bits // 8), dtype=np.uint8)
    await bench.write_data(weights, activations)
    for index in range(bench.job["programs"]):
        program = random_program(cfg, bench.rng, bench.rng.randrange(1, 30), words)
        timing = _random_timing(bench.rng)
        bench.set_timing(timing)
        model_cycles = TileModel(cfg, *timing.memories()).run(program)
        await bench.write_program(program)
        cycles, vectors = await bench.run(program, 20 * model_cycles + 10000)
        expected = tile_values.results(cfg, program, weights, activations)
        for position, (got, wanted) in enumerate(zip(vectors, expected, strict=True)):
            assert (got == wanted).all(), f"program {index}: result vector {position}: {got} instead of {wanted}"
        assert cycles == model_cycles, f"program {index}: {cycles} cycles, model {model_cycles}, {timing}"


@cocotb.test()
async def refused_commands(dut) -> None:
    """A bad command is refused with its code; what came before it ends, what comes after is not taken."""
    bench = TileBench(dut)
    await bench.start()
    cfg = bench.config
    slots = cfg.accumulator_vectors
    good = TileCommand(rows=1, columns=1)
    bad: dict[Any, list[dict]] = {
        CommandError.ROWS: [{"rows": 0}, {"rows": cfg.rows + 1}, {"rows": 4095}],
        CommandError.COLUMNS: [{"columns": 0}, {"columns": cfg.columns + 1}, {"columns": 65535}],
        CommandError.VECTORS: [{"vectors": 0}],
        CommandError.SLOT: [
            {"emit": False, "slot": slots},
            {"emit": False, "slot": 65535},
            {"accumulate": True, "vectors": slots + 1},
            {"accumulate": True, "slot": slots - 1, "vectors": 2},
        ],
        CommandError.BANK: [{"load": False}],
    }
    zeros = np.zeros((64, 1), np.uint8)
    await bench.write_data(
        zeros.repeat(cfg.weight_bus_bits // 8, axis=1), zeros.repeat(cfg.activation_bus_bits // 8, axis=1)
    )
    for error, changes in bad.items():
        for change in changes:
            refused = TileCommand(**{**asdict(good), **change})
            await bench.write_program([good, refused, good])
            dut.run.value = 1
            await ClockCycles(dut.clk, 400)
            await FallingEdge(dut.clk)
            assert _error(dut) is error, f"{change}: {_error(dut)}, not {error}"
            received = int(dut.received.value)
            assert received == bench.result_words([good]), f"{change}: {received} result words"
            await bench.reset()
            assert _error(dut) is CommandError.NONE, f"{change}: error survives reset"
    # Holding a block and loading another is refused as well.
    hold = TileCommand(**{**asdict(good), "release": False})
    await bench.write_program([hold, good])
    dut.run.value = 1
    await ClockCycles(dut.clk, 400)
    assert _error(dut) is CommandError.BANK
