"""Many systems at once: a base, and the values of the fields in which they differ, as arrays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError, suggest
from tilewright.sim.config import System
from tilewright.sim.config.problems import model_at
from tilewright.sim.config.sources import leaves

from .legality import legal_designs

CHUNK = 1 << 16
"""Number of designs that are computed together."""
MIXER = np.uint64(0x9E3779B97F4A7C15)
"""Odd multiplier of Fibonacci hashing, which spreads keys over 64 bits."""


@dataclass(frozen=True, eq=False)
class Designs:
    """Systems as a structure of arrays: design ``i`` is ``base`` with value ``i`` of each field.

    Parameters
    ----------
    base : System
        System whose values hold for all fields that are not named.
    fields : mapping
        Values by dotted path, as :meth:`.Frozen.with_` takes them: ``{"cim.tiles": np.array([1, 2, 4])}``. All arrays
        have one dimension and one length, which is the number of designs. Values are integers, floats or texts.

    Raises
    ------
    ConfigError
        If a system has no such field, or the arrays have different lengths.
    """

    base: System
    fields: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        if not self.fields:
            raise ConfigError("fields is empty: designs differ in at least one field")
        for path, values in self.fields.items():
            keys = path.split(".")
            part = model_at(System, keys[:-1])
            if part is None or keys[-1] not in part.model_fields:
                raise ConfigError(f"unknown field '{path}'{suggest(path, dict(leaves(self.base)))}")
            if model_at(System, keys) is not None and not path.startswith("memory."):
                raise ConfigError(f"field '{path}' has fields of its own: designs differ in these")
            if values.ndim != 1 or len(values) != len(self):
                raise ConfigError(
                    f"field '{path}' has values of shape {values.shape}: there must be {len(self)} in one row"
                )

    def __len__(self) -> int:
        """Return the number of designs."""
        return len(next(iter(self.fields.values())))

    def field(self, path: str) -> Any:
        """Return the values of a field: an array with one for each design, or the base's value if all have that.

        The value of a part that the base does not have is None.
        """
        return self.fields[path] if path in self.fields else self._of_base(path)

    def number(self, path: str) -> Any:
        """Return the values of a field as float64, in which integers of systems are exact; one number if all are alike.

        Designs of an exhaustive search differ in few fields from those before: all that follows from the other fields
        is then computed once for many designs.
        """
        if path not in self._numbers:
            values = self.field(path)
            if path in self.fields and not _alike(values):
                self._numbers[path] = np.asarray(values, np.float64)
            else:
                self._numbers[path] = np.float64(values[0] if path in self.fields else values)
        return self._numbers[path]

    def looked_up(self, path: str, number: Callable[[Any], float]) -> Any:
        """Return a number for each value of a field with few values, such as a format's width."""
        if path not in self.fields:
            return number(self.field(path))
        if _alike(self.fields[path]):
            return number(_plain(self.fields[path][0]))
        found = np.zeros(len(self))
        for value, mask in different(self.fields[path]):
            found[mask] = number(value)
        return found

    @cached_property
    def legal(self) -> np.ndarray:
        """Mask of the designs that are valid systems: exactly those that ``base.with_`` accepts."""
        return np.concatenate([legal_designs(part) for part in self.chunks()])

    def changes(self, index: int) -> dict[str, Any]:
        """Return the values of the fields of one design, by dotted path, as Python numbers and texts."""
        return {path: _plain(values[index]) for path, values in self.fields.items()}

    def system(self, index: int) -> System:
        """Return one design as a system.

        Raises
        ------
        ConfigError
            If it is not valid.
        """
        return self.base.with_(self.changes(index))

    def part(self, chosen: np.ndarray | slice) -> "Designs":
        """Return some of the designs, by a mask, by indices or by a slice."""
        return Designs(self.base, {path: values[chosen] for path, values in self.fields.items()})

    def alike(self, apart: Sequence[str]) -> tuple["Designs", np.ndarray]:
        """Return the designs that differ in fields besides some, each once, and the place of every design among them.

        Parameters
        ----------
        apart : sequence of str
            Beginnings of the names of the fields that do not matter.
        """
        key = np.zeros(len(self), np.uint64)
        for path, values in self.fields.items():
            if not path.startswith(tuple(apart)) and not _alike(values):
                codes = np.asarray(self.looked_up(path, hash) if values.dtype.kind in "OU" else values, np.float64)
                key = (key ^ codes.view(np.uint64)) * MIXER
                key ^= key >> np.uint64(32)
        _, first, places = np.unique(key, return_index=True, return_inverse=True)
        return self.part(first), places

    def chunks(self) -> Iterator["Designs"]:
        """Yield the designs in parts that are computed together."""
        for start in range(0, len(self), CHUNK):
            yield self.part(slice(start, start + CHUNK))

    @cached_property
    def _numbers(self) -> dict[str, Any]:
        return {}

    def _of_base(self, path: str) -> Any:
        value: Any = self.base
        for key in path.split("."):
            value = getattr(value, key, None)
        return value


def different(values: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield each value of an array with few different ones, and the mask of its places."""
    left = np.ones(len(values), bool)
    while left.any():
        value = values[left.argmax()]
        mask = np.equal(values, value) if value == value else left
        yield _plain(value), mask & left
        left &= ~mask


def _alike(values: np.ndarray) -> bool:
    """Return whether all values of an array are one."""
    return len(values) > 0 and values[0] == values[-1] and bool((values == values[0]).all())


def _plain(value: Any) -> Any:
    """Return a number or text of numpy as one of Python; a float without a fraction becomes an integer."""
    plain = value.item() if isinstance(value, np.generic) else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain
