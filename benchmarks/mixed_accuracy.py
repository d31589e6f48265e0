"""Errors of sums of posit weights times FP8 activations, by the way in which they are added.

    python -m benchmarks.mixed_accuracy

prints the table that docs/arithmetic-cost.md contains. Products are exact; the error is that of the sum, relative to
the root mean square of the exact sums.
"""

from collections.abc import Callable

import numpy as np

from tilewright.base.tables import markdown_table
from tilewright.sim.formats import E4M3, FP16, FP32, Posit, Quire

SEED = 1
SUMS = 2000
"""Number of dot products of each row."""
LENGTHS = (128, 1024)
WIDTHS = (4, 5, 6)

MANTISSA_BITS = 15
"""Bits of the magnitude of FlexPosit's accumulator, beside its sign."""
GUARD_BITS = 3
"""Bits that FlexPosit adds below the significand of an activation."""


def exact_fp32(weights: Posit, w: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return exact sums rounded once to FP32: ``mixed-mac`` and ``mixed-read-out``."""
    return FP32.decode(_read(weights, w, a, FP32))


def exact_fp16(weights: Posit, w: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return exact sums rounded once to FP16."""
    return FP16.decode(_read(weights, w, a, FP16))


def _read(weights: Posit, w: np.ndarray, a: np.ndarray, out) -> np.ndarray:
    quire = Quire(weights, E4M3, (len(w),))
    quire.add_products(w, a)
    return quire.read(out)


def rounded_fp16(weights: Posit, w: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return sums that are rounded to FP16 after each addition."""
    total = np.zeros(len(w), np.float16)
    # A product of at most 8 significant bits and an FP16 have an exact sum in float64.
    for product in (weights.decode(w) * E4M3.decode(a)).T:
        total = (total.astype(np.float64) + product).astype(np.float16)
    return total.astype(np.float64)


def block_floating(weights: Posit, w: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return sums in FlexPosit's way (hplp/FlexPosit, b99469a), rounded to FP16.

    Sum and product have one exponent, the larger one of both: the other one is shifted to the right and rounded, ties
    to even. The exponent of a product is that of its factors' scales, whatever its leading bit; the sum's exponent
    grows by one when the sum overflows, and never falls unless the sum is 0.
    """
    fraction = max(weights.significand_bits - 1, 0)
    mantissas, exponents = np.frexp(weights.decode(w))
    scale, significand = exponents - 1, np.ldexp(mantissas, fraction + 1)
    values = E4M3.decode(a)
    field = np.maximum((a.astype(np.int64) >> 3) & 15, 1)
    # |activation| = integer * 2 ** (field - 10)
    integers = np.ldexp(values, 10 - field)
    terms = np.ldexp(significand * integers, GUARD_BITS - fraction).astype(np.int64)
    places = field + scale
    total, place = np.zeros(len(w), np.int64), np.zeros(len(w), np.int64)
    for term, at in zip(terms.T, places.T, strict=True):
        here = np.where(total == 0, at, np.where(term == 0, place, np.maximum(place, at)))
        total = _shift(total, here - place) + _shift(term, here - at)
        over = (total >= 1 << MANTISSA_BITS) | (total < -(1 << MANTISSA_BITS))
        total, place = np.where(over, _shift(total, np.ones_like(total)), total), here + over
    return FP16.decode(FP16.encode(np.ldexp(total.astype(np.float64), place - 10 - GUARD_BITS)))


def _shift(values: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return integers shifted to the right, rounded to nearest, ties to even; distances below 0 count as 0."""
    return np.rint(np.ldexp(values.astype(np.float64), -np.maximum(distance, 0))).astype(np.int64)


WAYS: dict[str, Callable[[Posit, np.ndarray, np.ndarray], np.ndarray]] = {
    "exact, read out in FP32": exact_fp32,
    "exact, read out in FP16": exact_fp16,
    "rounded to FP16 after each addition": rounded_fp16,
    "FlexPosit's block floating point, FP16": block_floating,
}


def relative_error(n: int, length: int, way: Callable[..., np.ndarray]) -> float:
    """Return the root mean square error of sums relative to that of the sums, of normally distributed numbers."""
    weights, rng = Posit(n, 1), np.random.default_rng(SEED)
    w, a = weights.encode(rng.standard_normal((SUMS, length))), E4M3.encode(rng.standard_normal((SUMS, length)))
    quire = Quire(weights, E4M3, (SUMS,))
    quire.add_products(w, a)
    # In units of the last bit the sums are integers below 2 ** 53.
    right = np.ldexp(quire.integers().astype(np.float64), quire.lsb)
    return float(np.sqrt(np.mean((way(weights, w, a) - right) ** 2) / np.mean(right**2)))


def table() -> str:
    """Return the errors as a table in Markdown."""
    rows = [
        [name, *(f"{relative_error(n, length, way):.2g}" for n in WIDTHS for length in LENGTHS)]
        for name, way in WAYS.items()
    ]
    return markdown_table(("sum", *(f">posit{n}_1, {length:,}" for n in WIDTHS for length in LENGTHS)), rows)


if __name__ == "__main__":
    print(table())
