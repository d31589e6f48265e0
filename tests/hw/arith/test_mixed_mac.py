"""The sum of the mixed MAC: wide enough for the products that it promises, with a unit that divides them all."""

from fractions import Fraction

import pytest

from tilewright.hw.arith.mixed_mac import SumShape
from tilewright.sim.formats import E2M1, E4M3, Minifloat, Posit, Quire, ScalarFormat, scalar


def magnitudes(format: ScalarFormat) -> list[Fraction]:
    """Return the magnitudes of all numbers of a format but zero."""
    values = (scalar.decode(format, code) for code in range(1 << format.bits))
    return [abs(value) for value in values if isinstance(value, Fraction) and value]


@pytest.mark.parametrize("activations", [E4M3, Minifloat(4, 3, "none"), E2M1], ids=str)
@pytest.mark.parametrize("es", range(3))
def test_a_sum_holds_the_products_that_it_promises(es, activations):
    for n in range(3, 9):
        weights = Posit(n, es)
        shape = SumShape.of(weights, activations)
        a, b = magnitudes(weights), magnitudes(activations)
        unit = Fraction(2) ** shape.lsb
        assert unit == min(a) * min(b)
        assert all((x / min(a)).denominator == 1 for x in a)
        most = 2**15 * max(a) * max(b) / unit
        # As wide as it must be, and no wider.
        assert 2 ** (shape.bits - 2) <= most < 2 ** (shape.bits - 1)
        assert shape.lsb == Quire(weights, activations).lsb


def test_widths_of_sums_that_pages_name():
    assert [SumShape.of(Posit(n, 1), E4M3).bits for n in (4, 5, 8)] == [42, 46, 58]
