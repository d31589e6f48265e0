"""Kinds of numbers and ways of rounding, against definitions in exact fractions."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from tilewright.cocotb_tests.coverage.numbers import classes_of, rounding_of
from tilewright.sim.formats import E4M3, E5M2, Int, Posit


def way(format, number: Fraction) -> str:
    """Return the way in which a magnitude is rounded: neighbours are tried one by one."""
    values = sorted(
        {Fraction(abs(value)) for value in format.decode(np.arange(1 << format.bits)).tolist() if np.isfinite(value)}
    )
    values = [value for value in values if value <= Fraction(format.max)]
    if number in values:
        return "exact"
    if number > values[-1]:
        return "above the largest"
    if number < values[1]:
        return "below the smallest"
    above = next(index for index, value in enumerate(values) if value > number)
    below, rounded = values[above - 1], Fraction(float(format.decode(format.encode(float(number)))))
    half = (below + values[above]) / 2
    if isinstance(format, Posit):
        code = int(format.encode(float(below)))
        half = Fraction(float(Posit(format.bits + 1, format.es).decode(2 * code + 1)))
    return ("tie " if number == half else "") + ("down" if rounded == below else "up")


@pytest.mark.parametrize("format", [E4M3, E5M2, Posit(8, 0), Posit(5, 3), Int(4)], ids=str)
def test_every_way_of_rounding(format):
    rng = np.random.default_rng(1)
    values = format.decode(np.arange(1 << format.bits))
    values = np.abs(values[np.isfinite(values)])
    middle = (values[:-1] + values[1:]) / 2
    ties = (
        Posit(format.bits + 1, format.es).decode(np.arange(1 << format.bits)) if isinstance(format, Posit) else middle
    )
    numbers = np.concatenate(
        [values, middle, ties, values * rng.uniform(0.9, 1.1, len(values)), [format.max * 3, format.min / 5]]
    )
    numbers = np.abs(numbers[np.isfinite(numbers)])
    expected = Counter(way(format, Fraction(float(number))) for number in numbers)
    assert rounding_of(format, numbers) == {name: expected[name] for name in rounding_of(format, numbers)}
    assert {"exact", "down", "up", "tie down", "tie up"} <= set(+expected)


def test_classes_of_a_minifloat():
    found = {name: np.flatnonzero(flags).tolist() for name, flags in classes_of(E5M2).items()}
    other = found.pop("any other")
    assert found == {
        "zero": [0], "largest": [0x7B], "lowest": [0xFB], "smallest": [1], "smallest negative": [0x81], "one": [0x3C],
        "negative zero": [0x80], "subnormal": [1, 2, 3, 0x81, 0x82, 0x83], "smallest normal": [4],
        "NaN": [0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF], "infinity": [0x7C], "negative infinity": [0xFC],
    }  # fmt: skip
    assert len(other) == 256 - len({code for codes in found.values() for code in codes})


def test_classes_of_a_posit_and_of_an_integer():
    assert np.flatnonzero(classes_of(Posit(8, 0))["NaR"]).tolist() == [0x80]
    assert set(classes_of(Int(4))) == {"any other", "zero", "largest", "lowest", "smallest", "smallest negative", "one"}
