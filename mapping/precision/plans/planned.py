"""Tensors with the rounded weights of a plan, for an array that has the plan's formats."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.readers import Checkpoint
from tilewright.mapping.models.rows import Formats, Rows, rows_of
from tilewright.sim.config import System

from .decoder_network import DecoderNetwork
from .network import Network
from .on_array import HeldMatrix, held_exactly
from .plan_file import identity_of, read_plan, read_rounded
from .storage import WeightStorage

TOLERANCE = 1e-6
"""Distance from a number times a scale, as a part of the largest weight, up to which a float32 weight equals it."""


class PlannedTensors(Mapping[str, np.ndarray]):
    """Tensors of which some are integers times a scale for each output: a :class:`.HasScales` and :class:`.HasFormats`.

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
        self._scales = {
            f"{each.name}.weight": scales_found(rounded[each.name], each.storage) * each.storage.unit
            for each in matrices
        }

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rounded[name] if name in self.rounded else self.tensors[name]

    def rows(self, name: str, rows: Rows) -> np.ndarray:
        """Return some rows of a tensor, in their order."""
        return rows_of(self.rounded if name in self.rounded else self.tensors, name, rows)

    def scales(self, name: str, rows: Rows) -> np.ndarray | None:
        """Return the scales of the integers of some rows of a tensor; None if it is not rounded."""
        return self._scales[name][rows] if name in self._scales else None

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


def scales_found(weights: np.ndarray, storage: WeightStorage) -> np.ndarray:
    """Return the largest scale of each output with which its weights are numbers of a storage, 0 for zeros, (outputs,).

    Raises
    ------
    ValueError
        If an output has no such scale.
    """
    weights = weights.astype(np.float64)
    largest = np.abs(weights).max(axis=1)
    found = np.zeros(len(weights))
    left = largest > 0
    for number in np.unique(np.abs(storage.numbers[storage.numbers != 0])):
        scales = largest[left] / number
        numbers = weights[left] / scales[:, None]
        fits = (np.abs(storage.nearest(numbers) - numbers) <= TOLERANCE * number).all(axis=1)
        rows = np.flatnonzero(left)[fits]
        found[rows] = scales[fits]
        left[rows] = False
    if left.any():
        raise ValueError(f"row {np.flatnonzero(left)[0]} is no row of numbers of {storage.name} times a scale")
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
