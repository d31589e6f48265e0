"""Coverage of arithmetic: kinds of operands and results of each format, and how results are rounded."""

from functools import lru_cache

import numpy as np
from amaranth.lib import data

from tilewright.cocotb_tests.arith.suite import UnitSuite
from tilewright.cocotb_tests.coverage.points import Coverage
from tilewright.cocotb_tests.mac.dots import Dots
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.codec_units import Decoder, Encoder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.sim.formats import Minifloat, Mode, Posit, ScalarFormat, exact, fixed_point, simd_sum

ROUNDINGS = ("exact", "down", "up", "tie down", "tie up", "below the smallest", "above the largest")
"""Ways in which a magnitude is rounded; a tie lies halfway between neighbours, on a posit's string of bits."""


def classes_of(format: ScalarFormat) -> dict[str, np.ndarray]:
    """Return the flags of the codes, (codes,) bool, that belong to each class of a format.

    Classes overlap: the smallest value of a minifloat is subnormal, too.
    """
    codes = np.arange(1 << format.bits)
    values = format.decode(codes)
    zero = values == 0
    found = {"zero": zero & ~np.signbit(values), "largest": values == format.max, "lowest": values == format.lowest}
    found |= {"smallest": values == format.min, "smallest negative": values == -format.min, "one": values == 1}
    if isinstance(format, Minifloat):
        found["negative zero"] = zero & np.signbit(values)
        normal = 2.0**format.emin
        found["subnormal"] = (np.abs(values) < normal) & ~zero
        found["smallest normal"] = values == normal
    if format.has_nan:
        found["NaR" if isinstance(format, Posit) else "NaN"] = np.isnan(values)
    if format.has_inf:
        found |= {"infinity": values == np.inf, "negative infinity": values == -np.inf}
    usual = np.isfinite(values) & ~np.any(list(found.values()), axis=0)
    return {"any other": usual} | {name: flags for name, flags in found.items() if flags.any()}


@lru_cache
def _grid(format: ScalarFormat) -> tuple[np.ndarray, np.ndarray]:
    """Return the finite magnitudes of a format in their order, and the ties between neighbours."""
    values = np.unique(np.abs(format.decode(np.arange(1 << format.bits))))
    values = values[np.isfinite(values) & (values <= format.max)]
    if isinstance(format, Posit):
        # A magnitude's code with a 1 behind it is a tie, in the format of one bit more.
        codes = format.encode(values).astype(np.int64)
        ties = Posit(format.bits + 1, format.es).decode(2 * codes[:-1] + 1)
    else:
        ties = (values[:-1] + values[1:]) / 2
    return values, ties


def rounding_of(format: ScalarFormat, numbers: np.ndarray) -> dict[str, int]:
    """Return how many finite numbers, whose rounded values must be exact in float64 or odd, are rounded in each way."""
    values, ties = _grid(format)
    magnitudes = np.abs(numbers[np.isfinite(numbers)])
    below = np.searchsorted(values, magnitudes, side="right") - 1
    inside = (magnitudes <= format.max) & ((magnitudes >= format.min) | (magnitudes == 0))
    at = np.clip(below, 0, len(ties) - 1)
    inexact = inside & (values[below] != magnitudes)
    rounded = np.abs(format.decode(format.encode(magnitudes)))
    tie, up = magnitudes == ties[at], rounded > magnitudes
    return {
        "exact": int((inside & ~inexact).sum()),
        "down": int((inexact & ~tie & ~up).sum()),
        "up": int((inexact & ~tie & up).sum()),
        "tie down": int((inexact & tie & ~up).sum()),
        "tie up": int((inexact & tie & up).sum()),
        "below the smallest": int(((magnitudes < format.min) & (magnitudes > 0)).sum()),
        "above the largest": int((magnitudes > format.max).sum()),
    }


class NumberCoverage:
    """Coverage of operands and results, for units of one number and for the SIMD MAC.

    Members
    -------
    coverage : Coverage
    """

    def __init__(self) -> None:
        self.coverage = Coverage()

    def codes(self, point: str, format: ScalarFormat, codes: np.ndarray) -> None:
        """Count codes by their class."""
        classes = classes_of(format)
        self.coverage.declare(point, classes)
        for name, flags in classes.items():
            self.coverage.hit(point, name, int(flags[codes].sum()))

    def rounded(self, point: str, format: ScalarFormat, numbers: np.ndarray) -> None:
        """Count numbers before they are rounded by the way in which they are."""
        self.coverage.declare(point, ROUNDINGS)
        for name, count in rounding_of(format, numbers).items():
            self.coverage.hit(point, name, count)

    def sample_unit(self, suite: UnitSuite) -> None:
        """Count the operands and results of the table of a unit; units without a format of their own have none."""
        unit = suite.build(0)
        unit._MustUse__silence = True  # only its shapes are used
        [vectors] = suite.cases()
        layout = unit.i.p.shape()
        stimuli, results = _words(vectors.stimuli), _words(vectors.expected)
        operands, sums, wanted = f"{suite.name}: operands", f"{suite.name}: results", f"{suite.name}: rounding"
        match unit:
            case Multiplier() | Adder():
                [format] = suite.formats
                a, b = (_field(layout, name, stimuli) for name in "ab")
                self.codes(operands, format, np.concatenate([a, b]))
                self.codes(sums, format, results)
                operation = exact.multiply if isinstance(unit, Multiplier) else exact.add
                self.rounded(wanted, format, operation(format.decode(a), format.decode(b)))
            case Converter():
                self.codes(operands, unit.source, stimuli)
                self.codes(sums, unit.destination, results)
                self.rounded(wanted, unit.destination, unit.source.decode(stimuli))
            case Decoder():
                self.codes(operands, unit.format, stimuli)
            case Encoder():
                self.codes(sums, unit.format, results)
            case Mac():
                [format] = suite.formats
                a, b, first, last = (_field(layout, name, stimuli) for name in ("a", "b", "first", "last"))
                self.codes(operands, format, np.concatenate([a, b]))
                self.codes(sums, format, results)
                self.rounded(wanted, format, _dots(format, a, b, first, last))

    def sample_dots(self, groups: list[Dots]) -> None:
        """Count the numbers in the words of dot products of the SIMD MAC, and their results."""
        for dots in groups:
            shifts = dots.mode.bits * np.arange(dots.mode.lanes)
            mask = (1 << dots.mode.bits) - 1
            for words in (dots.a, dots.b):
                lanes = words.astype(np.int64)[..., None] >> shifts & mask
                self.codes(f"{dots.mode.label}: operands", dots.mode.format, lanes.reshape(-1))
            numbers = simd_sum(dots.mode, dots.a, dots.b)
            for out in np.unique(dots.out[dots.read]):
                chosen = dots.read & (dots.out == out)
                format = Mode(int(out)).format
                self.codes(f"{format.name}: results", format, format.encode(numbers[chosen]))
                self.rounded(f"{format.name}: rounding", format, numbers[chosen])


def _words(rows: np.ndarray) -> np.ndarray:
    """Return words of up to 63 bits, given as bytes, as integers."""
    words = np.zeros(len(rows), np.int64)
    for byte in range(min(rows.shape[1], 8)):
        words |= rows[:, byte].astype(np.int64) << 8 * byte
    return words


def _field(layout: data.Layout, name: str, words: np.ndarray) -> np.ndarray:
    place = layout[name]
    return words >> place.offset & (1 << place.width) - 1


def _dots(format: ScalarFormat, a: np.ndarray, b: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the exact sums of dot products that follow one another."""
    begins = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))
    sums = []
    for end in np.flatnonzero(last):
        part = slice(begins[end], end + 1)
        sums.append(fixed_point.dot(format.decode(a[part]), format.grid, format.decode(b[part]), format.grid))
    return np.array(sums)
