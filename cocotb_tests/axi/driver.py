"""Driver of the user's side of the bus masters, for benches."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from tilewright.bench.streams import StreamSink, StreamSource
from tilewright.cocotb_tests.harness.axi_contract import RULES
from tilewright.cocotb_tests.harness.job import received

REACH = 1 << 16
"""Number of bytes of memory that transfers use."""
SHARES = (0, 0, 0.2, 0.5, 0.9)
"""Shares of the cycles in which a stream waits."""


class User:
    """Drives and takes the streams of both masters, a cycle at a time, and watches the bus."""

    SOURCES = ("read_requests", "write_requests", "write_words")

    def __init__(self, dut, prefix: str = "m_axi_"):
        self.dut, self.prefix = dut, prefix
        job = received()
        self.job = job.config | job.options
        self.rng = random.Random(job.seed)
        self.address_bits, self.data_bits = self.job["address_bits"], self.job["data_bits"]
        self.beat = self.data_bits // 8
        step: dict[str, Any] = {"rng": self.rng, "background": False}
        self.sources = {name: StreamSource(dut, name, **step) for name in self.SOURCES}
        read_word = {"data": self.data_bits, "response": 2, "last": 1}
        self.read_words = StreamSink(dut, "read_words", fields=read_word, **step)
        self.done: list[int] = []
        """Error of each written request."""
        self.bursts: dict[str, list[tuple[int, int]]] = {"ar": [], "aw": []}
        """Address and beats of each accepted burst."""
        self.written: list[tuple[int, int, int]] = []
        """Data, strobe and last flag of each accepted beat."""
        self.inputs: dict[str, int] = {"stop": 0}
        """Values of the harness's inputs from the next cycle on."""
        dut._log.info("seed %s", job.seed)

    async def start(self) -> None:
        """Start the clock and reset."""
        for name, value in self.inputs.items():
            getattr(self.dut, name).value = value
        self.dut.rst.value = 1
        Clock(self.dut.clk, 2, unit="ns").start()
        await self.reset()

    async def reset(self) -> None:
        """Reset for some cycles and forget all records."""
        self.dut.rst.value = 1
        self.forget()
        for _ in range(3):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0

    def forget(self) -> None:
        """Take back all offers, and forget all records."""
        for stream in self.streams:
            stream.clear()
        self.done, self.written = [], []
        self.bursts = {"ar": [], "aw": []}

    def share(self, choose: Callable[[], float] | None = None) -> None:
        """Choose new shares of the cycles in which each stream waits."""
        for stream in self.streams:
            stream.stall = choose() if choose else self.rng.choice(SHARES)

    @property
    def streams(self) -> list[StreamSource | StreamSink]:
        """All streams of the masters."""
        return [*self.sources.values(), self.read_words]

    @property
    def words(self) -> list[tuple[int, int, int]]:
        """Data, response and last flag of each beat read."""
        return [tuple(each.value.values()) for each in self.read_words.received]  # type: ignore[union-attr]

    def request(self, master: str, address: int, beats: int) -> None:
        self.sources[f"{master}_requests"].put(address | beats << self.address_bits)

    def write(self, address: int, words: list[tuple[int, int]]) -> None:
        """Request a transfer and offer its words: data and strobe."""
        self.request("write", address, len(words))
        self.sources["write_words"].put(*(data | strobe << self.data_bits for data, strobe in words))

    async def cycle(self) -> None:
        """Let one cycle pass."""
        dut = self.dut
        await RisingEdge(dut.clk)
        for stream in self.streams:
            stream.drive()
        for name, value in self.inputs.items():
            getattr(dut, name).value = value
        await FallingEdge(dut.clk)
        for stream in self.streams:
            stream.sample()
        if dut.done.value == 1:
            self.done.append(int(dut.error.value))
        for channel, bursts in self.bursts.items():
            if self._taken(channel):
                bursts.append((self.port(f"{channel}addr"), self.port(f"{channel}len") + 1))
        if self._taken("w"):
            self.written.append((self.port("wdata"), self.port("wstrb"), self.port("wlast")))
        broken = int(dut.broken.value)
        # Masters go on after an error until they are told to stop: only a whole NPE stops by itself.
        rules = [rule for bit, rule in enumerate(RULES) if broken >> bit & 1 and rule != "a request after an error"]
        assert not rules, rules

    def port(self, name: str) -> int:
        """Return a signal of the bus."""
        return int(getattr(self.dut, self.prefix + name).value)

    def _taken(self, channel: str) -> bool:
        return bool(self.port(f"{channel}valid") and self.port(f"{channel}ready"))

    @property
    def idle(self) -> bool:
        """Return whether both masters have nothing to do and nothing is offered to them."""
        return all(source.idle for source in self.sources.values()) and self.masters_idle

    @property
    def masters_idle(self) -> bool:
        return self.dut.read_idle.value == 1 and self.dut.write_idle.value == 1

    async def finish(self, cycles: int = 20000) -> None:
        """Let cycles pass until everything is done.

        Raises
        ------
        AssertionError
            If it is not within ``cycles``.
        """
        for _ in range(cycles):
            # A request that was taken in this cycle is seen in the next one.
            was_idle = self.idle
            await self.cycle()
            if was_idle and self.idle:
                return
        raise AssertionError(f"not done after {cycles} cycles: {len(self.words)} words read, {self.done} written")

    def random_request(self, most_beats: int = 60) -> tuple[int, int]:
        """Return address and beats of a transfer, often one that crosses a page."""
        rng, beat = self.rng, self.beat
        beats = rng.choice((1, 1, 2, rng.randint(1, most_beats), rng.randint(1, most_beats)))
        near = rng.randrange(1, REACH >> 12) * 4096 - rng.randrange(-2, beats + 2) * beat
        address = near if rng.random() < 0.5 else rng.randrange(REACH // beat) * beat
        return max(0, min(address, REACH - beats * beat)), beats

    def random_words(self, beats: int) -> list[tuple[int, int]]:
        """Return data and strobes of this number of beats."""
        full = (1 << self.beat) - 1
        return [
            (self.rng.getrandbits(self.data_bits), self.rng.choice((full, full, self.rng.getrandbits(self.beat), 0)))
            for _ in range(beats)
        ]


def store(memory: bytearray, address: int, words: list[tuple[int, int]], beat: int) -> None:
    """Write the bytes with strobes of ``words``, data and strobe."""
    for index, (data, strobe) in enumerate(words):
        for byte in range(beat):
            if strobe >> byte & 1:
                memory[address + index * beat + byte] = data >> 8 * byte & 0xFF


def beats_of(memory: bytes | bytearray, address: int, beats: int, beat: int) -> list[int]:
    """Return beats of memory as numbers."""
    return [
        int.from_bytes(memory[start : start + beat], "little") for start in range(address, address + beats * beat, beat)
    ]


def waits(rng: random.Random, share: float) -> Iterator[bool]:
    while True:
        yield rng.random() < share
