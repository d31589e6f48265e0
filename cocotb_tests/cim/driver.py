"""Drives a CIM tile or array in its harness: fills memories, runs programs, reads results."""

import random
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, First, RisingEdge, Timer

from tilewright.cocotb_tests.cim.cases import Case, Timing, product
from tilewright.cocotb_tests.cim.harness import LINE_BITS, STREAMS
from tilewright.cocotb_tests.cim.subject import TileSubject, subject
from tilewright.cocotb_tests.harness.job import received
from tilewright.sim.isa.cim_command import CommandError, TileCommand
from tilewright.sim.machine.cim.words import unpack


class CIMBench:
    """Drives the harness: fills its memories, runs a program, reads the results."""

    def __init__(self, dut):
        self.dut = dut
        self.job = received()
        self.subject = subject(self.job.config)
        self.config = self.subject.tile
        self.rng = random.Random(self.job.seed)
        dut._log.info("seed %s", self.job.seed)

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
        """Reset the harness and the tile for one cycle; what was written to the memories stays."""
        self.dut.run.value = 0
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    def set_timing(self, timing: Timing) -> None:
        """Set latency, rate and refresh of both memories."""
        for name in ("weight", "activation"):
            rate = getattr(timing, f"{name}_rate")
            getattr(self.dut, f"{name}_latency").value = getattr(timing, f"{name}_latency")
            getattr(self.dut, f"{name}_rate_words").value = rate.numerator
            getattr(self.dut, f"{name}_rate_cycles").value = rate.denominator
            getattr(self.dut, f"{name}_refresh_period").value = timing.refresh_period
            getattr(self.dut, f"{name}_refresh_cycles").value = timing.refresh_cycles

    async def write_data(self, weights: np.ndarray, activations: np.ndarray) -> None:
        """Fill the memories with bus words, uint8 of shape (words, bytes)."""
        await self._write("weight", _lines(weights))
        await self._write("activation", _lines(activations))

    async def write_program(self, commands: Sequence[TileCommand]) -> None:
        """Store a program."""
        await self._write("command", [self.subject.encoded(c) for c in commands])
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
        assert reported_error(dut) is CommandError.NONE, f"error {reported_error(dut)}"
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

    async def write_case(self, case: Case) -> Sequence[TileCommand]:
        """Store the matrices and the program of a product, set its timing; return the program."""
        tiled = self.subject.product(case)
        commands = tiled.commands()
        x, w, scales = case.matrices(self.config)
        codes = self.config.stored_weights(case.narrow).encode(w)
        await self.write_data(tiled.weight_words(codes, scales), tiled.activation_words(x))
        self.set_timing(case.timing)
        await self.write_program(commands)
        return commands

    async def run_case(self, case: Case, *, stalls: bool = False) -> dict:
        """Run one product; return its row of the table."""
        commands = await self.write_case(case)
        model_cycles = self.subject.model(case.timing.memories()).run(commands)
        cycles, vectors = await self.run(commands, 20 * model_cycles + 10000, stalls=stalls)
        results = self.subject.product(case).results(vectors)
        macs = case.m * case.k * case.n
        return {
            "name": case.name,
            "m": case.m,
            "k": case.k,
            "n": case.n,
            **{name: str(value) for name, value in asdict(case.timing).items()},
            "rtl_cycles": cycles,
            "model_cycles": model_cycles,
            "values": case.m * case.n,
            "mismatches": int((results != product(self.config, *case.matrices(self.config))).sum()),
            "utilisation": macs / cycles / (self.subject.tiles * self.config.macs_per_cycle),
        }


def reported_error(dut) -> CommandError:
    """Return the error that the tile reports."""
    return CommandError(int(dut.error.value))


def _lines(words: np.ndarray) -> list[int]:
    """Join bus words, uint8 of shape (words, bytes), into lines of the harness's memories."""
    count, size = words.shape
    per_line = max(1, LINE_BITS // (8 * size))
    padded = np.zeros((-(-count // per_line) * per_line, size), dtype=np.uint8)
    padded[:count] = words
    return [int.from_bytes(line.tobytes(), "little") for line in padded.reshape(-1, per_line * size)]


def small_case(bench: CIMBench, name: str) -> Case:
    """A product of several blocks each way, with vectors enough to fill buffers, and random timing."""
    cfg, rng = bench.config, bench.rng
    mode = rng.choice(bench.subject.modes)
    rows, columns = bench.subject.limits(mode)
    return Case(
        name=name,
        m=rng.randrange(1, 2 * cfg.accumulator_vectors),
        k=rng.randrange(1, 3 * rows),
        n=rng.randrange(1, 2 * columns),
        reduce=mode,
        timing=random_timing(rng),
        seed=rng.randrange(1 << 30),
        narrow=len(cfg.weight_formats) > 1 and rng.random() < 0.5,
    )


def random_timing(rng: random.Random) -> Timing:
    def rate() -> Fraction:
        return Fraction(1) if rng.random() < 0.4 else Fraction(rng.randrange(1, 8), rng.randrange(8, 12))

    period = rng.choice((1, 3, 40, 333))
    return Timing(
        weight_latency=rng.choice((1, 2, 5, 30, 150)),
        weight_rate=rate(),
        activation_latency=rng.choice((1, 2, 9, 40)),
        activation_rate=rate(),
        refresh_period=period,
        refresh_cycles=rng.randrange(1 + period // 2),
    )


def random_program(subject: TileSubject, rng: random.Random, length: int, words: int) -> list[TileCommand]:
    """Return a valid program whose addresses stay within ``words`` of both memories; it ends with results.

    Any order of holding, accumulating and emitting; columns of accumulators are read only once written.
    """
    commands: list[TileCommand] = []
    held: TileCommand | None = None
    written: dict[int, int] = {}  # columns that an accumulator holds
    config = subject.tile
    slots = config.accumulator_vectors
    mode = False
    while len(commands) < length or not (commands[-1].emit and commands[-1].release):
        if held is None:
            mode = rng.choice(subject.modes)
        most_rows, most_columns = subject.limits(mode)
        # A held block may be used in part: fewer rows and columns than were loaded.
        rows = rng.randint(1, held.rows if held else most_rows)
        columns = rng.randint(1, held.columns if held else most_columns)
        vectors = rng.choice((1, 1, 2, rng.randint(1, slots)))
        slot = rng.randrange(slots - vectors + 1)
        place = range(slot, slot + vectors)
        accumulate = rng.random() < 0.6 and all(written.get(i, 0) >= columns for i in place)
        emit = rng.random() < 0.4
        narrow = len(config.weight_formats) > 1 and rng.random() < 0.5
        if not emit:
            written.update(dict.fromkeys(place, columns))
        command = subject.command(
            mode,
            rows=rows,
            columns=columns,
            vectors=vectors,
            load=held is None,
            release=rng.random() < 0.6,
            accumulate=accumulate,
            emit=emit,
            slot=slot,
            narrow=narrow,
            weight_address=rng.randrange(words - subject.block_words(rows, columns, mode, narrow) + 1),
            activation_address=rng.randrange(words - vectors * config.activation_beats(rows) + 1),
        )
        commands.append(command)
        if held is None or command.release:
            held = None if command.release else command
    return commands
