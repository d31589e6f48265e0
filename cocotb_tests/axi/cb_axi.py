"""Bench of the masters of the bus, on the memory and the slave of cocotbext-axi."""

import logging
from collections.abc import Callable

import cocotb
from cocotbext.axi import AxiBus, AxiRam, AxiSlave

from tilewright.cocotb_tests.axi.driver import REACH, SHARES, User, beats_of, store, waits
from tilewright.cocotb_tests.axi.timing import split

BENCH = "tilewright.cocotb_tests.axi.cb_axi"
"""Name of this module, as cocotb imports it."""


class Ram:
    """The memory of cocotbext-axi on the harness's bus, waiting at random, and what it should hold."""

    def __init__(self, user: User):
        self.user = user
        self.ram = AxiRam(AxiBus.from_prefix(user.dut, "m_axi"), user.dut.clk, user.dut.rst, size=REACH)
        self.content = bytearray(user.rng.randbytes(REACH))
        self.ram.write(0, bytes(self.content))
        quiet(self.ram)

    def pause(self, share: Callable[[], float]) -> None:
        """Let each channel wait at random."""
        for interface, names in ((self.ram.write_if, ("aw", "w", "b")), (self.ram.read_if, ("ar", "r"))):
            for name in names:
                getattr(interface, f"{name}_channel").set_pause_generator(waits(self.user.rng, share()))

    def check(self) -> None:
        """Compare all of the memory."""
        assert self.ram.read(0, REACH) == self.content


def quiet(slave: AxiSlave | AxiRam) -> None:
    """Keep cocotbext-axi from logging every burst."""
    for interface in (slave.write_if, slave.read_if):
        interface.log.setLevel(logging.ERROR)


async def transfers(user: User, ram: Ram, count: int) -> None:
    """Run so many reads and writes at once, to different halves of memory, and check everything."""
    rng, beat = user.rng, user.beat
    expected = []
    bursts: dict[str, list[tuple[int, int]]] = {"ar": [], "aw": []}
    requests = {"read": 0, "write": 0}
    # Writes go where nothing is read: the order of the two is nobody's.
    for _ in range(count):
        address, beats = user.random_request()
        master = rng.choice(("read", "write"))
        if address < REACH // 2 <= address + beats * beat:
            continue
        requests[master] += 1
        if master == "read":
            address |= REACH // 2
            user.request("read", address, beats)
            read = beats_of(ram.content, address, beats, beat)
            expected += [(data, 0, index == beats - 1) for index, data in enumerate(read)]
        else:
            address &= REACH // 2 - 1
            words = user.random_words(beats)
            user.write(address, words)
            store(ram.content, address, words, beat)
        bursts["ar" if master == "read" else "aw"] += split(address, beats, beat, user.job["max_burst"])
    await user.finish()
    assert user.words == expected
    assert user.bursts == bursts
    assert user.done == requests["write"] * [0]
    ram.check()


@cocotb.test()
async def random_transfers(dut) -> None:
    """Everything arrives, with any waits on both sides, in the bursts that the rule gives."""
    user = User(dut)
    ram = Ram(user)
    await user.start()
    for _ in range(user.job["rounds"]):
        user.share()
        ram.pause(lambda: user.rng.choice(SHARES))
        await transfers(user, ram, 30)
        user.forget()


@cocotb.test()
async def stop_anywhere(dut) -> None:
    """Both masters come to rest after stop in any cycle, the bus is clean, and the next transfers are right."""
    user = User(dut)
    ram = Ram(user)
    await user.start()
    rng, beat = user.rng, user.beat
    for _ in range(user.job["rounds"] * 3):
        user.share()
        ram.pause(lambda: rng.choice(SHARES))
        reads, writes = [], []
        for _ in range(8):
            address, beats = user.random_request()
            address &= REACH // 2 - 4096 - beat
            reads += [(address | REACH // 2) + index * beat for index in range(beats)]
            user.request("read", address | REACH // 2, beats)
            words = user.random_words(beats)
            writes += [(address + index * beat, *word) for index, word in enumerate(words)]
            user.write(address, words)
        # Words may be few or none when it comes, or late.
        for _ in range(rng.randrange(len(writes)) if rng.random() < 0.7 else 0):
            user.sources["write_words"].queue.pop()
        for _ in range(rng.randrange(1, 120)):
            await user.cycle()
        bursts = {channel: len(seen) for channel, seen in user.bursts.items()}
        sent = len(user.written)
        user.inputs["stop"] = 1
        if rng.random() < 0.5:
            user.sources["write_words"].queue.clear()
        await user.cycle()
        # What was given to the bus before stop is on offer now.
        bursts = {channel: count + user.port(f"{channel}valid") for channel, count in bursts.items()}
        sent += user.port("wvalid")
        for _ in range(3000):
            if user.masters_idle:
                break
            await user.cycle()
        else:
            raise AssertionError("not idle 3000 cycles after stop")
        for _ in range(5):
            await user.cycle()
            assert user.masters_idle
            assert not any(user.port(f"{channel}valid") for channel in ("ar", "aw", "w"))
        assert {channel: len(seen) for channel, seen in user.bursts.items()} == bursts
        read = [start + index * beat for start, beats in user.bursts["ar"] for index in range(beats)]
        assert read == reads[: len(read)]
        assert [data for data, _, _ in user.words] == [beats_of(ram.content, start, 1, beat)[0] for start in read]
        places = [start + index * beat for start, beats in user.bursts["aw"] for index in range(beats)]
        assert places == [address for address, _, _ in writes[: len(places)]]
        assert len(user.written) == len(places), "announced, and not sent"
        for index, (data, strobe, _) in enumerate(user.written):
            if index < sent:
                assert (data, strobe) == writes[index][1:], f"beat {index}"
            else:
                assert strobe == 0, f"beat {index}, after stop"
            store(ram.content, places[index], [(data, strobe)], beat)
        ram.check()
        user.forget()
        user.inputs["stop"] = 0
        await user.cycle()
        await transfers(user, ram, 5)
        user.forget()


@cocotb.test()
async def reset_anywhere(dut) -> None:
    """The next transfers are right after a reset of both sides in any cycle."""
    user = User(dut)
    ram = Ram(user)
    await user.start()
    for _ in range(user.job["rounds"]):
        user.share()
        for _ in range(10):
            address, beats = user.random_request()
            user.request("read", address, beats)
            user.write(address, user.random_words(beats))
        for _ in range(user.rng.randrange(1, 200)):
            await user.cycle()
        await user.reset()
        ram.content[:] = ram.ram.read(0, REACH)  # some of it was written
        await transfers(user, ram, 10)
        user.forget()


class Holes:
    """A memory of which some pages answer with errors."""

    def __init__(self, pages: set[int]):
        self.pages = pages

    async def read(self, address: int, length: int) -> bytes:
        self._check(address)
        return bytes(length)

    async def write(self, address: int, data: bytes) -> None:
        self._check(address)

    def _check(self, address: int) -> None:
        if address >> 12 in self.pages:
            raise ValueError(f"nothing at {address:#x}")


@cocotb.test()
async def errors(dut) -> None:
    """Each beat read has its response, each request written the worst one of its bursts."""
    user = User(dut)
    pages = {1, 4, 5, 9}
    slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, target=Holes(pages))
    quiet(slave)
    await user.start()
    seen = 0
    for _ in range(user.job["rounds"]):
        user.share()
        expected, done = [], []
        for _ in range(12):
            address, beats = user.random_request()
            places = [address + index * user.beat for index in range(beats)]
            wrong = [2 if place >> 12 in pages else 0 for place in places]
            user.request("read", address, beats)
            expected += [(0, response, index == beats - 1) for index, response in enumerate(wrong)]
            words = [(0, (1 << user.beat) - 1)] * beats
            user.write(address, words)
            done.append(max(wrong))
        await user.finish()
        assert user.words == expected
        assert user.done == done
        seen += sum(done)
        user.forget()
    assert seen, "no error was seen"
