"""Decoders and encoders as arithmetic units of their own."""

from amaranth.hdl import Module, Value, signed
from amaranth.lib import data

from tilewright.hw.arith.codec import encode, normalised
from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.number import Magnitude, Number
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import Minifloat, Posit


def number_layout(format: Posit | Minifloat) -> data.StructLayout:
    """Return the layout of a normalised number of a format; subnormals are normalised, too.

    A posit's significand is in two's complement: ``(1 - 3 * sign + fraction) * 2 ** scale``; a minifloat has sign and
    magnitude: ``(-1) ** sign * (1 + fraction) * 2 ** scale``. With ``zero``, ``nan`` or ``inf`` the scale means
    nothing and ``fraction`` is 0.
    """
    # The scale of -minpos, in two's complement, is one below that of minpos.
    low = format.quire_lsb // 2 - isinstance(format, Posit)
    high = int(format.max).bit_length() - 1
    bits = max((-low - 1).bit_length(), high.bit_length()) + 1
    return data.StructLayout(
        {
            "sign": 1,
            "scale": signed(bits),
            "fraction": format.significand_bits - 1,
            "zero": 1,
            "nan": 1,
            "inf": 1,
        }
    )


class Decoder(Unit):
    """Decodes a code to the parts that :func:`number_layout` lists.

    Parameters
    ----------
    format : Posit or Minifloat
        Format of the codes.
    stages : int
        Pipeline registers, 0 or 1; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        A code.
    o : Out(stream)
        The parts of the code.
    """

    CUTS = ("number",)

    def __init__(self, format: Posit | Minifloat, *, stages: int = 0, back_pressure: bool = True):
        self.format = format
        super().__init__(format.bits, number_layout(format), stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        number: Number | Magnitude
        if isinstance(self.format, Posit):
            number = decode_posit(m, self.format, self.i.p, "i")
        else:
            number = normalised(m, self.format, decode_minifloat(m, self.format, self.i.p, "i"), "i")
        number = pipe.cut("number", number)
        m.d.comb += [self.o.p[name].eq(getattr(number, name)) for name, _ in self.o.p.shape()]
        pipe.end()
        return m


class Encoder(Unit):
    """Encodes a number, rounded to nearest, ties to even.

    Parameters
    ----------
    format : Posit or Minifloat
        Format of the codes.
    scale_bits, fraction_bits : int
        Widths of the number's scale and fraction.
    stages : int
        Pipeline registers, 0 or 1; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        A number, as in :func:`number_layout`, and ``sticky``: its true value has more ones behind the fraction.
    o : Out(stream)
        The code of the number.
    """

    CUTS = ("number",)

    def __init__(
        self,
        format: Posit | Minifloat,
        *,
        scale_bits: int,
        fraction_bits: int,
        stages: int = 0,
        back_pressure: bool = True,
    ):
        for name, value, least, most in (("scale_bits", scale_bits, 2, 64), ("fraction_bits", fraction_bits, 1, 4096)):
            if not least <= value <= most:
                raise ValueError(f"{name} = {value} is not allowed: it must be {least} to {most}")
        self.format = format
        flags = {"zero": 1, "nan": 1, "inf": 1, "sticky": 1}
        layout = data.StructLayout({"sign": 1, "scale": signed(scale_bits), "fraction": fraction_bits, **flags})
        super().__init__(layout, format.bits, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        form = Number if isinstance(self.format, Posit) else Magnitude
        parts: dict[str, Value] = {name: Value.cast(self.i.p[name]) for name, _ in self.i.p.shape()}
        number = pipe.cut("number", form(**parts))
        pipe.end(encode(m, self.format, number, "o"))
        return m
