"""Tensors with the rounded weights of a plan, for an array that has the plan's formats."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.readers import Checkpoint
from tilewright.mapping.models.rows import Formats, Rows, RowScales, rows_of
from tilewright.sim.config import System
from tilewright.sim.formats import Int

from .decoder_network import DecoderNetwork
from .network import Network
from .on_array import HeldMatrix, held_exactly
from .plan_file import identity_of, read_plan, read_rounded
from .storage import FACTORS, SCALE, WeightStorage

TOLERANCE = 1e-6
"""Distance from a number times a scale, as a part of the largest weight, up to which a float32 weight equals it."""


class PlannedTensors(Mapping[str, np.ndarray]):
    """Tensors of which some are integers times scales of outputs or groups: a :class:`.HasScales` and
    :class:`.HasFormats`.

    Parameters
    ----------
    tensors : mapping
        Tensors of the model.
    rounded : mapping
        Weights that take the place of those of the model, by name of the matrix.
    matrices : sequence of HeldMatrix
        Storage and format on the array of each of them.

    Raises
    ------
    ValueError
        If weights are not those of their storage.
    """

    def __init__(
        self, tensors: Mapping[str, np.ndarray], rounded: Mapping[str, np.ndarray], matrices: Sequence[HeldMatrix]
    ):
        self.tensors = tensors
        self.rounded = {f"{each.name}.weight": rounded[each.name] for each in matrices}
        self.formats: Formats = tuple((each.name, each.format) for each in matrices)
        self._scales = {f"{each.name}.weight": _scales(rounded[each.name], each) for each in matrices}

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rounded[name] if name in self.rounded else self.tensors[name]

    def rows(self, name: str, rows: Rows) -> np.ndarray:
        """Return some rows of a tensor, in their order."""
        return rows_of(self.rounded if name in self.rounded else self.tensors, name, rows)

    def scales(self, name: str, rows: Rows) -> RowScales | None:
        """Return the scales of the integers of some rows of a tensor; None if it is not rounded."""
        return self._scales[name][rows] if name in self._scales else None

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


def _scales(weights: np.ndarray, matrix: HeldMatrix) -> RowScales:
    """Return the scales of a matrix in groups as the array has them; those of its counts, not of its numbers."""
    storage = matrix.storage
    if not matrix.group:
        return RowScales(scales_found(weights, storage) * storage.unit)
    found = factors_found(weights, storage)
    assert found.factors is not None
    smaller = np.repeat(found.factors, storage.group // matrix.group, axis=1)
    return RowScales(found.rows * storage.unit, smaller[:, : -(-weights.shape[1] // matrix.group)])


def factors_found(weights: np.ndarray, storage: WeightStorage) -> RowScales:
    """Return a scale for each output, and a factor of it for each group, with which weights are numbers of a storage.

    A group has several such scales, each a whole part of the largest one: its weights may be few, or even numbers. The
    scale of an output is a number of BF16, of which each group has a scale that is a multiple from 1 to 255.

    Raises
    ------
    ValueError
        If an output has no such scales.
    """
    outputs, size = len(weights), storage.group
    padded = np.pad(weights.astype(np.float64), ((0, 0), (0, -weights.shape[1] % size))).reshape(-1, size)
    each = _largest_scales(padded, storage).reshape(outputs, -1)
    left = np.flatnonzero(np.isnan(each).any(axis=1))
    if len(left):
        raise _not_found(left[0], storage)
    largest = np.abs(padded).max(axis=1).reshape(outputs, -1)
    # Part of its largest scale that a group may have: its numbers, if they are integers, become so many times as large.
    parts = np.ones_like(each)
    if isinstance(storage.element, Int):
        np.divide(storage.numbers[-1] * each, largest, out=parts, where=largest > 0)
        parts = np.maximum(np.floor(parts + TOLERANCE), 1)
    least = np.where(each == 0, np.inf, each).min(axis=1)
    rows, factors = np.zeros(outputs), np.ones(each.shape)
    left = np.flatnonzero(least < np.inf)
    for multiple in range(1, int(FACTORS.largest * parts.max()) + 1):
        if not len(left):
            break
        scale = SCALE.decode(SCALE.encode(least[left] / multiple))
        found = each[left] / scale[:, None]
        whole = np.rint(found)
        divided = _factors(whole, parts[left])
        fits = ((np.abs(found - whole) <= TOLERANCE * found) & (divided > 0)).all(axis=1)
        rows[left[fits]], factors[left[fits]] = scale[fits], divided[fits]
        left = left[~fits]
    if len(left):
        raise _not_found(left[0], storage)
    return RowScales(rows, factors)


def _not_found(row: int, storage: WeightStorage) -> ValueError:
    scales = "a scale, and a factor of it for each group" if storage.group else "a scale"
    return ValueError(f"row {row} is no row of numbers of {storage.name} times {scales}")


def _factors(multiples: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return factors of groups whose largest scales are multiples of that of their output; 0 where there is none."""
    found = np.where(multiples <= FACTORS.largest, np.maximum(multiples, 1), 0.0)
    for part in range(2, int(parts.max()) + 1):
        smaller = (found == 0) & (parts >= part) & (multiples % part == 0) & (multiples / part <= FACTORS.largest)
        found[smaller] = multiples[smaller] / part
    return found


def scales_found(weights: np.ndarray, storage: WeightStorage) -> np.ndarray:
    """Return the largest scale of each output with which its weights are numbers of a storage, 0 for zeros, (outputs,).

    Raises
    ------
    ValueError
        If an output has no such scale.
    """
    found = _largest_scales(weights, storage)
    if np.isnan(found).any():
        raise _not_found(int(np.flatnonzero(np.isnan(found))[0]), storage)
    return found


def _largest_scales(weights: np.ndarray, storage: WeightStorage) -> np.ndarray:
    """Return the largest scale of each row of weights, 0 for zeros, NaN for rows without one."""
    weights = weights.astype(np.float64)
    largest = np.abs(weights).max(axis=1)
    left = largest > 0
    found = np.where(left, np.nan, 0.0)
    for number in np.unique(np.abs(storage.numbers[storage.numbers != 0])):
        scales = largest[left] / number
        numbers = weights[left] / scales[:, None]
        fits = (np.abs(storage.nearest(numbers) - numbers) <= TOLERANCE * number).all(axis=1)
        rows = np.flatnonzero(left)[fits]
        found[rows] = scales[fits]
        left[rows] = False
    return found


def planned(path: Path, checkpoint: Checkpoint, system: System) -> PlannedTensors:
    """Return the tensors of a decoder with the rounded weights of a plan; see :func:`planned_network`."""
    return planned_network(path, DecoderNetwork(str(path), checkpoint.model, checkpoint.tensors), system)


def planned_network(path: Path, network: Network, system: System) -> PlannedTensors:
    """Return the tensors of a network with the rounded weights of a plan.

    Raises
    ------
    ConfigError
        If the plan cannot be read, is for another model, or gives a matrix weights that the array does not have.
    """
    plan = read_plan(path)
    held = held_exactly(path, plan, system)
    plan.check_model(path, identity_of(network), {each.name for each in network.products})
    rounded = read_rounded(path, plan)
    for each in network.products:
        if rounded[each.name].shape != (each.outputs, each.inputs):
            raise ConfigError(f"{path}: {each.name} has weights of another shape beside the plan")
    try:
        return PlannedTensors(network.tensors, rounded, held.matrices)
    except ValueError as error:
        raise ConfigError(f"{path}: the weights beside the plan are not those of the plan: {error}") from error
