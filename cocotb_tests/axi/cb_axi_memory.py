"""Bench of ``AxiMemory``: every cycle of its port, and what it answers, under the masters and under cocotbext-axi."""

from collections import deque
from copy import copy
from dataclasses import replace

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from tilewright.cocotb_tests.axi.driver import REACH, SHARES, User
from tilewright.cocotb_tests.axi.timing import Channel, Timing, check_reads, check_writes
from tilewright.cocotb_tests.harness.axi_contract import CHANNELS

BENCH = "tilewright.cocotb_tests.axi.cb_axi_memory"
"""Name of this module, as cocotb imports it."""
FIELDS = {
    "ar": ("addr", "len"),
    "r": ("data", "resp", "last"),
    "aw": ("addr", "len"),
    "w": ("data", "strb"),
    "b": ("resp",),
}
OKAY, SLVERR, DECERR = 0, 2, 3


class Port:
    """Transfers at the memory's port since ``restart``, and the content of memory before."""

    def __init__(self, dut, job: dict, rng):
        self.dut, self.job, self.rng = dut, job, rng
        self.refresh_rng = copy(rng)
        self.beat = job["data_bits"] // 8
        self.size = job["words"] * self.beat
        self.end = self.size
        """First address beyond the bytes that the bus reaches."""
        self.channels: dict[str, Channel] = {}
        self.content = bytearray(self.size)
        self.recording = False
        self.timings: dict[str, Timing] = {}
        self.error: tuple[int, int] | None = None
        """Address of the beat that answers with an error, and this error."""

    def _turns(self, inputs: dict[str, int], *, fast: bool) -> dict[str, dict[str, int]]:
        """Choose turns of the directions and put them into the inputs; return what they are for each direction."""
        rng = self.refresh_rng
        period = rng.choice((4, 9, 41, 300))
        before, writes, after = (rng.randrange(least, 1 + max(least, period // 4)) for least in (0, 1, 0))
        inputs |= {"turn_period": period, "read_to_write": before, "write_cycles": writes, "write_to_read": after}
        if fast or rng.random() < 0.4:
            inputs["write_cycles"] = 0
            return {"read": {}, "write": {}}
        end = before + writes
        return {
            "read": {"turn_period": period, "open_first": end + after, "open_end": period},
            "write": {"turn_period": period, "open_first": before, "open_end": end},
        }

    def choose(self, inputs: dict[str, int], *, fast: bool = False) -> None:
        """Choose timing, end of memory and error anew, and put them into the inputs of the harness."""
        rng = self.rng
        period = 1 if fast else self.refresh_rng.choice((1, 3, 40, 333))
        refresh = {"refresh_period": period, "refresh_cycles": self.refresh_rng.randrange(1 + period // 2)}
        inputs |= refresh
        turns = self._turns(inputs, fast=fast)
        for direction, prefix in (("read", ""), ("write", "write_")):
            words, cycles = (1, 1) if fast or rng.random() < 0.3 else (rng.randrange(1, 8), rng.randrange(8, 12))
            timing = Timing(
                latency=rng.choice((1, 2, 3, rng.randrange(1, self.job["max_latency"] + 1))),
                words=words,
                cycles=cycles,
                requests=self.job["requests"],
                depth=self.job["max_latency"] + 2,
                **refresh,
                **turns[direction],
            )
            self.timings[direction] = timing
            inputs |= {
                f"{prefix}latency": timing.latency,
                f"{prefix}rate_words": words,
                f"{prefix}rate_cycles": cycles,
            }
        lines = self.job["words"] // self.job["line_words"]
        share = 0 if fast else rng.choice((0, rng.randrange(lines // 4)))
        self.end = self.size - share * self.job["line_words"] * self.beat
        inputs["size"] = self.end
        self.error = None
        if not fast and rng.random() < 0.5:
            self.error = (rng.randrange(self.end // self.beat) * self.beat, rng.choice((SLVERR, DECERR)))
        address, response = self.error or (rng.randrange(self.size), SLVERR)
        # Any byte of the beat will do.
        inputs |= {
            "error_enable": self.error is not None,
            "error_address": address + rng.randrange(self.beat) if self.error else address,
            "error_response": response,
        }

    def start(self) -> None:
        """Record from the next cycle on, the first without ``restart``."""
        self.channels = {name: Channel() for name in FIELDS}
        self.recording = True

    def record(self) -> None:
        """Note this cycle."""
        if not self.recording:
            return
        for name, channel in self.channels.items():
            valid, ready = (int(getattr(self.dut, f"s_axi_{name}{part}").value) for part in ("valid", "ready"))
            channel.valid.append(valid)
            channel.ready.append(ready)
            if valid and ready:
                ports = {part: getattr(self.dut, f"s_axi_{name}{part}").value for part in FIELDS[name]}
                channel.payload.append({part: int(value) for part, value in ports.items()})

    async def fill(self, content: bytes) -> None:
        """Write all of the memory, a line a cycle, and read some words back."""
        dut, line = self.dut, self.beat * self.job["line_words"]
        await RisingEdge(dut.clk)
        dut.write_enable.value = 1
        for index in range(self.size // line):
            dut.write_address.value = index
            dut.write_data.value = int.from_bytes(content[index * line : (index + 1) * line], "little")
            await RisingEdge(dut.clk)
        dut.write_enable.value = 0
        self.content[:] = content
        await self.look(20)

    async def look(self, lines: int) -> None:
        """Compare some lines of the memory with what they should hold."""
        line = self.beat * self.job["line_words"]
        for _ in range(lines):
            index = self.rng.randrange(self.size // line)
            await RisingEdge(self.dut.clk)
            self.dut.read_address.value = index
            await FallingEdge(self.dut.clk)
            right = int.from_bytes(self.content[index * line : (index + 1) * line], "little")
            assert int(self.dut.read_data.value) == right, f"line {index}"

    def places(self, channel: str) -> list[tuple[int, bool, bool]]:
        """Return, for each beat, its address, whether its burst is within the memory, and whether it is the last."""
        beats = []
        for burst in self.channels[channel].payload:
            first = burst["addr"] & ~(self.beat - 1)
            count = burst["len"] + 1
            inside = first + count * self.beat <= self.end
            beats += [(first + index * self.beat, inside, index == count - 1) for index in range(count)]
        return beats

    def check(self) -> None:
        """Check every cycle and every answer since the start.

        Raises
        ------
        AssertionError
            At the first that is not as the docstring of ``AxiMemory`` says.
        """
        c = self.channels
        fetched = check_reads(self.timings["read"], c["ar"], c["r"])
        accepted = check_writes(self.timings["write"], c["aw"], c["w"], c["b"])
        error_at, error_response = self.error or (None, OKAY)

        writes = deque(zip(accepted, self.places("aw"), c["w"].payload, strict=False))
        responses: list[int] = []
        worst = OKAY
        answers = []
        for cycle, (address, inside, last) in zip(fetched, self.places("ar"), strict=False):
            while writes and writes[0][0] < cycle:
                worst = self._write(writes.popleft(), worst, responses)
            response = DECERR if not inside else error_response if address == error_at else OKAY
            word = 0 if response else int.from_bytes(self.content[address : address + self.beat], "little")
            answers.append({"data": word, "resp": response, "last": last})
        while writes:
            worst = self._write(writes.popleft(), worst, responses)
        assert c["r"].payload == answers[: len(c["r"].payload)]
        assert [answer["resp"] for answer in c["b"].payload] == responses[: len(c["b"].payload)]

    def _write(self, write: tuple, worst: int, responses: list[int]) -> int:
        """Carry out one beat; return the worst response of the burst so far, note it with the last beat."""
        _, (address, inside, last), word = write
        if not inside:
            worst = DECERR
        elif self.error and address == self.error[0]:
            worst = self.error[1]
        else:
            for byte in range(self.beat):
                if word["strb"] >> byte & 1:
                    self.content[address + byte] = word["data"] >> 8 * byte & 0xFF
        if last:
            responses.append(worst)
        return OKAY if last else worst


class MemoryUser(User):
    """Drives the masters, with gates between them and the memory."""

    def __init__(self, dut):
        super().__init__(dut, "s_axi_")
        self.memory = Port(dut, self.job, self.rng)
        self.gate_shares = dict.fromkeys(CHANNELS, 0.0)
        self.inputs |= {"restart": 1, "block": 0}
        self.memory.choose(self.inputs)

    async def cycle(self) -> None:
        blocked = [self.rng.random() < share for share in self.gate_shares.values()]
        self.inputs["block"] = sum(bit << index for index, bit in enumerate(blocked))
        await super().cycle()
        self.memory.record()
        assert self.dut.changed.value == 0, "the memory withdrew or changed an answer"

    async def begin(self, *, fast: bool = False) -> None:
        """Begin a run with new timing."""
        self.memory.recording = False
        self.forget()
        self.memory.choose(self.inputs, fast=fast)
        self.inputs["restart"] = 1
        for _ in range(self.rng.randrange(1, 9)):
            await self.cycle()
        self.inputs["restart"] = 0
        self.memory.start()

    async def end(self) -> None:
        """Wait for the end and check everything."""
        await self.finish(100000)
        self.memory.check()
        assert self.dut.memory_broken.value == 0
        await self.memory.look(20)


@cocotb.test()
async def masters_on_memory(dut) -> None:
    """Every cycle and every answer is as the contract says, whatever waits; reads and writes use the same addresses."""
    user = MemoryUser(dut)
    rng, memory = user.rng, user.memory
    await user.start()
    await memory.fill(rng.randbytes(memory.size))
    for index in range(user.job["rounds"]):
        await user.begin()
        busy = index % 2
        user.share(lambda: 0.0 if busy else rng.choice(SHARES))  # noqa: B023 - used at once
        user.gate_shares = {name: 0.0 if busy else rng.choice((0, 0, 0.3, 0.8)) for name in CHANNELS}
        # A small part of the memory, so that reads meet writes; its end now and then.
        base = rng.randrange(0, memory.end, 4096)
        for _ in range(25):
            address, beats = user.random_request(40)
            address = base + address % 2048 if rng.random() < 0.8 else address
            if rng.random() < 0.5:
                user.request("read", address, beats)
            else:
                user.write(address, user.random_words(beats))
        await user.end()


@cocotb.test()
async def full_rate(dut) -> None:
    """Long and short transfers take the cycles that the docstrings of masters and memory add up to."""
    user = MemoryUser(dut)
    rng, memory = user.rng, user.memory
    await user.start()
    await memory.fill(rng.randbytes(memory.size))
    strobe = (1 << user.beat) - 1
    # So many bursts of one beat as may be in flight cover this much latency at each end.
    short = user.job["outstanding"]
    for beats, count in ((300, 3), (1, short), (user.job["max_burst"], 7)):
        await user.begin(fast=True)
        for _ in range(count):
            address = rng.randrange(0, REACH // 2, 4096)
            user.request("read", address, beats)
            user.write(address + REACH // 4, [(7, strobe)] * beats)
        # A response frees a place: bursts must be long enough to hide it.
        latency = 1 if beats > 1 else memory.timings["read"].latency
        for prefix in ("", "write_"):
            user.inputs[f"{prefix}latency"] = latency
        memory.timings = {name: replace(timing, latency=latency) for name, timing in memory.timings.items()}
        await user.end()
        # Taken in cycle 0, offered to the bus in cycle 2, fetched in cycle 3; the first word is written in cycle 3.
        assert memory.channels["ar"].taken[0] == memory.channels["aw"].taken[0] == 2
        total = beats * count
        assert memory.channels["r"].taken == list(range(3 + latency, 3 + latency + total))
        assert memory.channels["w"].taken == list(range(3, 3 + total))
        assert memory.channels["b"].taken[-1] == 3 + total - 1 + latency
