"""Reads memory over AXI4."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import drive_burst_constants, read_master_members
from tilewright.hw.bus.bursts import BurstSplitter, check_master, request_layout


def read_word_layout(data_bits: int) -> data.StructLayout:
    """Return the layout of one beat read: data, response (``Response``), and whether it is the last beat of its
    request."""
    return data.StructLayout({"data": data_bits, "error": 2, "last": 1})


class ReadMaster(wiring.Component):
    """Answers each request with the beats read, in order; many bursts are in flight at a time.

    Requests are split as :class:`BurstSplitter` says. A burst is in flight from the cycle in which it is first offered
    to the one in which its last beat is taken; there are never more than ``outstanding``.

    Latency: ``arvalid`` rises two cycles after the request was taken (``LATENCY``) if a burst may be in flight; a burst
    that waits for one to end is offered two cycles after the last beat of that one. Beats pass without a register:
    ``words.valid`` is ``rvalid``, ``rready`` is ``words.ready``. Throughput: one burst offered and one beat a cycle,
    across bursts and requests.

    What is offered on the read address channel stays until it is accepted, on ``stop`` too. The user must
    have room for the beats: nothing is buffered here.

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
    words : Out(stream)
        The beats read, :func:`read_word_layout`.
    stop : In(1)
        Must be held until ``idle``: no further burst is offered, requests are taken and dropped. Beats of bursts
        already offered still come and must be taken; the last of a request cut short is not marked.
    idle : Out(1)
        No request is at hand, no burst offered or in flight.
    m_axi_ar..., m_axi_r... : Out, In
        Read channels of an AXI4 master.
    """

    LATENCY = 2

    def __init__(self, *, address_bits: int, data_bits: int, outstanding: int, max_burst: int):
        check_master(address_bits, data_bits, outstanding, max_burst)
        self.address_bits, self.data_bits = address_bits, data_bits
        self.outstanding, self.max_burst = outstanding, max_burst
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout(address_bits))),
                "words": Out(stream.Signature(read_word_layout(data_bits))),
                "stop": In(1),
                "idle": Out(1),
                **read_master_members(address_bits=address_bits, data_bits=data_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.splitter = splitter = BurstSplitter(
            address_bits=self.address_bits, data_bits=self.data_bits, max_burst=self.max_burst
        )
        wiring.connect(m, wiring.flipped(self.requests), splitter.requests)
        burst = splitter.bursts.p
        drive_burst_constants(m, self, "m_axi_ar", self.data_bits)

        in_flight = Signal(range(self.outstanding + 1))
        offered, ended = Signal(), Signal()
        m.d.comb += [
            splitter.stop.eq(self.stop),
            splitter.bursts.ready.eq((in_flight != self.outstanding) & (~self.m_axi_arvalid | self.m_axi_arready)),
            offered.eq(splitter.bursts.valid & splitter.bursts.ready),
            ended.eq(self.m_axi_rvalid & self.m_axi_rready & self.m_axi_rlast),
            self.idle.eq(~splitter.busy & (in_flight == 0)),
        ]
        m.d.sync += in_flight.eq(in_flight + offered - ended)
        with m.If(offered):
            m.d.sync += [
                self.m_axi_arvalid.eq(1),
                self.m_axi_araddr.eq(burst.address),
                self.m_axi_arlen.eq(burst.length),
            ]
        with m.Elif(self.m_axi_arready):
            m.d.sync += self.m_axi_arvalid.eq(0)

        # Which of the bursts in flight end a request. Never full: there are no more bursts than places.
        m.submodules.finals = finals = SyncFIFO(width=1, depth=self.outstanding)
        m.d.comb += [
            finals.w_data.eq(burst.final),
            finals.w_en.eq(offered),
            finals.r_en.eq(ended),
            self.words.p.data.eq(self.m_axi_rdata),
            self.words.p.error.eq(self.m_axi_rresp),
            self.words.p.last.eq(self.m_axi_rlast & finals.r_data),
            self.words.valid.eq(self.m_axi_rvalid),
            self.m_axi_rready.eq(self.words.ready),
        ]
        return m
