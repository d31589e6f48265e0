"""Values of a pass of the vector unit, bit for bit.

For each row r and column c, every part optional::

    y[r, c] = f((A[r, c] + add[r]) * multiply[r]) * B[r, c] + C[r, c]

and of each row a sum or a maximum of y. Every sum and product is an FP32 one, rounded to nearest even; a part that is
off passes its operand on.
"""

from dataclasses import dataclass

import numpy as np

from tilewright.sim.formats import StoredFormat, activate, stored
from tilewright.sim.formats.fp32 import canonical
from tilewright.sim.formats.functions import exp, reciprocal, rsqrt
from tilewright.sim.isa.depths import INTERVAL
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce


@dataclass(frozen=True)
class PassResult:
    """Results of a pass."""

    y: np.ndarray
    """Values of y, (rows, columns) float32; masked values are 0."""
    codes: np.ndarray
    """Values of y as stored, (rows, columns): int8, or the bits of bf16 (uint16) or fp32 (uint32)."""
    linear: np.ndarray | None
    """Linear scalar of each row, (rows,) float32, if the pass reduces."""
    inverse: np.ndarray | None
    """Inverse of each row's linear scalar, (rows,) float32, if it is asked for."""


def run_pass(
    options: PassOptions,
    a: np.ndarray,
    *,
    lanes: int,
    output: StoredFormat = stored.FP32,
    add: np.ndarray | None = None,
    multiply: np.ndarray | None = None,
    b: np.ndarray | None = None,
    c: np.ndarray | None = None,
) -> PassResult:
    """Return the results of a pass.

    Parameters
    ----------
    a : ndarray, (rows, columns)
        int8, int32, or float32 (also for bf16, which float32 holds).
    lanes : int
        Number of lanes of the unit, a power of two; the order of sums follows from it.
    output : StoredFormat
        Format of the result: INT8, BF16 or FP32.
    add, multiply : ndarray of float32, (rows,), optional
        Row scalars.
    b, c : ndarray of float32, broadcasting to (rows, columns), optional
        Operands.
    """
    rows, columns = a.shape
    y = canonical(rotated(a.astype(np.float32), options.rotate))
    with np.errstate(all="ignore"):
        if add is not None:
            y = y + add.astype(np.float32)[:, None]
        if multiply is not None:
            y = y * multiply.astype(np.float32)[:, None]
        y = exp(y) if options.function == Function.EXP else activate(options.function.name.lower(), y)
        if options.square:
            y = y * y
        elif b is not None:
            y = y * b.astype(np.float32)
        if c is not None:
            y = y + c.astype(np.float32)
        limit = np.full(rows, columns)
        if options.causal:
            limit = np.minimum(columns, options.mask_base + np.arange(rows) + 1)
        masked = np.arange(columns) >= limit[:, None]
        y = canonical(np.where(masked, np.float32(0), y))
        linear = inverse = None
        if options.reduce != Reduce.NONE:
            reduced = sums(y, lanes) if options.reduce == Reduce.SUM else _maxima(y, masked, options.reduce)
            linear = canonical(reduced * np.float32(options.scale) + np.float32(options.offset))
            if options.inverse != Inverse.NONE:
                inverse = (reciprocal if options.inverse == Inverse.RECIPROCAL else rsqrt)(linear)
    return PassResult(y, output.from_fp32(y), linear, inverse)


def rotated(a: np.ndarray, half: int) -> np.ndarray:
    """Return ``a`` with the halves of every ``2 * half`` columns exchanged and the new first half negated.

    Columns beyond the matrix count as 0.
    """
    if not half:
        return a
    rows, columns = a.shape
    padded = np.zeros((rows, -(-columns // (2 * half)) * 2 * half), np.float32)
    padded[:, :columns] = a
    blocks = padded.reshape(rows, -1, 2, half)
    return np.stack([-blocks[:, :, 1], blocks[:, :, 0]], axis=2).reshape(rows, -1)[:, :columns]


def sums(y: np.ndarray, lanes: int) -> np.ndarray:
    """Return the sum of each row, in the order of the unit.

    Lanes are added in pairs of neighbours, step by step of ``lanes`` columns; steps t, t + INTERVAL, ... are added one
    after the other, beginning with +0; the INTERVAL sums, the oldest first, as ``((p0 + p1) + (p2 + p3)) + p4``.
    """
    rows, columns = y.shape
    steps = max(-(-columns // lanes), INTERVAL)
    padded = np.zeros((rows, steps * lanes), np.float32)
    padded[:, :columns] = y
    tree = padded.reshape(rows, steps, lanes)
    while tree.shape[2] > 1:
        tree = tree[:, :, 0::2] + tree[:, :, 1::2]
    partial = [np.zeros(rows, np.float32)] * INTERVAL
    for step in tree[:, :, 0].T:
        partial = [*partial[1:], step + partial[0]]
    p0, p1, p2, p3, p4 = partial
    return ((p0 + p1) + (p2 + p3)) + p4


def _maxima(y: np.ndarray, masked: np.ndarray, kind: Reduce) -> np.ndarray:
    """Return the maximum of each row, NaN if there is one; if all elements are masked, -inf, or 0 for magnitudes."""
    values, least = (np.abs(y), np.float32(0)) if kind == Reduce.MAGNITUDE else (y, np.float32(-np.inf))
    # Of zeros of both signs the maximum is the positive one.
    values = np.where(masked, least, values)
    highest = values.max(axis=1)
    positive_zero = ((values == 0) & ~np.signbit(values)).any(axis=1)
    return np.where((highest == 0) & positive_zero, np.float32(0), highest).astype(np.float32)


def operand(storage: StoredFormat, codes: np.ndarray) -> np.ndarray:
    """Return codes as a pass takes them: integers as they are, floating-point numbers as float32."""
    return codes if storage.dtype.kind == "i" else storage.to_fp32(codes)
