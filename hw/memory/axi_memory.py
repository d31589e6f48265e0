"""An AXI4 memory with set latency and bandwidth, for simulation."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import Burst, Response, flipped, master_members
from tilewright.hw.memory.line_storage import LineStorage
from tilewright.hw.memory.slots import FOREVER, memory_slots
from tilewright.sim.isa.widths import PAGE_BYTES

TIME_BITS = 32
PREFIX = "s_axi_"


class AxiFront(wiring.Component):
    """The AXI4 side of a memory: what :class:`AxiMemory` says of reads, writes and errors.

    Its storage has the members of :class:`LineStorage`, here words of ``data_bits``.

    Parameters
    ----------
    address_bits, data_bits, words, requests, max_latency : int
        See :class:`AxiMemory`.
    members : dict
        Further ones.
    """

    def __init__(
        self, *, address_bits: int, data_bits: int, words: int, requests: int, max_latency: int, members: dict[str, Any]
    ):
        self._members = master_members(address_bits=address_bits, data_bits=data_bits, prefix=PREFIX)
        if words < 2:
            raise ValueError(f"words = {words} is not allowed: it must be at least 2")
        if words * data_bits // 8 > 1 << address_bits:
            raise ValueError(f"words = {words} is not allowed: {address_bits} address bits do not reach them")
        self._address_bits, self._data_bits, self._words = address_bits, data_bits, words
        self._requests = requests
        self._in_flight = max_latency + 2
        self._shift = (data_bits // 8).bit_length() - 1
        super().__init__(
            {
                **flipped(self._members),
                "latency": In(16),
                "rate_words": In(16),
                "rate_cycles": In(16),
                "write_latency": In(16),
                "write_rate_words": In(16),
                "write_rate_cycles": In(16),
                "refresh_period": In(16),
                "refresh_cycles": In(16),
                "turn_period": In(16),
                "read_to_write": In(16),
                "write_cycles": In(16),
                "write_to_read": In(16),
                "size": In(range(words * data_bits // 8 + 1)),
                "restart": In(1),
                "error_enable": In(1),
                "error_address": In(address_bits),
                "error_response": In(2),
                **members,
                "broken": Out(1),
            }
        )

    def _connect(self, m: Module, storage: Any) -> None:
        """Serve both directions from a storage."""
        now = Signal(TIME_BITS)
        m.d.sync += now.eq(now + 1)
        with m.If(self.restart):
            m.d.sync += self.broken.eq(0)
        self._read(m, storage, now)
        self._write(m, storage, now)

    def _read(self, m: Module, storage: Any, now: Signal) -> None:
        turns = self.turn_period, self.read_to_write + self.write_cycles + self.write_to_read, self.turn_period
        slot = memory_slots(m, "read_slots", self, self.rate_words, self.rate_cycles, self._turns(*turns))
        bursts = self._bursts(m, "ar")
        burst, last, address = bursts.burst, bursts.last, bursts.address
        layout = data.StructLayout({"id": 1, "data": self._data_bits, "response": 2, "last": 1})
        answers = _Delayed(m, "read_answers", layout, self._in_flight, now, self.latency)
        fetch = Signal()
        response = Signal(2)
        m.d.comb += [
            fetch.eq(slot & bursts.waiting & answers.room & self._turn(m, bursts, now)),
            bursts.step.eq(fetch),
            storage.read_address_0.eq(address),
            response.eq(Mux(burst.response.any(), burst.response, Mux(self._hit(address), self.error_response, 0))),
            answers.enter.eq(fetch),
            answers.entering.id.eq(burst.id),
            answers.entering.data.eq(Mux(response.any(), 0, storage.read_data_0)),
            answers.entering.response.eq(response),
            answers.entering.last.eq(last),
            self.s_axi_rvalid.eq(answers.valid),
            self.s_axi_rid.eq(answers.leaving.id),
            self.s_axi_rdata.eq(answers.leaving.data),
            self.s_axi_rresp.eq(answers.leaving.response),
            self.s_axi_rlast.eq(answers.leaving.last),
            answers.leave.eq(self.s_axi_rready),
        ]

    def _write(self, m: Module, storage: Any, now: Signal) -> None:
        turns = self.turn_period, self.read_to_write, self.read_to_write + self.write_cycles
        slot = memory_slots(m, "write_slots", self, self.write_rate_words, self.write_rate_cycles, self._turns(*turns))
        bursts = self._bursts(m, "aw")
        burst, last, address = bursts.burst, bursts.last, bursts.address
        layout = data.StructLayout({"id": 1, "response": 2})
        answers = _Delayed(m, "write_answers", layout, self._in_flight, now, self.write_latency)
        accepted, hit = Signal(), Signal()
        earlier, response = Signal(2), Signal(2)  # of the burst's beats before this one, and with it
        m.d.comb += [
            self.s_axi_wready.eq(slot & bursts.waiting & answers.room),
            accepted.eq(self.s_axi_wvalid & self.s_axi_wready),
            bursts.step.eq(accepted),
            hit.eq(self._hit(address)),
            response.eq(Mux(burst.response.any(), burst.response, Mux(hit, self.error_response, earlier))),
            storage.write_enable.eq(accepted & ~hit & ~burst.response.any()),
            storage.write_address.eq(address),
            storage.write_mask.eq(Cat(strobe.replicate(8) for strobe in self.s_axi_wstrb)),
            storage.write_data.eq(self.s_axi_wdata),
            answers.enter.eq(accepted & last),
            answers.entering.id.eq(burst.id),
            answers.entering.response.eq(response),
            self.s_axi_bvalid.eq(answers.valid),
            self.s_axi_bid.eq(answers.leaving.id),
            self.s_axi_bresp.eq(answers.leaving.response),
            answers.leave.eq(self.s_axi_bready),
        ]
        with m.If(accepted):
            m.d.sync += earlier.eq(Mux(last, 0, response))
            with m.If(self.s_axi_wlast != last):
                m.d.sync += self.broken.eq(1)

    def _turn(self, m: Module, bursts: "Bursts", now: Signal) -> Value:
        """Return whether reads may be served, for a memory with several ports."""
        return Const(1)

    def _turns(self, period: Value, first: Value, end: Value) -> tuple[Value, Value, Value]:
        """Return the turns of a direction, or those of a memory without turns."""
        takes_turns = self.write_cycles != 0
        return Mux(takes_turns, period, 0), Mux(takes_turns, first, 0), Mux(takes_turns, end, FOREVER)

    def _bursts(self, m: Module, channel: str) -> "Bursts":
        """Connect an address channel to a queue of its bursts, each with the response that it will have."""

        def port(name: str) -> Value:
            return getattr(self, PREFIX + channel + name)

        word_address = port("addr")[self._shift :]
        layout = data.StructLayout({"id": 1, "address": len(word_address), "length": 8, "response": 2})
        bursts = Bursts(m, f"{channel}_bursts", layout, self._requests)
        page_beats = PAGE_BYTES >> self._shift
        in_page = word_address[: page_beats.bit_length() - 1]
        odd = (port("burst") != Burst.INCR) | (port("size") != self._shift)
        m.d.comb += [
            port("ready").eq(bursts.room),
            bursts.enter.eq(port("valid")),
            bursts.entering.id.eq(port("id")),
            bursts.entering.address.eq(word_address),
            bursts.entering.length.eq(port("len")),
        ]
        with m.If(odd):
            m.d.comb += bursts.entering.response.eq(Response.SLVERR)
        with m.Elif(word_address + port("len") >= self.size[self._shift :]):
            m.d.comb += bursts.entering.response.eq(Response.DECERR)
        with m.If(port("valid") & port("ready") & (odd | (in_page + port("len") >= page_beats))):
            m.d.sync += self.broken.eq(1)
        return bursts

    def _hit(self, address: Value) -> Value:
        return self.error_enable & (address == self.error_address[self._shift :])


class AxiMemory(AxiFront):
    """Reads and writes bursts in order, with a latency and at a rate for each direction, exact to the cycle.

    Cycles count from 0, the first without ``restart``. ``slot`` of a direction is that of :class:`RateSlots`: no cycle
    ``n`` of refresh is one, ``n % refresh_period < refresh_cycles``. Refresh stops both directions at once. Of the
    other cycles, numbered ``b`` from 0, all belong to both directions if ``write_cycles`` is 0. Otherwise they take
    turns: ``b % turn_period`` is, one after the other, ``read_to_write`` cycles in which no word passes,
    ``write_cycles`` that belong to writes, ``write_to_read`` in which no word passes, and the rest, which belongs to
    reads. The ``a``-th cycle that belongs to a direction, counted from 0, is a slot if and only if
    ``(a + 1) * rate_words // rate_cycles > a * rate_words // rate_cycles``. ``D`` is ``max_latency + 2``. "Accepted",
    "taken": in a cycle with valid and ready.

    Reads. A burst is accepted in any cycle ``a`` in which fewer than ``requests`` bursts wait; one waits from the cycle
    after its acceptance to the one in which its last beat is fetched, both included. Beats are numbered ``j`` over all
    bursts; beat ``j`` is fetched in cycle ``f[j]``, valid from cycle ``v[j]`` on and taken in cycle ``t[j]``::

        f[j] = the first slot in or after  max(a + 1, f[j-1] + 1, t[j-D] + 1)
        v[j] = max(f[j] + latency, t[j-1] + 1)

    So the first beat comes ``latency + 1`` cycles after its address at full rate, beats of consecutive bursts follow
    without a gap, and ``t[j-D]`` matters only to a reader that stalls. A beat is what the memory holds at the start of
    cycle ``f[j]``.

    Writes. Addresses are accepted as those of reads, whatever the rate; a burst waits until its last beat is accepted.
    Beat ``j``, offered from cycle ``o[j]`` on, of burst ``i`` that is accepted in cycle ``a``, is accepted in cycle
    ``w[j]``; the response to the burst is valid from cycle ``b[i]`` on and taken in cycle ``u[i]``::

        w[j] = the first write slot in or after  max(a + 1, w[j-1] + 1, o[j], u[i-D] + 1)
        b[i] = max(w[last beat] + write_latency, u[i-1] + 1)

    ``wready`` does not depend on ``wvalid``: a slot without a beat is lost. The memory holds a beat from cycle
    ``w[j] + 1`` on.

    Errors. A burst that reaches beyond ``size`` bytes from address 0 answers DECERR, all its beats; it writes nothing.
    With ``error_enable`` a read of the beat at ``error_address`` answers ``error_response``, both as they are when it
    is fetched, and so does a burst that writes it, of which all other beats are written. Bursts that are not INCR or
    not of full-width beats answer SLVERR and do nothing. Data of a beat that is not OKAY are 0.

    Simulation only: the storage is read without a clock, so that latencies can be any number.

    Parameters
    ----------
    address_bits, data_bits : int
        The bus; a word is a beat.
    words : int
        Largest size of the memory, a multiple of ``line_words``.
    line_words : int
        Words that the bench writes and reads at a time: a power of two.
    requests : int
        Bursts that can wait, in each direction.
    max_latency : int
        Largest latency at which a master that never stalls gets the full rate.

    Members
    -------
    s_axi_... : In, Out
        AXI4 slave; IDs come back as they were given.
    latency, rate_words, rate_cycles : In(16)
        Timing of reads; ``latency >= 1``, ``rate_words <= rate_cycles``.
    write_latency, write_rate_words, write_rate_cycles : In(16)
        Timing of writes, likewise.
    refresh_period, refresh_cycles : In(16)
        Cycles from the begin of a refresh to that of the next, and those of a refresh: fewer, or 0 for no refresh.
    turn_period, read_to_write, write_cycles, write_to_read : In(16)
        Turns of the directions; the three latter are fewer cycles than the first together, or ``write_cycles`` is 0.
    size : In
        Bytes of memory that the bus reaches, whole words. The bench reaches all of them.
    restart : In(1)
        Holds the phases of both rates, of refresh and of turns at their start, and clears ``broken``.
    error_enable, error_address, error_response : In
        A byte address whose beat answers with an error, and which.
    write_enable, write_address, write_data : In
        Writes the line of words that begins at word ``write_address * line_words``, whatever happens on the bus.
    read_address, read_data : In, Out
        Reads the line that begins at word ``read_address * line_words``, in the same cycle.
    broken : Out(1)
        Since ``restart`` a burst was not INCR, not of full-width beats or crossed a multiple of 4 KiB, or ``wlast`` was
        not with the last beat of a burst, or not only.
    """

    SOURCE = LineStorage.SOURCE
    """Verilog of the storage, which must be added to the sources."""

    def __init__(
        self,
        *,
        address_bits: int,
        data_bits: int,
        words: int,
        line_words: int = 1,
        requests: int = 16,
        max_latency: int = 256,
    ):
        if line_words < 1 or line_words & (line_words - 1):
            raise ValueError(f"line_words = {line_words} is not allowed: it must be a power of two")
        if words < 2 or words % line_words:
            raise ValueError(f"words = {words} is not allowed: it must be a multiple of line_words, and at least 2")
        self._line_words = line_words
        super().__init__(
            address_bits=address_bits,
            data_bits=data_bits,
            words=words,
            requests=requests,
            max_latency=max_latency,
            members={
                "write_enable": In(1),
                "write_address": In(range(max(2, words // line_words))),
                "write_data": In(data_bits * line_words),
                "read_address": In(range(max(2, words // line_words))),
                "read_data": Out(data_bits * line_words),
            },
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = storage = LineStorage(
            width=self._data_bits, depth=self._words, line_words=self._line_words
        )
        m.d.comb += [
            storage.line_enable.eq(self.write_enable),
            storage.line_address.eq(self.write_address),
            storage.line_data.eq(self.write_data),
            storage.read_line_address.eq(self.read_address),
            self.read_data.eq(storage.read_line_data),
        ]
        self._connect(m, storage)
        return m


class Bursts:
    """Bursts that wait, and the beat of the first of them that is next."""

    def __init__(self, m: Module, name: str, layout: data.StructLayout, depth: int):
        m.submodules[name] = queue = SyncFIFO(width=layout.size, depth=depth)
        beat = Signal(8, name=f"{name}_beat")
        self.room, self.enter = queue.w_rdy, queue.w_en
        self.entering, self.burst = data.View(layout, queue.w_data), data.View(layout, queue.r_data)
        self.waiting = queue.r_rdy
        self.step = Signal(name=f"{name}_step")
        """Flag: this beat passes."""
        self.last = Signal(name=f"{name}_last")
        self.address = Signal(len(self.burst.address), name=f"{name}_address")
        """Word address of the beat."""
        m.d.comb += [
            self.last.eq(beat == self.burst.length),
            self.address.eq(self.burst.address + beat),
            queue.r_en.eq(self.step & self.last),
        ]
        with m.If(self.step):
            m.d.sync += beat.eq(Mux(self.last, 0, beat + 1))


class _Delayed:
    """Things that leave in order, each ``latency`` cycles after it entered."""

    def __init__(self, m: Module, name: str, layout: data.StructLayout, depth: int, now: Signal, latency: Value):
        timed = data.StructLayout({"due": TIME_BITS, "what": layout})
        m.submodules[name] = queue = SyncFIFO(width=timed.size, depth=depth)
        first = data.View(timed, queue.r_data)
        overdue = Signal(TIME_BITS, name=f"{name}_overdue")
        self.room, self.enter = queue.w_rdy, queue.w_en
        self.entering, self.leaving = data.View(timed, queue.w_data).what, first.what
        self.valid, self.leave = Signal(name=f"{name}_valid"), Signal(name=f"{name}_leave")
        m.d.comb += [
            data.View(timed, queue.w_data).due.eq(now + latency),
            overdue.eq(now - first.due),
            self.valid.eq(queue.r_rdy & ~overdue[-1]),
            queue.r_en.eq(self.valid & self.leave),
        ]
