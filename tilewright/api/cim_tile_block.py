"""Options and builder of the block ``cim-tile``, one option for each field of its configuration."""

from collections.abc import Mapping

from tilewright.api.blocks import Option
from tilewright.api.config_options import configuration, field_options
from tilewright.hw.generate import Design, cim_tile
from tilewright.sim.config import MacroConfig, System, TileConfig

OR_SYSTEM = "give it, or a system to start from"
"""Advice for a field that is missing."""


def options() -> tuple[Option, ...]:
    """Return one option for each field of the configuration, with its meaning as help, and ``--system``."""
    system = Option(
        name="system", kind="system", about="Preset or TOML file of the system to start from; options override it."
    )
    return (system, *field_options(MacroConfig), *field_options(TileConfig))


def fields_of(system: System | None, given: Mapping[str, int | str | None]) -> dict:
    """Return the configuration of a system's tile, or of none, in which the values given replace its own."""
    fields: dict = system.cim_array.tile.model_dump() if system else {"macro": {}}
    for name, value in given.items():
        if value is not None:
            (fields if name in TileConfig.model_fields else fields["macro"])[name] = value
    return fields


def build(system: System | None = None, **fields: int | str | None) -> Design:
    """Return the tile of a system's configuration in which the values given replace its own.

    Raises
    ------
    ConfigError
        If it is not a configuration.
    """
    return cim_tile(configuration(TileConfig, fields_of(system, fields), OR_SYSTEM))
