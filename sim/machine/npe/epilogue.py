"""What the co-processor's epilogue makes of exact sums, bit for bit."""

from dataclasses import dataclass

import numpy as np

from tilewright.sim.formats.activation import NAMES, activate
from tilewright.sim.formats.fp32 import canonical
from tilewright.sim.formats.simd import Mode

DROPPED_BITS = 52 - 23
"""Bits of a float64's mantissa that an FP32 has not."""


@dataclass(frozen=True)
class Epilogue:
    """Results of M x N elements."""

    codes: np.ndarray
    """(M, N), of the format asked for."""
    sum: np.ndarray
    """(M,) float32: over n, in its order, of what became codes."""
    squares: np.ndarray
    """(M,) float32: likewise, of the rounded squares."""
    maximum: np.ndarray
    """(M,) float32: NaN if there is one; of zeros the first."""


def epilogue(
    sums: np.ndarray,
    *,
    scale: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    residual: np.ndarray | None = None,
    activation: int = 0,
    out_format: Mode,
) -> Epilogue:
    """Return codes and reductions of ``act(scale * sums + bias + residual)``, each operation an FP32 of its own.

    Parameters
    ----------
    sums : ndarray of float64, (M, N)
        Exact, or rounded to odd.
    scale, bias, residual : ndarray of float32, broadcasting to (M, N)
        What is None is left out.
    activation : int
        Its number in ``activation.NAMES``.
    out_format : Mode
        Format of the codes.
    """
    with np.errstate(all="ignore"):
        y = to_odd_float32(sums)
        if scale is not None:
            y = y * scale
        if bias is not None:
            y = y + bias
        if residual is not None:
            y = y + residual
        y = canonical(activate(NAMES[activation], y))
        total, squares = np.zeros(len(y), np.float32), np.zeros(len(y), np.float32)
        maximum = np.full(len(y), -np.inf, np.float32)
        for column in y.T:
            total = total + column
            squares = squares + column * column
            maximum = np.where(np.isnan(maximum) | (~np.isnan(column) & ~(column > maximum)), maximum, column)
    codes = out_format.format.encode(y.astype(np.float64))
    return Epilogue(codes, canonical(total), canonical(squares), canonical(maximum))


def to_odd_float32(values: np.ndarray) -> np.ndarray:
    """Return float64 numbers as float32 rounded to odd; those rounded to odd before count as what they stand for.

    Magnitudes that are not 0 or infinite within FP32's normal range.
    """
    values = np.ascontiguousarray(values, dtype=np.float64)
    bits = values.view(np.int64)
    mask = np.int64((1 << DROPPED_BITS) - 1)
    inexact = np.isfinite(values) & ((bits & mask) != 0)
    kept = np.where(inexact, (bits & ~mask) | (mask + 1), bits).view(np.float64)
    return canonical(kept.astype(np.float32))
