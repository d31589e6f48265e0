"""The observer of a bus sees each breach, and nothing in a master that keeps to the contract."""

import pytest

from tests.hw.simulate import simulate
from tilewright.cocotb_tests.harness.axi_contract import CHANNELS, RULES, AxiContract, RandomBlock

PLAIN = {"size": 3, "burst": 1, "cache": 3}


class Bus:
    """A master and its memory, a channel at a time, on the observer of a bus of 64 bits, bursts up to 4, 2 in flight."""

    def __init__(self, ctx, observer):
        self.ctx, self.observer = ctx, observer

    def set(self, channel: str, **values: int) -> None:
        for name, value in values.items():
            self.ctx.set(getattr(self.observer, f"m_axi_{channel}{name}"), value)

    async def offer(self, channel: str, wait: int = 0, **values: int) -> None:
        """Offer something and let it be taken after some cycles."""
        self.set(channel, valid=1, ready=int(not wait), **values)
        for _ in range(wait):
            await self.ctx.tick()
        self.set(channel, ready=1)
        await self.ctx.tick()
        self.set(channel, valid=0, ready=0)

    async def address(self, channel: str, address: int = 0x100, beats: int = 1, **values: int) -> None:
        await self.offer(channel, **{"addr": address, "len": beats - 1, **PLAIN, **values})

    async def read(self, beats: int) -> None:
        for beat in range(beats):
            await self.offer("r", last=int(beat == beats - 1))

    async def write(self, beats: int) -> None:
        for beat in range(beats):
            await self.offer("w", last=int(beat == beats - 1), data=beat)

    async def end(self) -> None:
        self.ctx.set(self.observer.running, 0)
        await self.ctx.tick().repeat(2)

    @property
    def broken(self) -> list[str]:
        flags = self.ctx.get(self.observer.broken)
        return [text for index, text in enumerate(RULES) if flags >> index & 1]


async def good(bus):
    """Three bursts each way, waits, words before their address, and a page reached but not crossed."""
    await bus.address("ar", 0xFE0, 4, wait=3)
    await bus.address("ar", 0x1000, 1)
    await bus.read(4)
    await bus.read(1)
    await bus.address("aw", 0x20, 2)
    await bus.write(2)
    await bus.write(3)
    await bus.address("aw", 0x2000, 3)
    await bus.offer("b")
    await bus.offer("b", wait=2)
    await bus.end()


async def changed_address(bus):
    bus.set("ar", valid=1, ready=0, addr=0x100, **PLAIN)
    await bus.ctx.tick()
    await bus.address("ar", 0x108)
    await bus.read(1)


async def withdrawn_address(bus):
    bus.set("aw", valid=1, ready=0, addr=0x100, **PLAIN)
    await bus.ctx.tick()
    bus.set("aw", valid=0)
    await bus.ctx.tick().repeat(2)


async def changed_word(bus):
    bus.set("w", valid=1, data=5, last=1)
    await bus.ctx.tick()
    await bus.offer("w", data=6, last=1)


async def narrow(bus):
    await bus.address("ar", size=2)


async def unaligned(bus):
    await bus.address("aw", 0x104)


async def uncached(bus):
    await bus.address("ar", cache=0)


async def crossing(bus):
    await bus.address("ar", 0xFF8, 2)


async def too_long(bus):
    await bus.address("aw", 0, 5)


async def three_reads(bus):
    for _ in range(3):
        await bus.address("ar")
    await bus.ctx.tick()


async def three_writes(bus):
    for _ in range(3):
        await bus.address("aw")
    await bus.ctx.tick()


async def last_too_late(bus):
    await bus.address("aw", 0, 2)
    await bus.write(3)


async def last_too_early(bus):
    await bus.address("aw", 0, 2)
    await bus.write(1)
    await bus.ctx.tick()


async def unasked_word(bus):
    await bus.read(1)


async def unasked_response(bus):
    await bus.offer("b")


async def offer_at_rest(bus):
    await bus.end()
    await bus.address("ar")


async def read_at_the_end(bus):
    await bus.address("ar", 0, 2)
    await bus.read(0)
    await bus.end()


async def word_missing_at_the_end(bus):
    await bus.address("aw", 0, 2)
    await bus.offer("w", last=0)
    await bus.end()


async def response_missing_at_the_end(bus):
    await bus.address("aw", 0, 1)
    await bus.write(1)
    await bus.end()


async def request_after_an_error(bus):
    await bus.address("ar", 0, 2)
    await bus.offer("r", resp=2, last=0)
    await bus.ctx.tick().repeat(4)
    await bus.address("ar", 0x40, 1)
    await bus.offer("r", resp=0, last=1)
    await bus.read(1)


async def request_that_an_error_meets(bus):
    """What is offered when the error comes may wait as long as it has to."""
    await bus.address("aw", 0, 1)
    await bus.write(1)
    bus.set("ar", valid=1, ready=0, addr=0x40, len=0, **PLAIN)
    await bus.offer("b", resp=3)
    await bus.ctx.tick().repeat(9)
    await bus.address("ar", 0x40, 1)
    await bus.read(1)


@pytest.mark.parametrize(
    ("play", "breach"),
    [
        (good, None),
        (changed_address, "an offered read address changed"),
        (withdrawn_address, "an offered write address changed"),
        (changed_word, "an offered word changed"),
        (narrow, "a burst is not plain, full-width and aligned"),
        (unaligned, "a burst is not plain, full-width and aligned"),
        (uncached, "a burst is not plain, full-width and aligned"),
        (crossing, "a burst crosses 4 KiB"),
        (too_long, "a burst is too long"),
        (three_reads, "too many reads in flight"),
        (three_writes, "too many writes in flight"),
        (last_too_late, "wlast is wrong"),
        (last_too_early, "wlast is wrong"),
        (unasked_word, "an answer that nobody asked for"),
        (unasked_response, "an answer that nobody asked for"),
        (offer_at_rest, "an offer when nothing runs"),
        (read_at_the_end, "something in flight at the end"),
        (word_missing_at_the_end, "something in flight at the end"),
        (response_missing_at_the_end, "something in flight at the end"),
        (request_after_an_error, "a request after an error"),
        (request_that_an_error_meets, None),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_breach_is_seen_and_no_other(play, breach):
    observer = AxiContract(address_bits=32, data_bits=64, max_burst=4, outstanding=2)

    async def bench(ctx):
        ctx.set(observer.running, 1)
        bus = Bus(ctx, observer)
        await play(bus)
        assert bus.broken == ([breach] if breach else [])
        assert ctx.get(observer.idle) == 1 or breach
        ctx.set(observer.restart, 1)
        await ctx.tick()
        assert ctx.get(observer.broken) == 0

    simulate(observer, bench)


def test_beats_are_counted_and_where_writes_end():
    observer = AxiContract(address_bits=32, data_bits=64, max_burst=4, outstanding=2)

    async def bench(ctx):
        ctx.set(observer.running, 1)
        await good(Bus(ctx, observer))
        assert (ctx.get(observer.read_beats), ctx.get(observer.write_beats)) == (5, 5)
        assert ctx.get(observer.write_end) == 0x2000 + 3 * 8

    simulate(observer, bench)


def test_channels_wait_as_often_as_they_are_told():
    block = RandomBlock()
    shares = (0, 2, 8, 12, 15)
    seen = [0] * len(CHANNELS)
    cycles = 4000

    async def bench(ctx):
        ctx.set(block.shares, sum(share << 4 * index for index, share in enumerate(shares)))
        ctx.set(block.seed, 7)
        ctx.set(block.restart, 1)
        await ctx.tick()
        ctx.set(block.restart, 0)
        for _ in range(cycles):
            await ctx.tick()
            for index in range(len(CHANNELS)):
                seen[index] += ctx.get(block.block) >> index & 1

    simulate(block, bench)
    for count, share in zip(seen, shares, strict=True):
        assert abs(count / cycles - share / 16) < 0.03, seen
