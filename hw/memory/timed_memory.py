"""A memory with a set latency and bandwidth, for simulation."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.memory.slots import memory_slots
from tilewright.hw.memory.storage import SimulationStorage

TIME_BITS = 32


class TimedMemory(wiring.Component):
    """Answers reads in order, each word ``latency`` cycles after it was fetched, at a limited rate.

    The rate is that of an interface with a clock of its own, which stands still during refresh: :class:`RateSlots` says
    in which cycles a word can be fetched. Requests are seen in the cycle after they are accepted and follow one another
    without a gap.

    Simulation only: the read port has no latency of its own, so that ``latency`` can be any number.

    Parameters
    ----------
    request_shape : ShapeLike
        Layout with the fields ``address`` (first word) and ``beats`` (number of words).
    word_bits : int
        Width of a word.
    depth : int
        Number of words, a multiple of ``line_words``.
    line_words : int
        Words written at a time, to fill the memory quickly: a power of two.
    requests : int
        Requests that can wait.
    max_latency : int
        Largest ``latency`` at which a reader that never stalls gets the full rate.

    Members
    -------
    requests : In(stream)
        Reads.
    words : Out(stream)
        The words read.
    latency, rate_words, rate_cycles : In(16)
        Timing; ``latency >= 1``, ``rate_words <= rate_cycles``.
    refresh_period, refresh_cycles : In(16)
        Refresh, see :class:`RateSlots`.
    restart : In(1)
        Holds the phases of rate and refresh at their start.
    write_enable, write_address, write_data : In
        Writes the line of words that begins at ``write_address * line_words``.
    """

    def __init__(self, *, request_shape, word_bits, depth, line_words=1, requests=16, max_latency=256):
        if line_words & (line_words - 1) or depth % line_words:
            raise ValueError(f"line_words {line_words} must be a power of two that divides depth {depth}")
        self._word_bits = word_bits
        self._lines = depth // line_words
        self._line_words = line_words
        self._requests = requests
        self._in_flight = max_latency + 2
        super().__init__(
            {
                "requests": In(stream.Signature(request_shape)),
                "words": Out(stream.Signature(word_bits)),
                "latency": In(16),
                "rate_words": In(16),
                "rate_cycles": In(16),
                "refresh_period": In(16),
                "refresh_cycles": In(16),
                "restart": In(1),
                "write_enable": In(1),
                "write_address": In(range(self._lines)),
                "write_data": In(word_bits * line_words),
            }
        )

    def elaborate(self, platform):
        m = Module()

        # Slots in which a word can be fetched.
        slot = memory_slots(m, "slots", self, self.rate_words, self.rate_cycles)

        # Requests wait here; `fetched` words of the first are on their way.
        request_shape = self.requests.p.shape()
        m.submodules.waiting = waiting = SyncFIFO(width=request_shape.size, depth=self._requests)
        request = data.View(request_shape, waiting.r_data)
        fetched = Signal(32)

        now = Signal(TIME_BITS)
        m.d.sync += now.eq(now + 1)
        in_flight_layout = data.StructLayout({"due": TIME_BITS, "address": 32})
        m.submodules.in_flight = in_flight = SyncFIFO(width=in_flight_layout.size, depth=self._in_flight)
        entering = data.View(in_flight_layout, in_flight.w_data)
        leaving = data.View(in_flight_layout, in_flight.r_data)
        fetch = Signal()
        m.d.comb += [
            waiting.w_data.eq(self.requests.p.as_value()),
            waiting.w_en.eq(self.requests.valid),
            self.requests.ready.eq(waiting.w_rdy),
            fetch.eq(slot & waiting.r_rdy & in_flight.w_rdy),
            waiting.r_en.eq(fetch & (fetched == request.beats - 1)),
            in_flight.w_en.eq(fetch),
            entering.due.eq(now + self.latency),
            entering.address.eq(request.address + fetched),
        ]
        with m.If(waiting.r_en):
            m.d.sync += fetched.eq(0)
        with m.Elif(fetch):
            m.d.sync += fetched.eq(fetched + 1)

        m.submodules.storage = storage = SimulationStorage(width=self._word_bits * self._line_words, depth=self._lines)
        word_index_bits = (self._line_words - 1).bit_length()
        overdue = Signal(TIME_BITS)
        m.d.comb += [
            storage.write_enable.eq(self.write_enable),
            storage.write_address.eq(self.write_address),
            storage.write_data.eq(self.write_data),
            storage.read_address.eq(leaving.address >> word_index_bits),
            overdue.eq(now - leaving.due),
            self.words.valid.eq(in_flight.r_rdy & ~overdue[-1]),
            self.words.p.eq(storage.read_data.word_select(leaving.address[:word_index_bits], self._word_bits)),
            in_flight.r_en.eq(self.words.valid & self.words.ready),
        ]
        return m
