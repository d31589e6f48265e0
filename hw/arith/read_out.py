"""Rounds an exact sum to a format."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data

from tilewright.hw.arith.codec import encode
from tilewright.hw.arith.normalise import highest_chunk, normalise_window
from tilewright.hw.arith.number import Number
from tilewright.hw.arith.unit import Pipeline, Unit
from tilewright.sim.formats import ScalarFormat


class ReadOut(Unit):
    """Rounds a fixed-point number, times a power of two if asked for, once, to nearest, ties to even.

    Parameters
    ----------
    format : ScalarFormat
        Format of the result: a posit, a minifloat or an integer.
    width : int
        Bits of the number, two's complement; at least 8.
    lsb : int
        Exponent of two of its last bit.
    scale_bits : int
        Width of the exponent of a power of two that comes with each number, 0 (none) to 16.
    stages : int
        Pipeline registers, 0 to 2; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Members
    -------
    i : In(stream)
        ``value``, and ``nan`` for a sum that is none; with ``scale_bits`` also ``scale``, and the code is that of
        ``value * 2 ** scale``.
    o : Out(stream)
        The code.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    CUTS = ("window", "normal")

    def __init__(
        self,
        format: ScalarFormat,
        *,
        width: int,
        lsb: int,
        scale_bits: int = 0,
        stages: int = 0,
        back_pressure: bool = True,
    ):
        if width < 8:
            raise ValueError(f"width = {width} is not allowed: it must be at least 8")
        if not 0 <= scale_bits <= 16:
            raise ValueError(f"scale_bits = {scale_bits} is not allowed: it must be 0 to 16")
        self.format = format
        self._lsb = lsb
        fields = {"value": width, "nan": 1} | ({"scale": signed(scale_bits)} if scale_bits else {})
        super().__init__(data.StructLayout(fields), format.bits, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        p = self.i.p
        power = p.scale if "scale" in p.shape().members else None
        special = [p.nan, Const(0, 1), Const(0, 1)]
        code, _ = read_out(m, pipe, self.format, p.value, self._lsb, special, power=power)
        pipe.end(code)
        return m


def read_out(
    m: Module,
    pipe: Pipeline,
    format: ScalarFormat,
    value: Value,
    lsb: int,
    special: list[Value],
    *beside: Value,
    power: Value | None = None,
) -> tuple[Value, list[Value]]:
    """Return ``value * 2 ** (lsb + power)`` as a code, and the values ``beside`` delayed to the same cycle.

    ``value`` and ``power`` are signed; without ``power`` it is 0.

    ``special`` says that the sum is NaN, or that positive, and that negative infinities were added to it. Places for
    registers are "window", where the leading bit is known to a chunk, and "normal", before rounding.
    """
    # Eight chunks, or a few more: found best for widths of 32 and 128.
    chunk_bits = max(1 << (len(value) // 8).bit_length() - 1, 2)
    padding = -len(value) % chunk_bits
    value = Cat(Const(0, padding), value)
    # Exponent of the first bit behind the sign.
    top = lsb - padding + len(value) - 2
    # What rounding needs: all bits of the longest significand, and one more.
    keep = format.significand_bits + 1
    sign = value[-1]
    chunk, window, sticky, zero = highest_chunk(m, value, chunk_bits, keep, "wide")
    chunk, window, sticky, zero, sign, special, delayed, powers = pipe.cut(
        "window", chunk, window, sticky, zero, sign, special, list(beside), [] if power is None else [power]
    )
    run, fraction = normalise_window(m, window, sign, chunk_bits, "window")
    nan, plus, minus = special
    no_number, infinite = Signal(), Signal()
    finite_sign = Signal()
    above = sum(powers, top)
    scale = Signal(Value.cast(above - Cat(run, chunk)).shape())
    m.d.comb += [
        no_number.eq(nan | (plus & minus)),
        infinite.eq(plus | minus),
        scale.eq(above - Cat(run, chunk)),
        finite_sign.eq((sign & ~plus) | minus),
    ]
    finite = ~(zero | no_number | infinite)
    number = Number(
        finite_sign,
        scale,
        fraction & finite.replicate(len(fraction)),
        sticky & finite,
        zero & ~infinite,
        no_number,
        infinite,
    )
    number, delayed = pipe.cut("normal", number, delayed)
    return encode(m, format, number, "o"), delayed
