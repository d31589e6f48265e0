"""Figures that are not known well: a low, a middle and a high one, each with its source."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, TypeAdapter, WrapValidator, model_validator

from .base import Frozen

Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]

LEVELS = ("low", "mid", "high")
"""Names of the three figures, in their order."""


class Levels(Frozen):
    """Low, middle and high figure of one quantity."""

    low: Amount
    """The lowest figure that is likely."""
    mid: Amount
    """Figure that results are computed with where they are one number."""
    high: Amount
    """The highest figure that is likely."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.mid, self.high)
        return self


def check_order(low: float, mid: float, high: float) -> None:
    """Refuse figures that do not ascend.

    Raises
    ------
    ValueError
        If one is below the figure before it; names both.
    """
    if mid < low:
        raise ValueError(f"mid = {mid:g} is not allowed: it must not be below low = {low:g}")
    if high < mid:
        raise ValueError(f"high = {high:g} is not allowed: it must not be below mid = {mid:g}")


_NUMBER: TypeAdapter[float] = TypeAdapter(Amount)


def _number_or_levels(value: object, handler: object) -> Any:
    # One type at a time, so that an error names the field and not the types that it might have been.
    if value is None:
        return None
    return Levels.model_validate(value) if isinstance(value, Mapping | Levels) else _NUMBER.validate_python(value)


NumberOrLevels = Annotated[Amount | Levels | None, WrapValidator(_number_or_levels)]
"""One number, or a table of a low, a middle and a high one, or nothing."""


class Figure(Frozen):
    """One number with its source."""

    value: Amount
    """The number itself, without its unit."""
    source: Annotated[str, Field(min_length=1)]
    """Source of the number, or how it was derived; it begins with ``guess`` if nobody has published it."""

    def times(self, factor: float, remark: str = "") -> "Figure":
        """Return the number times a factor, with a remark after its source."""
        return Figure(value=self.value * factor, source=f"{self.source}{remark}")


class FigureRange(Frozen):
    """Low, middle and high figure of one quantity, each with its source."""

    low: Figure
    """The lowest figure that is likely."""
    mid: Figure
    """Figure that results are computed with where they are one number."""
    high: Figure
    """The highest figure that is likely."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low.value, self.mid.value, self.high.value)
        return self

    @classmethod
    def exactly(cls, value: float, source: str) -> Self:
        """Return the range of a quantity for which there is one figure."""
        figure = Figure(value=value, source=source)
        return cls(low=figure, mid=figure, high=figure)

    def times(self, factor: float, remark: str = "") -> "FigureRange":
        """Return the figures times a factor, with a remark after their sources."""
        return FigureRange(**{level: getattr(self, level).times(factor, remark) for level in LEVELS})
