"""Rules that place products of a model on the CIM array or on the NPE."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tilewright.base.errors import ConfigError, suggest
from tilewright.sim.formats.simd import ALL_MODES, Mode

ENGINES: dict[str, Literal["cim", "npe"]] = {"cim": "cim", "npe": "npe"}
"""Engines by the names that rules have for them."""


@dataclass(frozen=True)
class EngineRule:
    """Engine of the products whose names match a pattern."""

    pattern: str
    """Pattern of an operator's name, with or without its layer, or of its row in reports, such as ``mlp.*`` or
    ``attention``; * stands for any text."""
    engine: Literal["cim", "npe"]
    mode: Mode | None = None
    """Format of products on the NPE; None stands for INT8 or, if the NPE lacks it, for its first format."""

    def __str__(self) -> str:
        return f"{self.pattern}={self.engine}{f':{self.mode.label}' if self.mode is not None else ''}"


def parse_rule(text: str) -> EngineRule:
    """Return the rule of a text: ``npe``, ``npe:bf16``, ``mlp.*=cim`` or ``mlp.*=npe:fp4_e2m1``.

    Raises
    ------
    ConfigError
        If there is no such engine or format, or the array is given a format.
    """
    pattern, _, value = text.rpartition("=")
    return _rule(pattern or "*", value, f"engine = {text!r}")


def rules_of(table: Mapping[str, str]) -> tuple[EngineRule, ...]:
    """Return the rules of a table of engines by patterns, in its order.

    Raises
    ------
    ConfigError
        If there is no such engine or format, or the array is given a format.
    """
    return tuple(_rule(pattern, value, f"'{pattern}={value}'") for pattern, value in table.items())


def _rule(pattern: str, value: str, where: str) -> EngineRule:
    """Return the rule of a pattern and of an engine with a format, such as ``npe:bf16``; ``where`` begins errors."""
    name, colon, form = value.partition(":")
    if name not in ENGINES:
        raise ConfigError(f"{where} is not allowed: {name!r} is no engine{suggest(name, ENGINES)}")
    if not colon:
        return EngineRule(pattern, ENGINES[name])
    if name == "cim":
        raise ConfigError(f"{where} is not allowed: the format of the CIM array is that of its macros")
    labels = {mode.label: mode for mode in ALL_MODES}
    if form not in labels:
        raise ConfigError(f"{where} is not allowed: {form!r} is no format of the NPE{suggest(form, labels)}")
    return EngineRule(pattern, ENGINES[name], labels[form])
