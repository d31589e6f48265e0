"""Bench of the arithmetic units: replays stored operands in their harness and compares with the results of
sim.formats."""

import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, First, RisingEdge, Timer

from tilewright.cocotb_tests.arith.harness import ALWAYS, COUNTS, LINE_WORDS
from tilewright.cocotb_tests.harness.job import received, return_rows

BENCH = "tilewright.cocotb_tests.arith.cb_arith"
"""Name of this module, as cocotb imports it."""
TESTS = ("replay", "random_waits", "reset_in_flight", "capacity")
"""The tests that judge what they see; ``table`` leaves that to its rows."""
WINDOW = 600
"""Maximum number of operands of a run in which the streams wait."""


class ArithBench:
    """Fills the harness's memories, runs parts of them, and judges every channel's counters."""

    def __init__(self, dut):
        self.dut = dut
        job = received()
        [self.vectors] = job.cases
        self.stimuli, self.expected = self.vectors.stimuli, self.vectors.expected
        # results_before[k]: results of the operands before operand k.
        self.results_before = np.concatenate([[0], np.cumsum(self.vectors.ends, dtype=np.int64)])
        self.starts = self.vectors.starts
        """Operands before which nothing affects the results."""
        self.loaded = 0
        self.depth: int = job.options["depth"]
        self.latencies: list[int] = job.options["latencies"]
        self.stalls: list[bool] = job.options["stalls"]
        """Flags: the results of each channel can wait."""
        self.rng = random.Random(job.seed)
        dut._log.info("seed %s, %s operands, %s results", job.seed, len(self.stimuli), len(self.expected))

    async def start(self) -> None:
        """Start the clock and reset."""
        dut = self.dut
        for port in ("run", "exact", "start", "results_start", "count", "results", "write_enable"):
            getattr(dut, port).value = 0
        self.set_shares(0, 0)
        Clock(dut.clk, 2, unit="ns").start()
        await self.reset()

    async def reset(self) -> None:
        """Reset harness and units for one cycle; what was written to the memories stays."""
        self.dut.rst.value = 1
        self.dut.run.value = 0
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    def set_shares(self, gaps: int, stalls: int) -> None:
        """Set the numbers of 256 cycles in which nothing is offered, and in which nothing is taken."""
        self.dut.gap_share.value = gaps
        self.dut.stall_share.value = stalls

    async def load(self, first: int) -> int:
        """Fill the memories from an operand on; return the first operand for which there is no room."""
        last = min(first + self.depth, len(self.stimuli))
        results = slice(self.results_before[first], self.results_before[last])
        stimuli, expected = _lines(self.stimuli[first:last]), _lines(self.expected[results])
        dut = self.dut
        dut.write_enable.value = 1
        for address, line in enumerate(stimuli):
            dut.address.value = address
            dut.stimuli.value = line
            # There are no more results than operands.
            dut.expected.value = expected[address] if address < len(expected) else 0
            await RisingEdge(dut.clk)
        dut.write_enable.value = 0
        self.loaded = first
        return last

    async def begin(self, first: int, last: int) -> None:
        """Begin to stream some of the loaded operands."""
        dut, before = self.dut, self.results_before
        dut.start.value = first - self.loaded
        dut.results_start.value = int(before[first] - before[self.loaded])
        dut.count.value = last - first
        dut.results.value = int(before[last] - before[first])
        dut.run.value = 1

    async def run(
        self, first: int, last: int, *, waits: bool = False, exact: bool = False, judge: bool = True
    ) -> list[dict]:
        """Stream some of the loaded operands; return the counters of each channel.

        ``waits`` changes the shares of gaps and stalls from time to time; ``exact`` checks the cycle of every result,
        with gaps but without stalls. Without ``judge`` only results that are missing are an error.

        Raises
        ------
        AssertionError
            If results are missing, wrong, too many or, with ``exact``, late, or a unit breaks the stream contract.
        """
        dut = self.dut
        dut.exact.value = exact
        await self.begin(first, last)
        done = RisingEdge(dut.done)
        timeout = Timer(2 * (40 * (last - first) + 20_000), unit="ns")
        if waits:
            waiting = cocotb.start_soon(self._wait(stalls=not exact))
            await First(done, timeout)
            waiting.cancel()
        else:
            await First(done, timeout)
        self.set_shares(0, 0)
        # Whatever came too much would come now.
        await ClockCycles(dut.clk, 4 + max(self.latencies))
        await FallingEdge(dut.clk)
        counters = [{name: int(getattr(dut, f"{name}__{i}").value) for name in COUNTS} for i in self.channels]
        results = int(self.results_before[last] - self.results_before[first])
        for channel, counts in enumerate(counters):
            where = f"channel {channel}, operands {first} to {last}: {counts}"
            assert counts["accepted"] == last - first, f"{counts['accepted']} operands taken: {where}"
            assert not judge or counts["mismatches"] == 0, f"{self._mismatch(channel, counts)}: {where}"
            assert counts["received"] == results, f"{counts['received']} results of {results}: {where}"
            if not judge:
                continue
            assert counts["strays"] == 0, f"results of nothing: {where}"
            assert counts["late"] == 0, f"results not in their cycle: {where}"
            broken = getattr(dut, f"contract_broken__{channel}").value
            assert broken == 0, f"an offer was withdrawn or changed: {where}"
        dut.run.value = 0
        await RisingEdge(dut.clk)
        return counters

    @property
    def channels(self) -> range:
        """Numbers of the harness's channels."""
        return range(len(self.latencies))

    async def _wait(self, *, stalls: bool) -> None:
        """Change the shares of gaps and stalls from time to time."""
        while True:
            shares = [self.rng.choice((0, 0, 60, 128, 230)) for _ in range(2)]
            self.set_shares(shares[0], shares[1] if stalls else 0)
            await ClockCycles(self.dut.clk, self.rng.randrange(5, 80))

    def _mismatch(self, channel: int, counts: dict) -> str:
        """Return a description of the first wrong result: its part, its operands, the result and the expected one."""
        got, wanted = (int(getattr(self.dut, f"{name}__{channel}").value) for name in ("got", "wanted"))
        result = counts["first_mismatch"] + int(self.results_before[self.loaded])
        operand = int(np.searchsorted(self.results_before, result + 1)) - 1
        given = int.from_bytes(self.stimuli[operand].tobytes(), "little")
        parts = []
        offset = 0
        for name, bits in self.vectors.parts:
            a, b = (value >> offset & ((1 << bits) - 1) for value in (got, wanted))
            if a != b:
                parts.append(f"{name} {a:#x} instead of {b:#x}")
            offset += bits
        return f"operand {operand} ({given:#x}): {', '.join(parts)}"

    def window(self, most: int = WINDOW) -> tuple[int, int]:
        """Return the ends of a random part of the loaded operands, of some length, that begins anew."""
        end = min(self.loaded + self.depth, len(self.stimuli))
        [first] = self.rng.choices(self.starts[(self.starts >= self.loaded) & (self.starts < end)])
        return int(first), min(int(first) + self.rng.randrange(1, most), end)


def _lines(words: np.ndarray) -> list[int]:
    """Join words, uint8 of shape (words, bytes), into lines of the harness's memories."""
    count, size = words.shape
    padded = np.zeros((-(-count // LINE_WORDS) * LINE_WORDS, size), dtype=np.uint8)
    padded[:count] = words
    return [int.from_bytes(line.tobytes(), "little") for line in padded.reshape(-1, LINE_WORDS * size)]


async def run_all(bench: ArithBench, *, judge: bool) -> list[dict]:
    """Stream all operands without waits, the memories filled as often as it takes; return a row for each channel."""
    rows = [{"rtl_cycles": 0, "model_cycles": 0, "values": 0, "mismatches": 0} for _ in bench.channels]
    first = 0
    while first < len(bench.stimuli):
        last = await bench.load(first)
        counters = await bench.run(first, last, exact=True, judge=judge)
        # Cycles end with the last result: behind it may be operands that have none.
        span = int(np.searchsorted(bench.results_before, bench.results_before[last])) - first
        for row, counts, latency in zip(rows, counters, bench.latencies, strict=True):
            row["rtl_cycles"] += counts["cycles"]
            row["model_cycles"] += span + latency
            row["values"] += counts["received"]
            row["mismatches"] += counts["mismatches"]
        first = last
    return_rows(rows)
    return rows


@cocotb.test()
async def replay(dut) -> None:
    """All operands without waits: values, the cycle of every result, one operand a cycle."""
    bench = ArithBench(dut)
    await bench.start()
    for row in await run_all(bench, judge=True):
        assert row["values"] == len(bench.expected), row
        assert row["rtl_cycles"] == row["model_cycles"], row


@cocotb.test()
async def table(dut) -> None:
    """All operands without waits: writes a row for each channel, for the runner to judge."""
    bench = ArithBench(dut)
    await bench.start()
    await run_all(bench, judge=False)


@cocotb.test()
async def random_waits(dut) -> None:
    """Random gaps and stalls change no value and break no contract; with gaps alone every result keeps its cycle."""
    bench = ArithBench(dut)
    await bench.start()
    await bench.load(0)
    for index in range(24):
        await bench.run(*bench.window(), waits=True, exact=index % 3 == 0)


@cocotb.test()
async def reset_in_flight(dut) -> None:
    """A reset in any cycle leaves nothing behind: what comes next is right, in its cycle."""
    bench = ArithBench(dut)
    await bench.start()
    await bench.load(0)
    for index in range(40):
        bench.set_shares(bench.rng.choice((0, 100)), bench.rng.choice((0, 128, ALWAYS)))
        await bench.begin(*bench.window())
        await ClockCycles(dut.clk, bench.rng.randrange(1, 40))
        await bench.reset()
        bench.set_shares(0, 0)
        if index % 2:
            await ClockCycles(dut.clk, bench.rng.randrange(1, 10))
        first, last = bench.window(40)
        counters = await bench.run(first, last, exact=True)
        assert all(counts["accepted"] == last - first for counts in counters)


@cocotb.test()
async def capacity(dut) -> None:
    """A unit whose results are not taken takes one operand for each register, and no more; nothing is lost."""
    bench = ArithBench(dut)
    await bench.start()
    last = await bench.load(0)
    length = max(bench.latencies) + 3
    # Operands that all have a result: those without make room for others.
    before = bench.results_before
    places = [int(k) for k in bench.starts if k + length <= last and before[k + length] - before[k] == length]
    assert places, "no such run of operands"
    for first in bench.rng.sample(places, min(8, len(places))):
        bench.set_shares(0, ALWAYS)
        await bench.begin(first, first + length)
        await ClockCycles(dut.clk, 3 * length)
        await FallingEdge(dut.clk)
        for channel, latency in enumerate(bench.latencies):
            if not bench.stalls[channel]:
                continue
            accepted = int(getattr(dut, f"accepted__{channel}").value)
            assert accepted == latency, f"channel {channel}: {accepted} operands taken, {latency} registers"
        bench.set_shares(0, 0)
        await bench.run(first, first + length)
