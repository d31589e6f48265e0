"""Conversion between formats."""

from amaranth.hdl import Module

from tilewright.hw.arith.codec import decode, encode
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import ScalarFormat


class Converter(Unit):
    """``o = i`` in another format: the exact value rounded once, to nearest, ties to even.

    NaR and NaN become NaR, NaN, the largest number of a minifloat without NaN, or the integer 0; what is too large
    becomes what the destination makes of it; zeros keep their sign between minifloats.

    Parameters
    ----------
    source, destination : ScalarFormat
        Posits, minifloats or integers.
    stages : int
        Pipeline registers, 0 or 1; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        A code of ``source``.
    o : Out(stream)
        A code of ``destination``.
    """

    CUTS = ("number",)

    def __init__(self, source: ScalarFormat, destination: ScalarFormat, *, stages: int = 0, back_pressure: bool = True):
        self.source, self.destination = source, destination
        super().__init__(source.bits, destination.bits, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        number = pipe.cut("number", decode(m, self.source, self.i.p, "i"))
        pipe.end(encode(m, self.destination, number, "o"))
        return m
