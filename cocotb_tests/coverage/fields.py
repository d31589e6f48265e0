"""Bins of a layout's fields: they follow from the layout, so that a new field is a hole until something uses it."""

import math
from collections.abc import Iterator, Mapping
from enum import IntEnum, IntFlag
from typing import Any

from tilewright.cocotb_tests.coverage.points import Coverage
from tilewright.sim.isa.fields import Embedded, Field, Layout, Number, bits_float

NARROW_BITS = 4
"""Width up to which each code of a field is a bin."""
MORE = "more"
"""Bin of all numbers of a wide field but 0 and 1."""
FP32_CLASSES = ("zero", "positive", "negative", "subnormal", "infinite", "NaN")
"""Bins of a field with an FP32 number."""
SMALLEST_NORMAL = 2.0**-126


def kinds_of(layout: type[Layout]) -> dict[str, Any]:
    """Return the type of the values of each field of a layout, ``int`` where nothing more is known."""
    kinds: dict[str, Any] = {}
    for name, codec in layout.CODECS.items():
        if isinstance(codec, Embedded):
            kinds |= kinds_of(codec.kind)
        else:
            kinds |= {field: codec.kind if isinstance(codec, Number) else int for field in codec.fields(name)}
    return kinds


def field_bins(kind: Any, field: Field) -> list[str]:
    """Return the bins of a field: names, codes or classes of its values."""
    if issubclass(kind, IntFlag):
        return ["none", *(str(member.name).lower() for member in kind if member)]
    if issubclass(kind, IntEnum):
        return [member.name.lower() for member in kind]
    if kind is float:
        return list(FP32_CLASSES)
    if field.bits <= NARROW_BITS:
        return [str(code) for code in range(1 << field.bits)]
    return ["0", "1", MORE]


def bins_of(kind: Any, field: Field, value: int) -> list[str]:
    """Return the bins of a field that a value hits."""
    if issubclass(kind, IntFlag):
        return [str(member.name).lower() for member in kind if member & value] or ["none"]
    if issubclass(kind, IntEnum):
        return [kind(value).name.lower()]
    if kind is float:
        return [_class(bits_float(value))]
    if field.bits <= NARROW_BITS or value <= 1:
        return [str(value)]
    return [MORE]


def _class(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinite"
    if not value:
        return "zero"
    if abs(value) < SMALLEST_NORMAL:
        return "subnormal"
    return "positive" if value > 0 else "negative"


class FieldPoint:
    """Point with the values of all fields of a layout.

    Parameters
    ----------
    coverage : Coverage
    name : str
        Name of the point.
    layout : subclass of Layout
    """

    def __init__(self, coverage: Coverage, name: str, layout: type[Layout]):
        self.coverage, self.name, self.fields = coverage, name, layout.FIELDS
        self.kinds = kinds_of(layout)
        coverage.declare(name, self._bins())

    def _bins(self) -> Iterator[str]:
        for field, place in self.fields.items():
            yield from (f"{field} = {name}" for name in field_bins(self.kinds[field], place))

    def sample(self, values: Mapping[str, int]) -> None:
        """Count the values of all fields."""
        for field, place in self.fields.items():
            for name in bins_of(self.kinds[field], place, values[field]):
                self.coverage.hit(self.name, f"{field} = {name}")
