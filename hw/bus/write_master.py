"""Writes memory over AXI4."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import drive_burst_constants, write_master_members
from tilewright.hw.bus.bursts import BurstSplitter, check_master, request_layout


def write_word_layout(data_bits: int) -> data.StructLayout:
    """Return the layout of one beat to be written; a byte counts if its bit of ``strobe`` is set."""
    return data.StructLayout({"data": data_bits, "strobe": data_bits // 8})


class WriteMaster(wiring.Component):
    """Writes the words offered to the addresses requested, and reports when a request is written.

    Requests are split as :class:`BurstSplitter` says. A burst is announced as soon as there is a request, whether its
    words are there or not; it is in flight from the cycle in which its address is first offered to the one in which
    its response is taken, and there are never more than ``outstanding``.

    Latency: ``awvalid`` rises two cycles after the request was taken (``LATENCY``) if a burst may be in flight; a burst
    that waits for one to end is announced two cycles after the response to that one. Words are taken from the first
    cycle with ``awvalid`` on, accepted or not, and offered on the bus in the next one. ``done`` is in the cycle of the
    last response. Throughput: one burst and one beat a cycle, across bursts and requests. Responses are taken at once.

    What is offered on a channel stays until it is accepted, on ``stop`` too.

    Parameters
    ----------
    address_bits, data_bits : int
        The bus.
    outstanding : int
        Maximum number of bursts in flight.
    max_burst : int
        Maximum number of beats of a burst, a power of two up to 256.

    Members
    -------
    requests : In(stream)
        Transfers, :func:`request_layout`: byte ``address``, a multiple of the beat, and ``beats``, 1..65535.
    words : In(stream)
        Words that the requests write, in order, :func:`write_word_layout`.
    done : Out(1)
        A request, the oldest, is written, in each cycle that it is 1.
    error : Out(2)
        Worst response to that request; before ``done``, worst one so far.
    stop : In(1)
        Must be held until ``idle``: no further burst is announced, requests and words are taken and dropped. Bursts
        that are announced are completed by beats without strobes, which write nothing. There is no ``done`` for a
        request cut short.
    idle : Out(1)
        No request is at hand, no burst offered or in flight.
    m_axi_aw..., m_axi_w..., m_axi_b... : Out, In
        Write channels of an AXI4 master.
    """

    LATENCY = 2

    def __init__(self, *, address_bits: int, data_bits: int, outstanding: int, max_burst: int):
        check_master(address_bits, data_bits, outstanding, max_burst)
        self.address_bits, self.data_bits = address_bits, data_bits
        self.outstanding, self.max_burst = outstanding, max_burst
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout(address_bits))),
                "words": In(stream.Signature(write_word_layout(data_bits))),
                "done": Out(1),
                "error": Out(2),
                "stop": In(1),
                "idle": Out(1),
                **write_master_members(address_bits=address_bits, data_bits=data_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.splitter = splitter = BurstSplitter(
            address_bits=self.address_bits, data_bits=self.data_bits, max_burst=self.max_burst
        )
        wiring.connect(m, wiring.flipped(self.requests), splitter.requests)
        burst = splitter.bursts.p
        drive_burst_constants(m, self, "m_axi_aw", self.data_bits)

        # Addresses.
        in_flight = Signal(range(self.outstanding + 1))
        announced, answered = Signal(), Signal()
        m.d.comb += [
            splitter.stop.eq(self.stop),
            splitter.bursts.ready.eq((in_flight != self.outstanding) & (~self.m_axi_awvalid | self.m_axi_awready)),
            announced.eq(splitter.bursts.valid & splitter.bursts.ready),
            answered.eq(self.m_axi_bvalid & self.m_axi_bready),
            self.idle.eq(~splitter.busy & (in_flight == 0)),
        ]
        m.d.sync += in_flight.eq(in_flight + announced - answered)
        with m.If(announced):
            m.d.sync += [
                self.m_axi_awvalid.eq(1),
                self.m_axi_awaddr.eq(burst.address),
                self.m_axi_awlen.eq(burst.length),
            ]
        with m.Elif(self.m_axi_awready):
            m.d.sync += self.m_axi_awvalid.eq(0)

        # Words of the bursts announced. Neither queue is ever full: there are no more bursts than places.
        m.submodules.lengths = lengths = SyncFIFO(width=8, depth=self.outstanding)
        beat = Signal(8)
        room, sent, burst_end = Signal(), Signal(), Signal()
        m.d.comb += [
            lengths.w_data.eq(burst.length),
            lengths.w_en.eq(announced),
            room.eq(lengths.r_rdy & (~self.m_axi_wvalid | self.m_axi_wready)),
            self.words.ready.eq(room | self.stop),
            sent.eq(room & (self.words.valid | self.stop)),
            burst_end.eq(beat == lengths.r_data),
            lengths.r_en.eq(sent & burst_end),
        ]
        with m.If(sent):
            m.d.sync += [
                self.m_axi_wvalid.eq(1),
                self.m_axi_wdata.eq(self.words.p.data),
                # Words may come late now, or not at all: none could be trusted to be at its place.
                self.m_axi_wstrb.eq(Mux(self.stop, 0, self.words.p.strobe)),
                self.m_axi_wlast.eq(burst_end),
                beat.eq(Mux(burst_end, 0, beat + 1)),
            ]
        with m.Elif(self.m_axi_wready):
            m.d.sync += self.m_axi_wvalid.eq(0)

        # Responses.
        m.submodules.finals = finals = SyncFIFO(width=1, depth=self.outstanding)
        worst = Signal(2)  # of the bursts of this request so far
        m.d.comb += [
            self.m_axi_bready.eq(1),
            finals.w_data.eq(burst.final),
            finals.w_en.eq(announced),
            finals.r_en.eq(answered),
            self.done.eq(answered & finals.r_data),
            self.error.eq(Mux(answered & (self.m_axi_bresp > worst), self.m_axi_bresp, worst)),
        ]
        # A request that was cut short leaves no error to the next one.
        m.d.sync += worst.eq(Mux(self.done | (self.stop & self.idle), 0, self.error))
        return m
