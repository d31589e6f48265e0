"""Some rows of a tensor, without the others if the tensors lie in a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from tilewright.sim.formats import StoredFormat

Rows = slice | Sequence[int]
"""Successive rows of a tensor, or the numbers of some."""
Formats = tuple[tuple[str, StoredFormat], ...]
"""Names of products, and the formats of their weights."""
ALL = slice(None)


@runtime_checkable
class HasRows(Protocol):
    """Tensors that return rows of one of them without the others."""

    def rows(self, name: str, rows: Rows) -> np.ndarray:
        """Return some rows of a tensor, in their order."""
        ...


@dataclass(frozen=True)
class RowScales:
    """Scales of the rows of a tensor whose elements are integers times the scale of their row, and of their group."""

    rows: np.ndarray
    """Scale of each row, (rows,); 0 for rows of zeros."""
    factors: np.ndarray | None = None
    """Integer factor of that scale for each group of successive elements of a row, (rows, groups); None without
    groups."""

    def __getitem__(self, rows: Rows) -> "RowScales":
        return RowScales(self.rows[rows], None if self.factors is None else self.factors[rows])

    def times(self, factor: float) -> "RowScales":
        """Return the scales of the tensor times a number."""
        return RowScales(self.rows * factor, self.factors)

    def of_columns(self, columns: slice, group: int) -> "RowScales":
        """Return the scales of some columns, which are whole groups of so many up to the last one."""
        if self.factors is None:
            return self
        return RowScales(self.rows, self.factors[:, columns.start // group : -(-columns.stop // group)])

    def followed_by(self, zeros: int) -> "RowScales":
        """Return the scales of the tensor with some rows of zeros after its own."""
        factors = self.factors
        return RowScales(
            np.pad(self.rows, (0, zeros)), None if factors is None else np.pad(factors, ((0, zeros), (0, 0)))
        )

    def with_rows_moved(self, move: Callable[[np.ndarray], np.ndarray]) -> "RowScales":
        """Return the scales of the tensor with its rows elsewhere; ``move`` does that to the last axis of an array."""
        return RowScales(move(self.rows), None if self.factors is None else move(self.factors.T).T)

    def with_columns_moved(
        self, move: Callable[[np.ndarray], np.ndarray], columns: int, group: int
    ) -> "RowScales | None":
        """Return the scales of the tensor with its columns elsewhere, and zeros between them.

        None stands for scales that do not exist: a group of the result has elements of groups with other factors.

        Parameters
        ----------
        move : callable
            Function that moves the last axis of an array, and puts zeros between.
        columns : int
            Number of columns of the tensor.
        group : int
            Number of elements of a group.
        """
        if self.factors is None:
            return self
        moved = move(np.repeat(self.factors, group, axis=1)[:, :columns])
        groups = np.pad(moved, ((0, 0), (0, -moved.shape[1] % group))).reshape(len(moved), -1, group)
        largest = groups.max(axis=2)
        return RowScales(self.rows, largest) if ((groups == largest[..., None]) | (groups == 0)).all() else None


@runtime_checkable
class HasScales(Protocol):
    """Tensors of which some contain integers times a scale for each output, or for groups of its inputs."""

    def scales(self, name: str, rows: Rows) -> RowScales | None:
        """Return the scales of some rows of a tensor; None if it has none."""
        ...


@runtime_checkable
class HasFormats(Protocol):
    """Tensors of which some have a format of their own on the array."""

    @property
    def formats(self) -> Formats:
        """Names of products and the formats of their weights."""
        ...


def formats_of(tensors: Mapping[str, np.ndarray]) -> Formats:
    """Return the formats of the weights of products that have one of their own; there may be none."""
    return tensors.formats if isinstance(tensors, HasFormats) else ()


def scales_of(tensors: Mapping[str, np.ndarray], name: str, rows: Rows) -> RowScales | None:
    """Return the scales of some rows of a tensor; None if it has none."""
    return tensors.scales(name, rows) if isinstance(tensors, HasScales) else None


def rows_of(tensors: Mapping[str, np.ndarray], name: str, rows: Rows) -> np.ndarray:
    """Return some rows of a tensor, in their order; tensors that lie in a file read no other rows."""
    if isinstance(tensors, HasRows):
        return tensors.rows(name, rows)
    return tensors[name] if rows == ALL else tensors[name][rows]


class RowsFrom(Mapping[str, np.ndarray]):
    """Tensors of which one begins with a later row; rows after its end are zeros.

    Parameters
    ----------
    tensors : mapping
        Tensors by name.
    name : str
        Tensor that begins with row ``first``.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], name: str, first: int):
        self.tensors, self.name, self.first = tensors, name, first

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows(name, ALL)

    def rows(self, name: str, rows: Rows) -> np.ndarray:
        """Return some rows of a tensor, in their order."""
        if name != self.name:
            return rows_of(self.tensors, name, rows)
        if not isinstance(rows, slice):
            return rows_of(self.tensors, name, [self.first + row for row in rows])
        found = rows_of(self.tensors, name, self._moved(rows))
        missing = 0 if rows.stop is None else rows.stop - (rows.start or 0) - len(found)
        return np.pad(found, ((0, missing), (0, 0))) if missing else found

    def scales(self, name: str, rows: Rows) -> RowScales | None:
        """Return the scales of some rows of a tensor, 0 for rows after its end; None if it has none."""
        if name != self.name or not isinstance(rows, slice):
            return scales_of(self.tensors, name, rows)
        found = scales_of(self.tensors, name, self._moved(rows))
        missing = 0 if found is None or rows.stop is None else rows.stop - (rows.start or 0) - len(found.rows)
        return found if found is None else found.followed_by(missing)

    def _moved(self, rows: slice) -> slice:
        return slice(self.first + (rows.start or 0), None if rows.stop is None else self.first + rows.stop)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


def successive(rows: Rows, own: slice) -> list[slice]:
    """Return the rows of a larger tensor, in runs of successive ones, that are rows of its part ``own``."""
    if isinstance(rows, slice):
        begin, end, _ = rows.indices(own.stop - own.start)
        return [slice(own.start + begin, own.start + end)]
    return [slice(own.start + row, own.start + row + 1) for row in rows]
