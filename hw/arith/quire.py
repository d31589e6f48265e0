"""Exact sums of products in a quire."""

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Signal, Value

from tilewright.hw.arith.booth import Style, multiply
from tilewright.hw.arith.placement import Places, coarse_place, coarse_places, fine_shift
from tilewright.hw.arith.segments import Segments, accumulate
from tilewright.hw.arith.unit import Pipeline
from tilewright.sim.formats import Posit


@dataclass(frozen=True)
class Product:
    """A product in units of the quire's last bit: ``value * 2 ** (distance - start)``; bits below that unit are 0."""

    value: Value
    distance: Value
    """Unsigned shift of the value to its place in the quire."""
    start: int


def posit_product(
    m: Module, format: Posit, significands: tuple[Value, Value], scales: tuple[Value, Value], *, style: Style
) -> Product:
    """Return the product of two posits; signed significands have two bits before the binary point."""
    a, b = significands
    value = multiply(m, a, b, "multiply", style=style)
    # A power of two makes the sum of the scales positive at the cost of an inverter. The scale of -minpos, in two's
    # complement, is one below that of minpos.
    least = -format.quire_lsb
    bias = 1 << (least + 1).bit_length()
    distance = Signal(range(bias + least + 1))
    m.d.comb += distance.eq(scales[0] + scales[1] + bias)
    return Product(value, distance, len(a) + len(b) - 4 + bias - least)


def add_product(
    m: Module,
    pipe: Pipeline,
    product: Product,
    flags: list[Value],
    special: list[Value],
    *,
    width: int,
    segment_bits: int,
) -> tuple[Segments, list[Value], Value]:
    """Add a product to a quire of some width; the place of its register is "quire", and the place before it is
    "placed".

    ``flags`` are ``first`` and ``last``; ``special`` stay set until the next ``first``. Returns the sum, what is
    special, and ``last``.
    """
    first, last = flags
    fine_bits = (len(product.distance) + 1) // 2
    shifted = fine_shift(m, product.value, product.distance, fine_bits, "fine")
    # What is not valid goes nowhere, and begins nothing.
    places = coarse_places(m, product.distance, fine_bits, product.value[-1], "place", when=pipe.valid)
    first &= pipe.valid
    shifted, places, first, last, special = pipe.cut("placed", shifted, places, first, last, special)

    places = Places(*(part & pipe.ready.replicate(len(part)) for part in (places.here, places.signs)))
    addend = coarse_place(m, shifted, places, fine_bits, width, product.start, "addend")
    segments = accumulate(m, addend, segment_bits, "quire", first=first & pipe.ready)
    special = [_sticky(m, flag, first, pipe.moves, f"quire_special{i}") for i, flag in enumerate(special)]
    return segments, special, pipe.cut("quire", last)


def _sticky(m: Module, flag: Value, first: Value, moves: Value, name: str) -> Value:
    """Return whether a flag was set since the first product; a constant flag needs no register."""
    if isinstance(flag, Const):
        return flag
    seen = Signal(name=name, reset_less=True)
    with m.If(moves):
        m.d.sync += seen.eq((seen & ~first) | flag)
    return seen
