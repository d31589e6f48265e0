"""One lane of the vector unit: all arithmetic on an element."""

from amaranth.hdl import Cat, Const, EnableInserter, Module, Mux, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.activation import Activation
from tilewright.hw.arith.codec import decode, encode
from tilewright.hw.arith.fp32 import Fp32Adder, Fp32Multiplier, is_nan, unless_off
from tilewright.hw.arith.normalise import normalise_signed
from tilewright.hw.arith.number import registered
from tilewright.hw.mac.read_out import encode_any
from tilewright.hw.pipeline import delay
from tilewright.hw.vector.exponential import Exponential
from tilewright.sim.config.fp32 import ADD, MULTIPLY
from tilewright.sim.config.vector import CONVERT, ENCODE, FUNCTION, MASK
from tilewright.sim.formats import FP32, Mode
from tilewright.sim.formats.fp32 import NAN_CODE
from tilewright.sim.isa.vector_command import Function, Storage

STORED = (Mode.INT8, Mode.BF16)
"""Short formats in which results are stored."""
CONTROL_LAYOUT = data.StructLayout(
    {"storage": 2, "out_storage": 2, "add": 1, "multiply": 1, "function": 3, "square": 1, "b": 1, "c": 1}
)  # fmt: skip
"""Layout of the control bits, which switch parts on; they are constant while elements are in flight."""


class Lane(wiring.Component):
    """``y = f((x + add) * multiply) * b + c`` in FP32, a part that is off passing its operand on.

    Throughput: one element a cycle, no back-pressure. What goes in later, goes in that many cycles after ``code``:

    Members
    -------
    control : In(CONTROL_LAYOUT)
    code : In(32)
        An element as stored, in the low bits.
    negate : In(1)
        ``CONVERT`` cycles later.
    add : In(32)
        ``CONVERT`` cycles later.
    multiply : In(32)
        ``ADD`` cycles later still.
    b : In(32)
        ``MULTIPLY + FUNCTION`` cycles later still. Its place is taken by the value itself with ``square``.
    c : In(32)
        ``MULTIPLY`` cycles later still.
    masked : In(1)
        ``ADD`` cycles later still: the result is +0.
    y : Out(32)
        ``LATENCY`` cycles after ``code``.
    stored : Out(32)
        y as it is to be stored, in the low bits, ENCODE cycles later.
    enable : In(1)
        Elements move on. It is set while elements are in flight; without it all registers keep what they hold.
    """

    LATENCY = CONVERT + ADD + MULTIPLY + FUNCTION + MULTIPLY + ADD + MASK

    def __init__(self):
        super().__init__(
            {
                "control": In(CONTROL_LAYOUT),
                "code": In(32),
                "negate": In(1),
                "add": In(32),
                "multiply": In(32),
                "b": In(32),
                "c": In(32),
                "masked": In(1),
                "y": Out(32),
                "stored": Out(32),
                "enable": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        control = self.control
        x = self._converted(m)
        x = unless_off(m, "sum", control.add, Fp32Adder(), x, self.add)
        x = unless_off(m, "product", control.multiply, Fp32Multiplier(), x, self.multiply)
        x = self._function(m, x)
        x = unless_off(m, "scaled", control.b | control.square, Fp32Multiplier(), x, Mux(control.square, x, self.b))
        x = unless_off(m, "offset", control.c, Fp32Adder(), x, self.c)
        y = Mux(self.masked, 0, Mux(is_nan(x), NAN_CODE, x))
        m.d.comb += self.y.eq(delay(m, y, "value", cycles=MASK, reset_less=True))

        number = registered(m, decode(m, FP32, self.y, "result"), "result_number")
        whole = control.out_storage == Storage.INT8
        short = encode_any(m, STORED, number, Mux(whole, int(Mode.INT8), int(Mode.BF16)), "code")
        beside = delay(m, self.y, "result_fp32", reset_less=True)
        stored = Mux(control.out_storage[1], beside, short)
        m.d.comb += self.stored.eq(delay(m, stored, "stored", cycles=ENCODE - 1, reset_less=True))
        return EnableInserter(self.enable)(m)

    def _converted(self, m: Module) -> Value:
        """Return the element as FP32, the sign turned if it is to be."""
        storage = self.control.storage
        whole = (storage == Storage.INT8) | (storage == Storage.INT32)
        integer = Mux(storage == Storage.INT8, self.code[:8].as_signed(), self.code.as_signed())
        integer = delay(m, integer, "integer", reset_less=True)
        number, zero = normalise_signed(m, integer, 0, "normal")
        number = registered(m, number, "number")
        from_integer = encode(m, FP32, number, "converted") & (~delay(m, zero, "zero")).replicate(32)
        as_stored = Mux(storage == Storage.BF16, Cat(Const(0, 16), self.code[:16]), self.code)
        as_stored = delay(m, as_stored, "as_stored", cycles=CONVERT - 1, reset_less=True)
        x = delay(m, Mux(whole, from_integer, as_stored), "x", reset_less=True)
        return Cat(x[:31], x[31] ^ self.negate)

    def _function(self, m: Module, x: Value) -> Value:
        """Return f of a value; NaN of NaN."""
        function = self.control.function
        exponential, is_exp = Exponential(), function == Function.EXP
        m.submodules.exponential = EnableInserter(is_exp)(exponential)
        m.submodules.activation = activation = Activation()
        m.d.comb += [
            exponential.x.eq(x & is_exp.replicate(32)),
            activation.x.eq(x & (~is_exp).replicate(32)),
            activation.function.eq(function),  # EXP is none of its functions
        ]
        before = FUNCTION - 1
        with m.If(is_exp):
            exp = delay(m, exponential.y, "exp", cycles=before - Exponential.LATENCY, reset_less=True)
        activated = delay(m, activation.y, "activated", cycles=before - Activation.LATENCY, reset_less=True)
        return delay(m, Mux(is_exp, exp, activated), "applied", reset_less=True)
