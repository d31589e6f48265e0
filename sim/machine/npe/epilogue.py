"""Values of the NPE's epilogue on exact sums, bit for bit."""

from dataclasses import dataclass

import numpy as np

from tilewright.sim.formats.activation import NAMES, activate
from tilewright.sim.formats.fp32 import canonical
from tilewright.sim.formats.simd import ResultFormat, SumFormat

DROPPED_BITS = 52 - 23
"""Number of mantissa bits that float64 has and FP32 does not have."""


@dataclass(frozen=True)
class Epilogue:
    """Results of M x N elements."""

    codes: np.ndarray
    """Codes of the elements in C's format, shape (M, N)."""
    sum: np.ndarray
    """Sum over n, in its order, of the elements before they become codes; (M,) float32."""
    squares: np.ndarray
    """Sum over n, in its order, of the rounded squares; (M,) float32."""
    maximum: np.ndarray
    """Maximum of each row, NaN if there is one, and the first of several zeros; (M,) float32."""


def epilogue(
    sums: np.ndarray,
    *,
    scale: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    residual: np.ndarray | None = None,
    activation: int = 0,
    out_format: ResultFormat,
) -> Epilogue:
    """Return codes and reductions of ``act(scale * sums + bias + residual)``, each operation rounded to FP32.

    The sums are rounded to odd, so that requantisation is the only rounding if every part is off; for results in FP32
    they are rounded to nearest. Results in INT32 are the sums themselves.

    Parameters
    ----------
    sums : ndarray of float64, (M, N)
        Exact, or rounded to odd; integers for results in INT32.
    scale, bias, residual : ndarray of float32, broadcasting to (M, N)
        Operands; a part whose operand is None is left out.
    activation : int
        Number of the activation function in ``activation.NAMES``.
    out_format : Mode or SumFormat
        Format of the codes.
    """
    with np.errstate(all="ignore"):
        wide = out_format is SumFormat.FP32
        y = canonical(np.asarray(sums, np.float32)) if wide else to_odd_float32(sums)
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
    if out_format is SumFormat.INT32:
        codes = sums.astype(np.int32).view(np.uint32)
    elif out_format is SumFormat.FP32:
        codes = y.view(np.uint32)
    else:
        codes = out_format.format.encode(y.astype(np.float64))
    return Epilogue(codes, canonical(total), canonical(squares), canonical(maximum))


def to_odd_float32(values: np.ndarray) -> np.ndarray:
    """Return float64 numbers as float32 rounded to odd; numbers that were rounded to odd before count as their exact
    values.

    Magnitudes that are not 0 or infinite within FP32's normal range.
    """
    values = np.ascontiguousarray(values, dtype=np.float64)
    bits = values.view(np.int64)
    mask = np.int64((1 << DROPPED_BITS) - 1)
    inexact = np.isfinite(values) & ((bits & mask) != 0)
    kept = np.where(inexact, (bits & ~mask) | (mask + 1), bits).view(np.float64)
    return canonical(kept.astype(np.float32))
