"""Splits transfers of any length into the bursts that AXI4 allows."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import MAX_BURST, check_widths
from tilewright.sim.isa.widths import PAGE_BYTES

BEATS_BITS = 16
"""Width of the number of beats of a request."""


def request_layout(address_bits: int) -> data.StructLayout:
    """Return the layout of a transfer of ``beats`` full beats, 1..65535, from byte ``address``, a multiple of the
    beat."""
    return data.StructLayout({"address": address_bits, "beats": BEATS_BITS})


def burst_layout(address_bits: int) -> data.StructLayout:
    """Return the layout of one burst of ``length + 1`` beats; ``final`` marks the last burst of its request."""
    return data.StructLayout({"address": address_bits, "length": 8, "final": 1})


def check_master(address_bits: int, data_bits: int, outstanding: int, max_burst: int) -> None:
    """Refuse parameters that a master cannot have.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    check_widths(address_bits, data_bits)
    if outstanding < 1:
        raise ValueError(f"outstanding = {outstanding} is not allowed: it must be at least 1 burst")
    if not 1 <= max_burst <= MAX_BURST or max_burst & (max_burst - 1):
        raise ValueError(f"max_burst = {max_burst} is not allowed: it must be a power of two from 1 to {MAX_BURST}")


class BurstSplitter(wiring.Component):
    """Splits each request into bursts, the longest allowed ones first.

    Each burst has ``min(max_burst, beats left, beats up to the next multiple of 4 KiB)`` beats. A request must not
    reach beyond ``2 ** address_bits``.

    Latency: the first burst is offered in the cycle after its request was taken (``LATENCY``). Throughput: one burst a
    cycle, across requests too.

    Parameters
    ----------
    address_bits, data_bits : int
        The bus.
    max_burst : int
        Maximum number of beats of a burst, a power of two up to 256.

    Members
    -------
    requests : In(stream)
        Transfers, :func:`request_layout`.
    bursts : Out(stream)
        Bursts of the requests, :func:`burst_layout`; withdrawn on ``stop``.
    stop : In(1)
        Drops the request at hand, and takes and drops those offered.
    busy : Out(1)
        A request is at hand.
    """

    LATENCY = 1

    def __init__(self, *, address_bits: int, data_bits: int, max_burst: int):
        check_master(address_bits, data_bits, 1, max_burst)
        self._max_burst = max_burst
        self._shift = (data_bits // 8).bit_length() - 1
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout(address_bits))),
                "bursts": Out(stream.Signature(burst_layout(address_bits))),
                "stop": In(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        page_beats = PAGE_BYTES >> self._shift
        longest = min(self._max_burst, page_beats)
        request, burst = self.requests.p, self.bursts.p
        address = Signal(len(request.address) - self._shift)  # in beats
        left = Signal(BEATS_BITS)

        index = address[: page_beats.bit_length() - 1]  # beat within its 4 KiB
        in_page, room = Signal(range(page_beats + 1)), Signal(range(longest + 1))
        beats, final = Signal(range(longest + 1)), Signal()
        m.d.comb += [
            in_page.eq(page_beats - index),
            room.eq(Mux(in_page > longest, longest, in_page)),
            final.eq(left <= room),
            beats.eq(Mux(final, left, room)),
            burst.address.eq(Cat(Const(0, self._shift), address)),
            burst.length.eq(beats - 1),
            burst.final.eq(final),
            self.bursts.valid.eq(self.busy & ~self.stop),
        ]

        taken = Signal()
        m.d.comb += [
            taken.eq(self.bursts.valid & self.bursts.ready),
            self.requests.ready.eq(self.stop | ~self.busy | (taken & final)),
        ]
        with m.If(taken):
            m.d.sync += [address.eq(address + beats), left.eq(left - beats)]
        with m.If(self.stop):
            m.d.sync += self.busy.eq(0)
        with m.Elif(self.requests.ready):
            m.d.sync += [
                self.busy.eq(self.requests.valid),
                address.eq(request.address >> self._shift),
                left.eq(request.beats),
            ]
        return m
