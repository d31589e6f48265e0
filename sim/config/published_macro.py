"""Published custom CIM macros: what a multiply-accumulate takes in silicon that others made."""

from functools import cache
from typing import Annotated

from pydantic import Field

from tilewright.base.errors import ConfigError, suggest

from .base import Frozen
from .figures import FigureRange
from .load import PRESETS, load_description, preset_names

FOLDER = PRESETS / "cim_macro"


class PublishedMacro(Frozen):
    """A macro of a publication."""

    description: Annotated[str, Field(min_length=1)]
    """Kind of macro, and the publication that describes it."""
    node_nm: Annotated[float, Field(gt=0, le=1000)]
    """Name of the process as a length."""
    voltage_v: Annotated[float, Field(gt=0, le=10)] | None = None
    """Supply voltage of the figures, if the texts at hand state it."""
    precision: Annotated[str, Field(min_length=1)]
    """Bits of weights and inputs of the figures."""
    pj_per_bit_pair: FigureRange
    """Energy of a multiply-accumulate for each bit of the weight times each bit of the input."""


def published_macro_names() -> list[str]:
    """Return the names of the published macros."""
    return preset_names(FOLDER)


def check_published_macro(name: str) -> None:
    """Refuse a name that no published macro has.

    Raises
    ------
    ConfigError
        If there is no such macro; names those that there are.
    """
    if name not in published_macro_names():
        raise ConfigError(f"{name!r} is not allowed{suggest(name, published_macro_names())}")


@cache
def load_published_macro(name: str) -> PublishedMacro:
    """Return the macro of a name.

    Raises
    ------
    ConfigError
        If there is no such macro.
    """
    check_published_macro(name)
    return load_description(PublishedMacro, FOLDER / f"{name}.toml", FOLDER, "published macro")
