"""The part of an exact MAC between decoders and read-out."""

from amaranth.hdl import Cat, Module, signed
from amaranth.lib import data

from tilewright.hw.arith.booth import Style
from tilewright.hw.arith.codec_units import number_layout
from tilewright.hw.arith.quire import add_product, posit_product
from tilewright.hw.arith.segments import add_carries, check_segment_bits, look_ahead
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import Posit


class MacCore(Unit):
    """The exact sum of a dot product of decoded posits, as it stands in the quire.

    The part of :class:`.mac.Mac` between decoders and read-out.

    Parameters
    ----------
    format : Posit
        Format of the operands.
    stages : int
        Pipeline registers beside the quire, 0 to 3; see :class:`Unit`.
    style, segment_bits, back_pressure
        The same as for :class:`.mac.Mac`.

    Members
    -------
    i : In(stream)
        ``a`` and ``b``, each with ``significand``, in two's complement with two bits before the binary point, 0 for
        zero and NaR; ``scale``; and ``nan`` for NaR. ``first`` begins a dot product, ``last`` ends it.
    o : Out(stream)
        For each ``last`` the sum, a signed word of ``quire_bits`` in units of ``2 ** quire_lsb``, and ``nan``.
    """

    CUTS = ("placed", "product", "resolved")
    ALWAYS = ("quire",)

    def __init__(
        self,
        format: Posit,
        *,
        stages: int = 0,
        style: Style = "tree",
        segment_bits: int = 16,
        back_pressure: bool = True,
    ):
        check_segment_bits(segment_bits, format.quire_bits)
        self.format = format
        self._style: Style = style
        self._segment_bits = segment_bits
        scale = number_layout(format)["scale"].shape
        number = data.StructLayout({"significand": signed(format.significand_bits + 1), "scale": scale, "nan": 1})
        i = data.StructLayout({"a": number, "b": number, "first": 1, "last": 1})
        o = data.StructLayout({"sum": format.quire_bits, "nan": 1})
        super().__init__(i, o, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        p = self.i.p
        a, b = p.a, p.b
        product = posit_product(m, self.format, (a.significand, b.significand), (a.scale, b.scale), style=self._style)
        product, flags, nan = pipe.cut("product", product, [p.first, p.last], a.nan | b.nan)
        segments, [nan], last = add_product(
            m, pipe, product, flags, [nan], width=self.format.quire_bits, segment_bits=self._segment_bits
        )
        resolved, nan, last = pipe.cut("resolved", look_ahead(m, segments, "total"), nan, last)
        pipe.end(Cat(add_carries(m, resolved, "total"), nan), when=last)
        return m
