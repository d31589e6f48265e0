"""Rounding of a matrix to a storage: by its largest weights, by the least squared error, or with compensation.

Compensation is that of Frantar and others, "GPTQ", ICLR 2023: inputs are rounded one after the other, and what is lost
on one is taken up by those that are not rounded yet, as far as they are correlated in the activations.
"""

import math
from typing import Literal

import numpy as np

from tilewright.sim.formats import E8M0, Microscaling

from .storage import WeightStorage

Method = Literal["nearest", "clipped", "compensated"]
"""Ways to round a matrix; each one includes those before it."""
METHODS: tuple[Method, ...] = ("nearest", "clipped", "compensated")
DAMPING = 0.01
"""Part of the mean second moment that is added to each one of them, so that inputs which hardly occur stay as they
are."""
ROOM = 1.5
"""Factor of the scales of outputs with groups, of which compensation and searched scales may need larger ones."""
BLOCK = 64
"""Number of inputs whose losses are taken up together by those after them."""


class Moments:
    """Second moments of the inputs of a product, on which rounding depends.

    Parameters
    ----------
    products : ndarray, (inputs, inputs)
        Sum of the products of each two inputs over some tokens.
    """

    def __init__(self, products: np.ndarray):
        self.products = products
        self.importance = np.diag(products) + DAMPING * max(float(np.diag(products).mean()), 1e-30)
        """Weight of each input in squared errors of the output."""
        self._factor: np.ndarray | None = None

    @property
    def factor(self) -> np.ndarray:
        """Upper triangular factor of the inverse: ``factor.T @ factor`` times the damped moments is 1."""
        if self._factor is None:
            damped = self.products.copy()
            np.fill_diagonal(damped, self.importance)
            inverse = np.linalg.inv(damped)
            self._factor = np.linalg.cholesky((inverse + inverse.T) / 2).T
        return self._factor

    def error(self, weights: np.ndarray, rounded: np.ndarray) -> float:
        """Return the squared error of the output, summed over outputs and tokens."""
        lost = weights - rounded
        return float(np.einsum("nk,nk->", lost @ self.products, lost))


def round_weights(weights: np.ndarray, storage: WeightStorage, moments: Moments, method: Method) -> np.ndarray:
    """Return weights, (outputs, inputs), rounded to a storage, float64."""
    if storage.granularity == "none":
        return storage.nearest(weights)
    weights = weights.astype(np.float64)
    if method == "nearest" and isinstance(storage.format, Microscaling) and storage.format.scale == E8M0:
        padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % storage.group)))
        return storage.format.decode(storage.format.encode(padded))[:, : weights.shape[1]]
    in_groups = method == "compensated" and storage.granularity == "group"
    wanted = _wanted(weights, storage, None if method == "nearest" or in_groups else moments.importance)
    if method == "compensated":
        return _compensated(weights, storage, wanted, moments)
    grid = storage.scale_grid(wanted)
    scales = np.repeat(grid.nearest(wanted), _size(storage, weights), axis=1)[:, : weights.shape[1]]
    return storage.nearest(weights / scales) * scales


def _size(storage: WeightStorage, weights: np.ndarray) -> int:
    return storage.group or weights.shape[1]


def _wanted(weights: np.ndarray, storage: WeightStorage, importance: np.ndarray | None) -> np.ndarray:
    """Return a scale for each group of each output, (outputs, groups): by the largest weight, or by least squares."""
    size = _size(storage, weights)
    if storage.granularity == "tensor":
        return np.full((len(weights), 1), _scale_of_matrix(weights, storage, importance))
    parts = [slice(first, first + size) for first in range(0, weights.shape[1], size)]
    return np.stack(
        [_scales(weights[:, part], storage, None if importance is None else importance[part]) for part in parts], axis=1
    )


def _scale_of_matrix(weights: np.ndarray, storage: WeightStorage, importance: np.ndarray | None) -> float:
    """Return the one scale of a matrix; it is searched on at most 64 of its outputs."""
    largest = float(np.abs(weights).max()) or 1.0
    if importance is None:
        return largest / storage.usual_target
    some = weights[:: -(-len(weights) // 64)]
    errors = []
    for target in storage.targets:
        scale = largest / target
        errors.append(((storage.nearest(some / scale) * scale - some) ** 2 @ importance).sum())
    return largest / storage.targets[int(np.argmin(errors))]


def _scales(weights: np.ndarray, storage: WeightStorage, importance: np.ndarray | None) -> np.ndarray:
    """Return a scale for each output of a group, (outputs,)."""
    largest = np.abs(weights).max(axis=1)
    largest[largest == 0] = 1e-30
    best = largest / storage.usual_target
    if importance is None:
        return best
    least = np.full(len(weights), np.inf)
    for target in storage.targets:
        scales = storage.of_a_group(largest / target)
        lost = storage.nearest(weights / scales[:, None]) * scales[:, None]
        lost -= weights
        error = (lost * lost) @ importance
        better = error < least
        least[better], best[better] = error[better], scales[better]
    return best


def _compensated(weights: np.ndarray, storage: WeightStorage, wanted: np.ndarray, moments: Moments) -> np.ndarray:
    """Return weights rounded input by input; the scales of a group are searched when its first input is reached."""
    factor, size = moments.factor, _size(storage, weights)
    outputs, inputs = weights.shape
    grouped = storage.granularity == "group"
    room = ROOM * storage.usual_target / storage.least_target if grouped else 1.0
    grid = storage.scale_grid(wanted * room)
    scales = grid.nearest(wanted[:, :1])[:, 0]
    left = weights.T.copy()  # an input is a row, and rows are contiguous
    rounded = np.empty_like(left)
    # A group begins with a block.
    step = BLOCK if not grouped else size if size <= BLOCK else math.gcd(size, BLOCK)
    for first in range(0, inputs, step):
        last = min(first + step, inputs)
        if grouped and first % size == 0:
            group = slice(first, min(first + size, inputs))
            scales = grid.nearest(_scales(left[group].T, storage, moments.importance[group])[:, None])[:, 0]
        lost = np.empty((last - first, outputs))
        for k in range(first, last):
            rounded[k] = storage.nearest(left[k] / scales) * scales
            error = (left[k] - rounded[k]) / factor[k, k]
            left[k + 1 : last] -= factor[k, k + 1 : last, None] * error
            lost[k - first] = error
        left[last:] -= factor[first:last, last:].T @ lost
    return rounded.T
