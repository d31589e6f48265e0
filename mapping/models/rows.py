"""Some rows of a tensor, without the others if the tensors lie in a file."""

from collections.abc import Iterator, Mapping, Sequence
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


@runtime_checkable
class HasScales(Protocol):
    """Tensors of which some contain integers times a scale for each output."""

    def scales(self, name: str, rows: Rows) -> np.ndarray | None:
        """Return the scales of some rows of a tensor, (rows,), 0 for rows of zeros; None if a tensor has none."""
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


def scales_of(tensors: Mapping[str, np.ndarray], name: str, rows: Rows) -> np.ndarray | None:
    """Return the scales of some rows of a tensor, (rows,); None if it has none."""
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

    def scales(self, name: str, rows: Rows) -> np.ndarray | None:
        """Return the scales of some rows of a tensor, 0 for rows after its end; None if it has none."""
        if name != self.name or not isinstance(rows, slice):
            return scales_of(self.tensors, name, rows)
        found = scales_of(self.tensors, name, self._moved(rows))
        missing = 0 if found is None or rows.stop is None else rows.stop - (rows.start or 0) - len(found)
        return found if found is None else np.pad(found, (0, missing))

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
