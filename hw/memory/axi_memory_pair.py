"""A memory with two AXI4 ports, for simulation."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import flipped, master_members
from tilewright.hw.memory.axi_memory import PREFIX, TIME_BITS, AxiFront, Bursts
from tilewright.hw.memory.line_storage import LineStorage

SECOND = "second_"
"""Prefix of the names of the second port."""
_COMMON = (
    "latency", "rate_words", "rate_cycles", "write_latency", "write_rate_words", "write_rate_cycles", "refresh_period",
    "refresh_cycles", "turn_period", "read_to_write", "write_cycles", "write_to_read",
    "size", "restart", "error_enable", "error_address", "error_response",
)  # fmt: skip
"""Members that both ports share."""


class _Port(AxiFront):
    """A port whose storage is elsewhere: its ports are members, as those of :class:`LineStorage` are named.

    Reads are served in cycles in which ``turn`` is 1; ``waiting`` says that one waits, and ``since`` when its address
    was accepted.
    """

    def __init__(self, *, address_bits: int, data_bits: int, words: int, requests: int, max_latency: int):
        self._depth = requests
        super().__init__(
            address_bits=address_bits,
            data_bits=data_bits,
            words=words,
            requests=requests,
            max_latency=max_latency,
            members={
                "turn": In(1),
                "waiting": Out(1),
                "since": Out(TIME_BITS),
                "read_address_0": Out(range(words)),
                "read_data_0": In(data_bits),
                "write_enable": Out(1),
                "write_address": Out(range(words)),
                "write_mask": Out(data_bits),
                "write_data": Out(data_bits),
            },
        )

    def elaborate(self, platform):
        m = Module()
        self._connect(m, self)
        return m

    def _turn(self, m: Module, bursts: Bursts, now: Signal) -> Value:
        m.submodules.times = times = SyncFIFO(width=TIME_BITS, depth=self._depth)
        m.d.comb += [
            times.w_data.eq(now),
            times.w_en.eq(bursts.enter & bursts.room),
            times.r_en.eq(bursts.step & bursts.last),
            self.waiting.eq(bursts.waiting),
            self.since.eq(times.r_data),
        ]
        return self.turn


class AxiMemoryPair(wiring.Component):
    """Two ports with the latency and rates of :class:`AxiMemory`, on one content.

    Both ports have the same memory timing and the same errors, and count their cycles from the same one: refresh stops
    both. Reads of both share one bandwidth: a slot fetches a beat for one of them. Bursts are served whole, in the
    order in which their addresses were accepted; of two in one cycle, that of the second port is the first. ``f[j-1]``
    and ``t[j-D]`` of a burst's first beat are thus those of the burst before, whichever port that came from. Writes of
    one port never wait for those of the other. A port reads what the other has written before that cycle; if both write
    a byte in one cycle, the second port's value stays.

    Parameters
    ----------
    address_bits : int
        Widths of both ports.
    data_bits, second_bits : int
        Widths of each bus.
    size, line_bytes : int
        Largest number of bytes of memory, and bytes of a line that the bench writes and reads.
    requests, second_requests : int
        Bursts that can wait, in each direction.
    max_latency : int
        See :class:`AxiMemory`.

    Members
    -------
    s_axi_..., second_s_axi_... : In, Out
        AXI4 slaves.
    latency, ... broken : In, Out
        Members of :class:`AxiMemory`; ``broken`` by either port.
    """

    SOURCE = LineStorage.SOURCE

    def __init__(
        self,
        *,
        address_bits: int,
        data_bits: int,
        second_bits: int,
        size: int,
        line_bytes: int,
        requests: int,
        second_requests: int,
        max_latency: int,
    ):
        def port(bits: int, waiting: int) -> _Port:
            return _Port(
                address_bits=address_bits, data_bits=bits, words=size // (bits // 8), requests=waiting,
                max_latency=max_latency,
            )  # fmt: skip

        self._ports = port(data_bits, requests), port(second_bits, second_requests)
        self._widths = data_bits, second_bits
        self._width = max(data_bits, second_bits)
        self._size, self._line_bytes = size, line_bytes
        self._second = master_members(address_bits=address_bits, data_bits=second_bits, prefix=SECOND + PREFIX)
        self._first = master_members(address_bits=address_bits, data_bits=data_bits, prefix=PREFIX)
        own = {name: member for name, member in self._ports[0].signature.members.items() if name in _COMMON}
        super().__init__(
            {
                **flipped(self._first),
                **flipped(self._second),
                **own,
                "write_enable": In(1),
                "write_address": In(range(max(2, size // line_bytes))),
                "write_data": In(8 * line_bytes),
                "read_address": In(range(max(2, size // line_bytes))),
                "read_data": Out(8 * line_bytes),
                "broken": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width = self._width
        storage = LineStorage(width=width, depth=self._size // (width // 8), line_words=8 * self._line_bytes // width)
        m.submodules.storage = storage
        first, second = self._ports
        m.submodules.first, m.submodules.second = first, second
        ahead, first_turn, second_turn = Signal(TIME_BITS), Signal(), Signal()
        m.d.comb += [
            ahead.eq(first.since - second.since),
            first_turn.eq(~second.waiting | ahead[-1]),
            second_turn.eq(~(first.waiting & ahead[-1])),
            first.turn.eq(first_turn),
            second.turn.eq(second_turn),
        ]
        for name, member in self._first.items():
            inner, outer = getattr(first, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow == Out else outer.eq(inner)
        for name, member in self._second.items():
            inner, outer = getattr(second, name.removeprefix(SECOND)), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow == Out else outer.eq(inner)
        for port, bits, read, write in ((first, self._widths[0], 0, ""), (second, self._widths[1], 1, "_1")):
            m.d.comb += [getattr(port, name).eq(getattr(self, name)) for name in _COMMON]
            address, part = self._place(port.read_address_0, bits)
            m.d.comb += [
                getattr(storage, f"read_address_{read}").eq(address),
                port.read_data_0.eq(getattr(storage, f"read_data_{read}").word_select(part, bits)),
            ]
            address, part = self._place(port.write_address, bits)
            shift = Signal(range(width), name=f"shift{read}")
            m.d.comb += [
                shift.eq(part * bits),
                getattr(storage, f"write_enable{write}").eq(port.write_enable),
                getattr(storage, f"write_address{write}").eq(address),
                getattr(storage, f"write_mask{write}").eq(port.write_mask << shift),
                getattr(storage, f"write_data{write}").eq(port.write_data << shift),
            ]
        m.d.comb += [
            storage.line_enable.eq(self.write_enable),
            storage.line_address.eq(self.write_address),
            storage.line_data.eq(self.write_data),
            storage.read_line_address.eq(self.read_address),
            self.read_data.eq(storage.read_line_data),
            self.broken.eq(first.broken | second.broken),
        ]
        return m

    def _place(self, address: Any, bits: int) -> tuple[Any, Any]:
        """Return the storage's word, and which part of it, of a port's word."""
        inside = (self._width // bits).bit_length() - 1
        return address[inside:], Cat(address[:inside], Const(0, 1))
