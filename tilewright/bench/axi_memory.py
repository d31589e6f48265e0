"""A memory on AXI4 in Python: latencies, rates, refresh and turns exact to the cycle, errors, random waits."""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import cocotb
import numpy as np
from cocotb.simtime import get_sim_time
from cocotb.triggers import FallingEdge, First, RisingEdge

from tilewright.bench.register_port import DECERR, OKAY, SLVERR
from tilewright.bench.timing import NEAR, Timing
from tilewright.sim.isa.widths import PAGE_BYTES

CHANNELS = ("ar", "r", "aw", "w", "b")
"""Names of the channels."""
INCR = 1
"""Kind of burst whose address advances from beat to beat."""
OFFERED = {
    "ar": ("addr", "len", "size", "burst"),
    "aw": ("addr", "len", "size", "burst"),
    "w": ("data", "strb"),
}


@dataclass
class _Burst:
    """A burst that waits, from the cycle after its address was accepted on."""

    address: int
    beats: int
    response: int
    accepted: int
    """Step of the cycle in which the address was accepted."""
    done: int = 0
    worst: int = OKAY


@dataclass
class _Answers:
    """Answers in the order in which they leave, each with the first cycle in which it may be offered."""

    queue: deque[tuple[int, dict[str, int]]] = field(default_factory=deque)
    offered: dict[str, int] | None = None


class AxiMemory:
    """Memory of a circuit that is a master on AXI4; its bytes are those of ``content`` from address 0 on.

    It keeps to the rule of the memory in RTL with which Tilewright's own benches run, whose exact twin is
    :class:`tilewright.sim.machine.memory.axi_memory.AxiMemoryModel`: cycles agree with those of the exact models.
    Cycle 0 of rates and refresh is the first cycle after :meth:`restart` in which a read address is offered; the hosts
    call it before each start. A burst that does not follow the protocol fails the test.

    Parameters
    ----------
    dut
        Handle of the circuit, with ports ``clk`` and ``PREFIX...``.
    size : int
        Number of bytes; a burst beyond answers DECERR.
    timing : Timing
        Latencies, rates, refresh and turns; may be set between starts.
    stall : float or mapping
        Share of the cycles, 0 to 1, in which each channel waits, or a share by the name of the channel.
    seed : int
        Seed of these waits.
    prefixes : sequence of str
        Beginnings of the names of the ports to the same bytes. Reads of all share one bandwidth: bursts are served in
        the order in which they were accepted; of several in one cycle, that of a later port is the first. Each port
        writes at the rate of ``timing``.
    """

    def __init__(
        self,
        dut: Any,
        size: int,
        *,
        timing: Timing = NEAR,
        stall: float | Mapping[str, float] = 0.0,
        seed: int = 1,
        prefixes: Sequence[str] = ("m_axi_",),
    ):
        self.dut = dut
        self.content = np.zeros(size, np.uint8)
        """Bytes of the memory; may be changed at any time."""
        self.timing = timing
        self.stall: dict[str, float] = dict(stall) if isinstance(stall, Mapping) else dict.fromkeys(CHANNELS, stall)
        self.rng = random.Random(seed)
        self.bad_address: int | None = None
        """Address of a byte whose beat answers with ``bad_response``."""
        self.bad_response = SLVERR
        """Response of that beat: ``SLVERR`` or ``DECERR``."""
        self.read_beats = self.write_beats = 0
        """Number of beats since the last start."""
        self._start_step: int | None = None
        self._fetched_step = -1
        """Step of the cycle in which a beat was fetched last."""
        self._ports = [_Port(self, prefix) for prefix in prefixes]

    def restart(self) -> None:
        """Let the next read address be in cycle 0 of both rates, and count beats anew."""
        self._start_step = None
        self.read_beats = self.write_beats = 0

    def clear(self) -> None:
        """Forget everything in flight: for a reset of the circuit."""
        for port in self._ports:
            port.clear()
        self.restart()

    def write(self, address: int, data: bytes | np.ndarray) -> None:
        """Write bytes from an address on.

        Raises
        ------
        ValueError
            If they reach beyond the end.
        """
        values = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else np.asarray(data).view(np.uint8).ravel()
        if address < 0 or address + len(values) > len(self.content):
            raise ValueError(f"{len(values)} bytes at {address:#x} do not fit into {len(self.content)} bytes of memory")
        self.content[address : address + len(values)] = values

    def read(self, address: int, size: int) -> np.ndarray:
        """Return a copy of some bytes, uint8."""
        return self.content[address : address + size].copy()

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight."""
        return all(port.idle for port in self._ports)

    def _first_waiting(self) -> "_Port":
        """Return the port whose burst is the next to be read, if one waits."""
        # Of several in one cycle, that of a later port.
        return min(
            reversed(self._ports), key=lambda port: port.reads[0].accepted if port.reads else float("inf")
        )  # fmt: skip

    def _cycle(self, step: int, period: int) -> int:
        """Return the number of a cycle for the rates; negative before the first read address."""
        return -1 if self._start_step is None else (step - self._start_step) // period


class _Port:
    """One port of a memory."""

    def __init__(self, memory: AxiMemory, prefix: str):
        self.memory, self.prefix = memory, prefix
        names = [
            *(f"{channel}{name}" for channel, names in OFFERED.items() for name in names),
            *(f"{channel}{name}" for channel in CHANNELS for name in ("valid", "ready")),
            *("wlast", "rdata", "rresp", "rlast", "rid", "bresp", "bid"),
        ]
        self.port = {name: getattr(memory.dut, prefix + name) for name in names}
        self.beat = len(self.port["rdata"]) // 8
        self.reads: deque[_Burst] = deque()
        self.writes: deque[_Burst] = deque()
        self.answers = {"r": _Answers(), "b": _Answers()}
        self._waiting: dict[str, tuple[int, ...]] = {}
        self._driven: dict[str, int] = {}
        self._drive(
            arready=0, awready=0, wready=0, rvalid=0, bvalid=0, rdata=0, rresp=0, rlast=0, rid=0, bresp=0, bid=0
        )
        cocotb.start_soon(self._run())

    @property
    def idle(self) -> bool:
        return not (
            self.reads or self.writes or any(each.queue or each.offered is not None for each in self.answers.values())
        )

    def clear(self) -> None:
        self.reads.clear()
        self.writes.clear()
        self.answers = {"r": _Answers(), "b": _Answers()}
        self._waiting.clear()
        self._drive(rvalid=0, bvalid=0, wready=0)

    def _drive(self, **values: int) -> None:
        for name, value in values.items():
            if self._driven.get(name) != value:
                self._driven[name] = value
                self.port[name].value = value

    def _is(self, name: str) -> bool:
        return bool(self.port[name].value == 1)

    def _waits(self, channel: str) -> bool:
        share = self.memory.stall.get(channel, 0.0)
        return share > 0 and self.memory.rng.random() < share

    async def _run(self) -> None:
        clk = self.memory.dut.clk
        await RisingEdge(clk)
        before = int(get_sim_time("step"))
        await RisingEdge(clk)
        step = int(get_sim_time("step"))
        period = step - before
        while True:
            rests = self.idle
            self._offer(step, period)
            await FallingEdge(clk)
            self._note(step)
            if rests and self._nothing_to_do():
                # Nothing changes until an address is offered, which is accepted in that cycle.
                await First(*(RisingEdge(self.port[f"{channel}valid"]) for channel in ("ar", "aw")))
                step += (int(get_sim_time("step")) - step) // period * period
                await FallingEdge(clk)
                self._note(step)
            await RisingEdge(clk)
            step += period

    def _nothing_to_do(self) -> bool:
        """Return whether no cycle differs from this one until the circuit offers an address."""
        offered = any(self._is(f"{channel}valid") for channel in ("ar", "aw", "w"))
        return self.idle and not offered and not any(self.memory.stall.values())

    def _slot(self, cycle: int, rate: Fraction, *, writes: bool) -> bool:
        timing, (words, cycles) = self.memory.timing, rate.as_integer_ratio()
        periods, inside = divmod(cycle, timing.refresh_period)
        if inside < timing.refresh_cycles:
            return False
        # Cycles without refresh are those in which the rate goes on.
        cycle -= (periods + 1) * timing.refresh_cycles
        if timing.write_cycles:
            end = timing.read_to_write + timing.write_cycles
            first, end = (timing.read_to_write, end) if writes else (end + timing.write_to_read, timing.turn_period)
            turns, inside = divmod(cycle, timing.turn_period)
            if not first <= inside < end:
                return False
            cycle = turns * (end - first) + inside - first
        return (cycle + 1) * words // cycles > cycle * words // cycles

    def _offer(self, step: int, period: int) -> None:
        """Fetch a beat and set this side's signals for a cycle."""
        memory = self.memory
        cycle, timing = memory._cycle(step, period), memory.timing
        free = memory._fetched_step != step and memory._first_waiting() is self
        if self.reads and free and self._slot(cycle, timing.rate, writes=False):
            memory._fetched_step = step
            self._fetch(step + timing.latency * period)
        for channel, answers in self.answers.items():
            if answers.offered is None and answers.queue and answers.queue[0][0] <= step and not self._waits(channel):
                answers.offered = answers.queue.popleft()[1]
                self._drive(**answers.offered)
            self._drive(**{f"{channel}valid": int(answers.offered is not None)})
        takes = bool(self.writes) and self._slot(cycle, timing.write_rate, writes=True)
        self._drive(
            arready=int(not self._waits("ar")),
            awready=int(not self._waits("aw")),
            wready=int(takes and not self._waits("w")),
        )
        self._response_step = step + timing.write_latency * period

    def _fetch(self, due: int) -> None:
        burst = self.reads[0]
        address = burst.address + burst.done * self.beat
        response = burst.response or self._error_at(address)
        data = 0 if response else int.from_bytes(self.memory.content[address : address + self.beat].tobytes(), "little")
        burst.done += 1
        last = int(burst.done == burst.beats)
        self.answers["r"].queue.append((due, {"rdata": data, "rresp": response, "rlast": last}))
        if last:
            self.reads.popleft()

    def _error_at(self, address: int) -> int:
        bad = self.memory.bad_address
        return self.memory.bad_response if bad is not None and bad // self.beat * self.beat == address else OKAY

    def _note(self, step: int) -> None:
        """Look at a cycle: what is offered, what is taken."""
        memory = self.memory
        if memory._start_step is None and self.prefix == memory._ports[0].prefix and self._is("arvalid"):
            memory._start_step = step
        for channel, bursts in (("ar", self.reads), ("aw", self.writes)):
            offered = self._kept(channel)
            if offered is not None and self._is(f"{channel}ready"):
                bursts.append(self._burst(channel, step, *offered))
        offered = self._kept("w")
        if offered is not None and self._is("wready"):
            self._write(*offered)
        for channel, answers in self.answers.items():
            if answers.offered is not None and self._is(f"{channel}ready"):
                answers.offered = None
                memory.read_beats += channel == "r"

    def _kept(self, channel: str) -> tuple[int, ...] | None:
        """Return what the circuit offers on a channel.

        Raises
        ------
        AssertionError
            If it has taken back or changed an offer.
        """
        before = self._waiting.pop(channel, None)
        if not self._is(f"{channel}valid"):
            assert before is None, f"{self.prefix}{channel}: an offer was withdrawn"
            return None
        offered = tuple(int(self.port[f"{channel}{name}"].value) for name in OFFERED[channel])
        assert before in (None, offered), f"{self.prefix}{channel}: an offer changed before it was taken"
        if not self._is(f"{channel}ready"):
            self._waiting[channel] = offered
        return offered

    def _burst(self, channel: str, step: int, address: int, length: int, size: int, kind: int) -> _Burst:
        """Return an accepted burst.

        Raises
        ------
        AssertionError
            If it is none that the protocol, and this memory, allows.
        """
        what, beats = f"{self.prefix}{channel}: a burst at {address:#x}", length + 1
        assert kind == INCR, f"{what} is not INCR"
        assert 1 << size == self.beat, f"{what} is not of beats of {self.beat} bytes"
        assert address % self.beat == 0, f"{what} is not aligned to beats of {self.beat} bytes"
        assert address % PAGE_BYTES + beats * self.beat <= PAGE_BYTES, f"{what} of {beats} beats crosses 4 KiB"
        beyond = address + beats * self.beat > len(self.memory.content)
        return _Burst(address, beats, DECERR if beyond else OKAY, step)

    def _write(self, data: int, strobe: int) -> None:
        burst = self.writes[0]
        address = burst.address + burst.done * self.beat
        error = self._error_at(address)
        if not (burst.response or error):
            mask = np.unpackbits(
                np.frombuffer(strobe.to_bytes(-(-self.beat // 8), "little"), np.uint8), bitorder="little"
            )
            place = self.memory.content[address : address + self.beat]
            new = np.frombuffer(data.to_bytes(self.beat, "little"), np.uint8)
            np.copyto(place, new, where=mask[: self.beat].astype(bool))
        burst.worst = burst.response or error or burst.worst
        burst.done += 1
        self.memory.write_beats += 1
        last = burst.done == burst.beats
        assert self._is("wlast") == last, f"{self.prefix}w: wlast is wrong in beat {burst.done} of {burst.beats}"
        if last:
            self.answers["b"].queue.append((self._response_step, {"bresp": burst.worst}))
            self.writes.popleft()
