"""The epilogue: everything between the sum of an element of C and its code."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.activation import Activation
from tilewright.hw.arith.codec import decode, encode
from tilewright.hw.arith.fp32 import Fp32Adder, Fp32Multiplier, is_nan, unless_off
from tilewright.hw.arith.number import Number, registered
from tilewright.hw.mac.read_out import encode_any
from tilewright.hw.pipeline import delay
from tilewright.sim.formats import FP32
from tilewright.sim.formats.simd import Mode, SumFormat

RESULT_BITS = max(form.bits for form in SumFormat)
"""Width of the widest code of a result."""
PLUS_ZERO = 0
MINUS_INFINITY = 0xFF800000

CONTROL_LAYOUT = data.StructLayout(
    {
        "scale": 1,
        "bias": 1,
        "residual": 1,
        "residual_format": 4,
        "activation": 2,
        "out_format": 4,
    }
)
"""Layout of the control bits, which switch parts on; they are constant while elements are in flight."""

MULTIPLY, ADD = Fp32Multiplier.LATENCY, Fp32Adder.LATENCY
"""Cycles of a multiplication and of an addition."""
CODE = 4
"""Cycles from a result to its code: decoding, rounding, and waiting until the row's reductions are nearly there."""


class Epilogue(wiring.Component):
    """``code = round(act(scale * value + bias + residual))`` in FP32, and sums over the rows of C.

    Each operation rounds to nearest, ties to even, with subnormals; one that is off passes its operand on. A NaN is
    0x7FC00000. A result in FP32 is its own code; one in INT32 is a sum as :class:`.SumToFloat` sends it, with all parts
    off. Reductions take every element as it is before it becomes a code: sum, sum of squares and maximum, in the
    order in which elements come.

    Throughput: one element a cycle; elements of one row at least ``INTERVAL`` cycles apart, if reductions are to be
    right. Latency: ``LATENCY`` cycles; reductions are up to date ``REDUCTIONS_LAG`` cycles after the code.

    Parameters
    ----------
    modes : tuple of Mode
        Formats of residuals and results.
    rows : int
        Rows that are reduced at a time.
    tag_bits : int
        Width of what stays with an element.

    Members
    -------
    control : In(CONTROL_LAYOUT)
    valid, value, scale, bias, residual, row, first, tag : In
        An element: its sum, FP32; parameters, FP32, and a code; the row it counts for, and whether it begins anew.
    code_valid, code, code_tag : Out
        The code of the element.
    read_row : In
        Row whose reductions are read, in the same cycle.
    sum, squares, maximum : Out(32)
    """

    INTERVAL = ADD + 1
    REDUCE_AT = MULTIPLY + 2 * ADD + Activation.LATENCY
    LATENCY = REDUCE_AT + CODE
    REDUCTIONS_LAG = MULTIPLY + ADD + 1 - CODE

    def __init__(self, modes: tuple[Mode, ...], *, rows: int, tag_bits: int):
        self._modes, self._rows = modes, rows
        super().__init__(
            {
                "control": In(CONTROL_LAYOUT),
                "valid": In(1),
                "value": In(32),
                "scale": In(32),
                "bias": In(32),
                "residual": In(16),
                "row": In(range(rows)),
                "first": In(1),
                "tag": In(tag_bits),
                "code_valid": Out(1),
                "code": Out(RESULT_BITS),
                "code_tag": Out(tag_bits),
                "read_row": In(range(rows)),
                "sum": Out(32),
                "squares": Out(32),
                "maximum": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        control = self.control
        y = unless_off(m, "scaled", control.scale, Fp32Multiplier(), self.value, self.scale)
        bias = delay(m, self.bias, "bias", cycles=MULTIPLY, reset_less=True)
        y = unless_off(m, "biased", control.bias, Fp32Adder(), y, bias)
        residual = self._residual(m)
        y = unless_off(m, "added", control.residual, Fp32Adder(), y, residual)
        m.submodules.activation = activation = Activation()
        m.d.comb += [activation.function.eq(control.activation), activation.x.eq(y)]
        y = activation.y

        before = self.REDUCE_AT
        valid, tag = delay(m, self.valid, "valid", cycles=before), delay(m, self.tag, "tag", cycles=before)
        row = delay(m, self.row, "row", cycles=before, reset_less=True)
        first = delay(m, self.first, "first", cycles=before, reset_less=True)
        self._reduce(m, y, valid, row, first)

        result = delay(m, y, "result", reset_less=True)
        number = registered(m, decode(m, FP32, result, "result"), "number")
        code = encode_any(m, self._modes, number, control.out_format, "code") | self._wide(m, result)
        m.d.comb += [
            self.code.eq(delay(m, code, "coded", cycles=CODE - 2, reset_less=True)),
            self.code_valid.eq(delay(m, valid, "code_valid", cycles=CODE)),
            self.code_tag.eq(delay(m, tag, "code_tag", cycles=CODE)),
        ]
        return m

    def _wide(self, m: Module, result: Value) -> Value:
        """Return the code in a format of 32 bits, or 0."""
        whole = delay(m, result, "whole", reset_less=True)
        integer, wide, code = Signal(name="is_integer"), Signal(name="is_wide"), Signal(RESULT_BITS, name="wide_code")
        out = self.control.out_format
        m.d.comb += [
            integer.eq(out == SumFormat.INT32),
            wide.eq(integer | (out == SumFormat.FP32)),
            # The sum's bit 30 is its sign.
            code.eq(Cat(whole[:-2], Mux(integer, whole[-1], whole[-2]), whole[-1]) & wide.replicate(RESULT_BITS)),
        ]
        return code

    def _unit(self, m: Module, name: str, unit: Fp32Adder | Fp32Multiplier, a: Value, b: Value) -> Value:
        """Return the result of an FP32 unit, its ``LATENCY`` later."""
        m.submodules[name] = unit
        m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
        return unit.y

    def _residual(self, m: Module) -> Value:
        """Return the residual as FP32, exact, when it is to be added."""
        parts = []
        for mode in self._modes:
            number = decode(m, mode.format, self.residual[: mode.bits], f"residual_{mode.label}")
            parts.append((mode, number))
        longest = max(len(number.fraction) for _, number in parts)
        joined = Number(
            *(
                Signal(shape, name=f"residual_{name}")
                for name, shape in (
                    ("sign", 1), ("scale", range(-256, 256)), ("fraction", longest),
                    ("sticky", 1), ("zero", 1), ("nan", 1), ("inf", 1),
                )
            )
        )  # fmt: skip
        with m.Switch(self.control.residual_format):
            for mode, number in parts:
                with m.Case(int(mode)):
                    m.d.comb += [
                        joined.fraction.eq(Cat(Const(0, longest - len(number.fraction)), number.fraction)),
                        *(
                            getattr(joined, name).eq(getattr(number, name))
                            for name in ("sign", "scale", "zero", "nan", "inf")
                        ),
                    ]
        code = encode(m, FP32, registered(m, joined, "residual_number"), "residual_code")
        return delay(m, code, "residual", cycles=MULTIPLY + ADD - 1, reset_less=True)

    def _reduce(self, m: Module, y: Value, valid: Value, row: Value, first: Value) -> None:
        """Keep sum, sum of squares and maximum of each row."""

        def kept(name: str):
            m.submodules[name] = memory = Memory(shape=32, depth=self._rows, init=[])
            now, out, write = memory.read_port(domain="comb"), memory.read_port(domain="comb"), memory.write_port()
            m.d.comb += [out.addr.eq(self.read_row), getattr(self, name).eq(out.data)]
            return now, write

        def total(name: str, y: Value, valid: Value, row: Value, first: Value) -> None:
            now, write = kept(name)
            m.d.comb += now.addr.eq(row)
            so_far = Mux(first, PLUS_ZERO, now.data)
            m.d.comb += [
                write.data.eq(self._unit(m, f"{name}_adder", Fp32Adder(), so_far, y)),
                write.addr.eq(delay(m, row, f"{name}_row", cycles=ADD, reset_less=True)),
                write.en.eq(delay(m, valid, f"{name}_valid", cycles=ADD)),
            ]

        total("sum", y, valid, row, first)
        square = self._unit(m, "square", Fp32Multiplier(), y, y)
        later = (
            delay(m, value, f"square_{name}", cycles=MULTIPLY)
            for name, value in (("valid", valid), ("row", row), ("first", first))
        )
        total("squares", square, *later)

        now, write = kept("maximum")
        best = Mux(first, MINUS_INFINITY, now.data)
        m.d.comb += [
            now.addr.eq(row),
            write.addr.eq(row),
            write.en.eq(valid),
            write.data.eq(Mux(is_nan(best) | (~is_nan(y) & ~_greater(y, best)), best, y)),
        ]


def _greater(a: Value, b: Value) -> Value:
    """Return whether a > b, for FP32 codes that are not NaN; zeros are equal."""
    both_zero = ~a[:31].any() & ~b[:31].any()
    # Negative codes count downwards.
    differ = Mux(a[31] ^ b[31], b[31], Mux(a[31], a[:31] < b[:31], a[:31] > b[:31]))
    return differ & ~both_zero
