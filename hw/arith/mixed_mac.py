"""Exact dot products of posit weights and minifloat activations."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.arith.prefix import increment
from tilewright.hw.arith.shifter import shift_left
from tilewright.hw.arith.unit import Pipeline, Unit
from tilewright.sim.formats import Minifloat, Posit

GUARD_BITS = 15
"""Number of bits of a sum above the largest product: a sum of ``2 ** 15`` products always fits."""


@dataclass(frozen=True)
class SumShape:
    """Fixed-point number that holds any sum of ``2 ** GUARD_BITS`` products."""

    lsb: int
    """Exponent of two of the last bit."""
    product_bits: int
    """Width of the largest product's magnitude."""

    @property
    def bits(self) -> int:
        """Width with the sign."""
        return self.product_bits + GUARD_BITS + 1

    @classmethod
    def of(cls, weights: Posit, activations: Minifloat) -> "SumShape":
        """Return the shape for two formats.

        Raises
        ------
        ValueError
            If one of them is not allowed; the message begins with ``weights`` or ``activations``.
        """
        if weights.n > 8 or weights.es > 2:
            raise ValueError(f"weights = {weights} is not allowed: it must be a posit, posit3_0 to posit8_2")
        if activations.bits > 8 or activations.has_inf:
            raise ValueError(
                f"activations = {activations} is not allowed: it must be a minifloat of at most 8 bits without "
                "infinities, such as fp8_e4m3"
            )
        lsb = (weights.grid * activations.grid).lsb
        return cls(lsb, int(weights.max * activations.max * 2.0**-lsb).bit_length())


class MixedMac(Unit):
    """``sum = sum(weight[k] * activation[k])`` over a dot product, exact.

    A posit keeps its value if zeros are added after its last bit. Weights of different widths therefore share one
    decoder: the code of a narrow one is aligned to the left (:meth:`.Posit.aligned`), and each weight may have a width
    of its own, from 3 bits on.

    The sum is a signed fixed-point number that wraps; ``sum_shape`` gives its width and the exponent of its last bit.
    It holds any sum of ``2 ** 15`` products: 46 bits for posit5_1 and fp8_e4m3. Read it out with
    :class:`.read_out.ReadOut`. ``nan`` says that a weight was NaR or an activation NaN; the sum has no meaning then.

    Throughput: one product a cycle, dot products back to back. Latency: ``stages + 1`` cycles from the last product to
    the sum.

    Parameters
    ----------
    weights : Posit
        Format of the widest weights: 3 to 8 bits, ``es`` from 0 to 2.
    activations : Minifloat
        Format of the activations: at most 8 bits, no infinities.
    stages : int
        Pipeline registers beside the accumulator, 0 to 2; see :class:`Unit`.
    back_pressure : bool
        See :class:`Unit`.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Members
    -------
    i : In(stream)
        ``weight`` and ``activation``; ``first`` begins a dot product, ``last`` ends it.
    o : Out(stream)
        ``sum`` and ``nan`` for each ``last``.
    """

    CUTS = ("product", "operands")
    ALWAYS = ("sum",)

    def __init__(self, weights: Posit, activations: Minifloat, *, stages: int = 0, back_pressure: bool = True):
        self.sum_shape = SumShape.of(weights, activations)
        self.weights, self.activations = weights, activations
        i = data.StructLayout({"weight": weights.bits, "activation": activations.bits, "first": 1, "last": 1})
        o = data.StructLayout({"sum": self.sum_shape.bits, "nan": 1})
        super().__init__(i, o, stages=stages, back_pressure=back_pressure)

    def elaborate(self, platform):
        m = Module()
        pipe = self.pipeline(m)
        p = self.i.p
        weight, activation, first, last = pipe.cut("operands", p.weight, p.activation, p.first, p.last)
        product = multiply(m, self.weights, weight, self.activations, activation)
        product, first, last = pipe.cut("product", product, first, last)
        total, nan = accumulate(m, pipe, product, first, self.sum_shape)
        last = pipe.cut("sum", last)
        pipe.end(Cat(total, nan), when=last)
        return m


@dataclass(frozen=True)
class Product:
    """A product in units of the sum's last bit: ``(-1) ** sign * (magnitude << (coarse << fine_bits) >> start)``.

    The bits that move out at the end are 0.
    """

    sign: Value
    magnitude: Value
    coarse: Value
    fine_bits: int
    start: int
    nan: Value


def multiply(m: Module, weights: Posit, weight: Value, activations: Minifloat, activation: Value) -> Product:
    """Return the product of two codes, shifted by the lower half of the bits of its exponent."""
    sign = weight[-1]
    body, nonzero = Signal(weights.n - 1, name="weight_body"), Signal(name="weight_nonzero")
    m.d.comb += [body.eq((weight[:-1] ^ sign.replicate(len(body))) + sign), nonzero.eq(body.any())]
    w = decode_posit(m, weights, Cat(body, Const(0, 1)), "weight")
    a = decode_minifloat(m, activations, activation, "activation")

    magnitude = Signal(len(w.fraction) + 1 + len(a.significand), name="product_magnitude")
    # The smallest posit is 2 ** lsb, and the smallest exponent code is 1.
    bias = -weights.grid.lsb
    distance = Signal(range(2 * bias + (1 << activations.exponent_bits)), name="product_distance")
    m.d.comb += [
        magnitude.eq(Cat(w.fraction, nonzero) * a.significand),
        distance.eq(w.scale + a.exponent + (bias - 1)),
    ]
    fine_bits = (len(distance) + 1) // 2
    room = Const(0, (1 << fine_bits) - 1)
    return Product(
        sign=sign ^ a.sign,
        magnitude=shift_left(m, Cat(magnitude, room), distance[:fine_bits], "product_fine"),
        coarse=distance[fine_bits:],
        fine_bits=fine_bits,
        start=len(w.fraction),
        nan=(sign & ~nonzero) | a.nan,
    )


def accumulate(m: Module, pipe: Pipeline, product: Product, first: Value, shape: SumShape) -> tuple[Value, Value]:
    """Add a product to the sum; return the sum, and whether it is NaN. What does not move adds 0 and begins nothing.

    A negative product is inverted; the 1 that it lacks is the carry into the sum. The low part of the sum has the width
    of a product; its carry waits for the next product, or is added at the output.
    """
    moves = Signal(name="product_moves")
    m.d.comb += moves.eq(pipe.moves)
    magnitude = product.magnitude & moves.replicate(len(product.magnitude))
    room = Const(0, max(shape.product_bits + product.start - len(magnitude), 0))
    coarse = Cat(Const(0, product.fine_bits), product.coarse)
    placed = shift_left(m, Cat(magnitude, room), coarse, "product_placed")[product.start :][: shape.product_bits]
    negative, begins = product.sign & moves, first & moves

    low, high = Signal(shape.product_bits, reset_less=True), Signal(GUARD_BITS + 1, reset_less=True)
    carry, nan = Signal(reset_less=True), Signal(reset_less=True)
    kept = [part & ~begins.replicate(len(part)) for part in (low, high, carry)]
    signs = negative.replicate(len(high))
    m.d.sync += [
        Cat(low, carry).eq(add(placed ^ negative.replicate(len(low)), kept[0], negative)),
        high.eq(add(signs, kept[1], kept[2])),
    ]
    with m.If(moves):
        m.d.sync += nan.eq((nan & ~first) | product.nan)
    return Cat(low, increment(m, high, carry, "high_carried")), nan


def add(a: Value, b: Value, carry: Value) -> Value:
    """Return ``a + b + carry``, one bit wider than ``a`` and ``b``.

    Written as a difference, whose operands synthesis does not swap: the carry chain of an FPGA then takes ``a``, and
    what makes ``b`` shares a look-up table with the sum.
    """
    # -(~b) is b + 1; the carry comes in through one more place below, where it is that 1 or not.
    return (Cat(Const(0, 1), a, Const(0, 1)) - Cat(~carry, ~b, Const(1, 1)))[1 : len(a) + 2]
