"""The format in which an array holds each matrix of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError, suggest
from tilewright.sim.config import System, TileConfig
from tilewright.sim.formats import Microscaling, StoredFormat
from tilewright.sim.graph.precision import Precision

from .plan_file import Plan
from .storage import FACTORS, TABLE_BITS, WeightStorage


@dataclass(frozen=True)
class HeldMatrix:
    """A matrix of a plan, as an array holds it."""

    name: str
    storage: WeightStorage
    """Storage that the plan gives to the matrix."""
    format: StoredFormat
    """Format of the matrix on the array."""
    exact: bool
    """Whether the array computes with the very weights of the plan: format and scales."""
    group: int = 0
    """Number of inputs that share a scale on the array besides that of their output, 0 if none do."""


@dataclass(frozen=True)
class HeldPlan:
    """A plan on an array."""

    file: str
    plan: Plan
    matrices: tuple[HeldMatrix, ...]

    @property
    def by_matrix(self) -> tuple[tuple[str, StoredFormat], ...]:
        """Format of each matrix."""
        return tuple((each.name, each.format) for each in self.matrices)

    @property
    def inexact(self) -> tuple[HeldMatrix, ...]:
        """Matrices whose weights on the array are not those of the plan."""
        return tuple(each for each in self.matrices if not each.exact)

    def of(self, precision: Precision) -> Precision:
        """Return a precision in which each matrix has its format."""
        return replace(precision, by_matrix=self.by_matrix)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan for JSON."""
        return {
            "file": self.file,
            "bits_per_weight": self.plan.figures.get("bits_per_weight"),
            "exact": not self.inexact,
            "weights": {
                each.name: {"storage": each.storage.name, "held_as": each.format.name, "exact": each.exact}
                for each in self.matrices
            },
        }


def held_plan(path: Path, plan: Plan, tile: TileConfig) -> HeldPlan:
    """Return a plan as an array holds it: each matrix in the narrowest format that has its numbers, or else in that of
    the macros."""
    return HeldPlan(str(path), plan, tuple(_held(name, each, tile) for name, each in plan.assignment.items()))


def held_exactly(path: Path, plan: Plan, system: System) -> HeldPlan:
    """Return a plan as the array of a system holds it.

    Raises
    ------
    ConfigError
        If the array does not have the weights of a matrix: names the matrix, its storage, and what the array has.
    """
    tile = system.cim_array.tile
    held = held_plan(path, plan, tile)
    for each in held.inexact:
        formats = " and ".join(form.name for form in tile.weight_formats)
        groups = f" and a factor of it for each {tile.group_rows} inputs" if has_factors(tile) else ""
        raise ConfigError(
            f"{path}: weights.{each.name} = {each.storage.name} is not allowed: the array of {system.name} has numbers "
            f"of {formats} with a scale an output{groups}"
        )
    return held


def has_factors(tile: TileConfig) -> bool:
    """Return whether an array has integer factors of the scale of an output for groups of its inputs."""
    return tile.group_rows > 0 and tile.group_scale == FACTORS.name


def formats_of(tile: TileConfig) -> str:
    """Return the storages of weights that an array has, by name, with commas."""
    granularity = tile.group_rows if has_factors(tile) else "channel"
    return ",".join(f"{each.name}/{granularity}" for each in tile.weight_formats)


def _held(name: str, storage: WeightStorage, tile: TileConfig) -> HeldMatrix:
    in_groups = storage.granularity == "group" and not isinstance(storage.format, Microscaling)
    if storage.granularity in ("channel", "tensor") or (
        in_groups and has_factors(tile) and storage.group % tile.group_rows == 0
    ):
        for form in sorted(tile.weight_formats, key=lambda each: each.bits):
            if has_numbers(form, storage):
                return HeldMatrix(name, storage, form, True, tile.group_rows if in_groups else 0)
    # Formats without a place on the array, and other scales of groups, are those of the macros.
    same = [form for form in tile.weight_formats if storage.group and has_numbers(form, storage)]
    form = min(same, key=lambda each: each.bits, default=tile.macro.weights)
    return HeldMatrix(name, storage, form, False)


def has_numbers(form: StoredFormat, storage: WeightStorage) -> bool:
    """Return whether the numbers of a storage, in units of its least one, are counts of a format of the array."""
    if storage.granularity == "none" or storage.element.bits > TABLE_BITS:
        return False
    return bool(np.isin(storage.counts, form.counts).all())


def check_shapes(path: Path, plan: Plan, shapes: Mapping[str, tuple[int, int]]) -> None:
    """Refuse a plan that is not for a model of which the shapes of matrices are known, and no weights.

    Parameters
    ----------
    shapes : mapping
        Number of outputs and of inputs of each matrix, by name.

    Raises
    ------
    ConfigError
        Names the plan, the model for which it was made, and a matrix or both sizes.
    """
    for name in plan.assignment:
        if name not in shapes:
            raise _other(path, plan, f"and there is no matrix {name}{suggest(name, shapes)}")
    for name in shapes:
        if name not in plan.assignment:
            raise _other(path, plan, f"which has no matrix {name}")
    size = sum(storage.bits(*shapes[name]) for name, storage in plan.assignment.items()) / 8
    written = plan.figures.get("bytes")
    if isinstance(written, int | float) and abs(written - size) > 1:
        raise _other(path, plan, f"whose weights take {written:,.0f} bytes, and these take {size:,.0f}")


def _other(path: Path, plan: Plan, why: str) -> ConfigError:
    return ConfigError(f"{path}: the plan is for another model: it was made for {plan.model}, {why}")
