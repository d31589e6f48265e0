"""Dot products of words of 4-, 8- and 16-bit numbers, exact until they are read out."""

from amaranth.hdl import Const, Module
from amaranth.lib import data

from tilewright.hw.arith.unit import Unit
from tilewright.hw.mac.core import accumulate_words
from tilewright.hw.mac.decoder import decode_word
from tilewright.hw.mac.plan import Plan
from tilewright.hw.mac.read_out import encode_any, normalise_sum
from tilewright.sim.formats import ALL_MODES, Mode


class SimdMac(Unit):
    """``o = sum(a[k] * b[k])`` over lanes and words of a dot product, rounded once, when it is read out.

    A word has ``mode.lanes`` codes of the mode's format, lane 0 lowest. The sum is exact, in bf16 within
    ``BF16_WINDOW``; it holds any dot product of 65,535 words (posit16_1: 16,383, or any whose sums stay below
    ``2 ** 71``), and wraps beyond. NaR, NaN, and what IEEE 754 has for infinities, stay with the dot product until the
    next one begins.

    Throughput: one word a cycle in every mode, dot products back to back, mode and format of the result free from one
    to the next. Latency: ``LATENCY`` cycles from the last word to the result, ``stages + 1``: the sum is a register
    too.

    Parameters
    ----------
    modes : tuple of Mode
        Formats of operands and results.
    stages : int
        Pipeline registers beside the sum, 0 to 5; see :class:`Unit`.
    gated : bool
        Signals that a word does not need keep still: see :func:`.core.accumulate_words`.
    back_pressure : bool
        See :class:`Unit`.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Members
    -------
    i : In(stream)
        Words ``a`` and ``b``; ``mode``, the number of a :class:`Mode`, the same from ``first`` to ``last``; ``out``,
        the mode whose format the result has, with ``last``; ``first`` begins a dot product, ``last`` ends it and
        reads it out.
    o : Out(stream)
        One code for each ``last``, zeros above it.
    """

    CUTS = ("product", "window", "operands", "placed", "normal")
    ALWAYS = ("quire",)

    def __init__(
        self, modes: tuple[Mode, ...] = ALL_MODES, *, stages: int, gated: bool = True, back_pressure: bool = True
    ):
        self.modes = Plan(modes).modes
        self.gated = gated
        shape = data.StructLayout({"a": 16, "b": 16, "mode": 4, "out": 4, "first": 1, "last": 1})
        super().__init__(shape, 16, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        p = self.i.p
        # What comes in while it is not valid is taken for zeros.
        when = pipe.valid if self.gated else Const(1, 1)
        a, b = (
            decode_word(m, self.modes, word, p.mode, name, gating=self.gated, when=when)
            for name, word in (("a", p.a), ("b", p.b))
        )
        a, b, mode, out, first, last = pipe.cut("operands", a, b, p.mode, p.out, p.first, p.last)
        total, last, [out] = accumulate_words(m, pipe, self.modes, a, b, mode, first, last, out, gating=self.gated)
        pipe.keep(last)
        number, [out] = normalise_sum(m, pipe, self.modes, total, out)
        pipe.end(encode_any(m, self.modes, number, out, "o"))
        return m
