"""Options and builder of the block ``npe``, one option for each field of its configuration."""

from tilewright.api.blocks import Option
from tilewright.api.config_options import configuration, field_options
from tilewright.hw.generate import Design
from tilewright.hw.npe.design import npe
from tilewright.sim.config.npe import NpeConfig


def options() -> tuple[Option, ...]:
    """Return one option for each field of the configuration, with its meaning as help."""
    return tuple(field_options(NpeConfig, text=("modes",)))


def build(**fields: int | str | None) -> Design:
    """Return the NPE whose configuration has the fields given.

    Raises
    ------
    ConfigError
        If it is not a configuration.
    """
    return npe(configuration(NpeConfig, fields))
