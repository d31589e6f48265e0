"""Quantisation of weights to codes of a stored format, with a scale for each column and scales for groups of rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tilewright.mapping.models.rows import RowScales
from tilewright.sim.formats import Microscaling, stored
from tilewright.sim.graph.precision import Precision

from .scale_window import fit_scales

ACTIVATIONS, SUMS = stored.INT8, stored.INT32
"""Formats of the activations that weights are multiplied with, and of the sums of products."""


@dataclass(frozen=True)
class QuantisedWeights:
    """Quantised weights: ``weights[k, n] = numbers[k, n] * factors[k // group, n] * columns[n]``, approximately; groups
    may be absent."""

    codes: np.ndarray
    """Codes of the stored format, shape (k, n)."""
    columns: np.ndarray
    """Scale of each column, (n,) float32; each is a number of the precision's format."""
    groups: np.ndarray | None
    """Codes of the scales' stored format, uint8, shape (ceil(k / group), n)."""
    precision: Precision

    @property
    def values(self) -> np.ndarray:
        """Numbers that the codes stand for, float64."""
        steps = self.columns.astype(np.float64)
        if self.groups is not None:
            factors = self.precision.group_scale.decode(self.groups)
            steps = np.repeat(factors * steps, self.precision.group, axis=0)[: len(self.codes)]
        return self.precision.weights.decode(self.codes) * steps

    def constants(self, name: str) -> dict[str, np.ndarray]:
        """Return the constants of a projection as they are stored, by their names."""
        constants = {
            f"{name}.codes": self.codes,
            f"{name}.columns": self.precision.column_scale.from_fp32(self.columns),
        }
        return constants if self.groups is None else constants | {f"{name}.groups": self.groups}


def joined(parts: Sequence[QuantisedWeights]) -> QuantisedWeights:
    """Return the columns of some quantised weights, which have scales of their own, beside each other."""
    groups = [each.groups for each in parts if each.groups is not None]
    return replace(
        parts[0],
        codes=np.concatenate([each.codes for each in parts], axis=1),
        columns=np.concatenate([each.columns for each in parts]),
        groups=np.concatenate(groups, axis=1) if groups else None,
    )


def quantise_weights(weights: np.ndarray, precision: Precision, scales: RowScales | None = None) -> QuantisedWeights:
    """Return weights as a precision stores them, symmetric.

    With scales of columns, and integer ones of groups, the largest magnitude of a group is the largest number. Scales
    are rounded first, so that the numbers make up for it. With e8m0 groups are blocks as OCP Microscaling defines them,
    of fp4_e2m1 and 32 rows MXFP4; see :func:`.fit_scales` for what of their scales a tile can hold.

    Parameters
    ----------
    weights : ndarray, (k, n)
        Row k meets element k of the activations.
    scales : RowScales, optional
        Scales of the columns, n rows, if the weights already are integers times these, which are counts of the format:
        their codes stay as they are. Without factors of groups, scales of groups change nothing.
    """
    if scales is not None:
        return _with_scales(weights, precision, scales)
    if precision.group and precision.group_scale == stored.SHIFT_E8M0:
        return _in_blocks(weights, precision)
    k, n = weights.shape
    group, form, largest_scale = precision.group, precision.weights, precision.group_scale.largest
    size = group or k
    padded = np.pad(weights.astype(np.float64), ((0, -k % size), (0, 0)))
    wanted = np.abs(padded.reshape(-1, size, n)).max(axis=1) / form.largest
    columns = wanted.max(axis=0) / (largest_scale if group else 1)
    columns = precision.column_scale.decode(precision.column_scale.encode(columns))
    columns[columns == 0] = 1
    factors = np.clip(np.rint(wanted / columns), 1, largest_scale) if group else np.ones((1, n))
    steps = np.repeat(factors * columns, size, axis=0)[:k]
    groups = precision.group_scale.encode(factors) if group else None
    return QuantisedWeights(form.encode(weights / steps), columns.astype(np.float32), groups, precision)


def _with_scales(weights: np.ndarray, precision: Precision, scales: RowScales) -> QuantisedWeights:
    form, group, (k, n) = precision.weights, precision.group, weights.shape
    steps = np.where(scales.rows > 0, scales.rows, 1.0)
    columns = precision.column_scale.decode(precision.column_scale.encode(steps))
    factors = np.ones((-(-k // (group or k)), n)) if scales.factors is None else np.maximum(scales.factors.T, 1)
    each = np.repeat(factors * steps, group or k, axis=0)[:k]
    groups = precision.group_scale.encode(factors) if group else None
    return QuantisedWeights(form.encode(weights / each), columns.astype(np.float32), groups, precision)


def _in_blocks(weights: np.ndarray, precision: Precision) -> QuantisedWeights:
    """Return weights in blocks with scales that are powers of two.

    The window of these is so narrow that no sum of as many products can wrap.
    """
    k, element = len(weights), precision.weights
    form = Microscaling(element.format, block=precision.group)  # type: ignore[arg-type]
    padded = np.pad(weights.astype(np.float64), ((0, -k % form.block), (0, 0)))
    room = SUMS.largest // (k * -ACTIVATIONS.lowest * -element.lowest)
    window = min(precision.max_shift, max(0, room.bit_length() - 1))
    scaled = fit_scales(form, form.encode(padded.T), window)
    columns = np.ldexp(form.element.min, scaled.exponents).astype(np.float32)
    codes = element.kept(scaled.codes[:k])
    return QuantisedWeights(codes, columns, scaled.shifts.astype(precision.group_scale.dtype), precision)
