"""Options and builder of the block ``vector-unit``, one option for each field of its configuration."""

from tilewright.api.blocks import Option
from tilewright.api.config_options import configuration, field_options
from tilewright.hw.generate import Design
from tilewright.hw.vector.design import vector_unit
from tilewright.sim.config.vector import VectorConfig


def options() -> tuple[Option, ...]:
    """Return one option for each field of the configuration, with its meaning as help."""
    return tuple(field_options(VectorConfig))


def build(**fields: int | None) -> Design:
    """Return the vector unit whose configuration has the fields given.

    Raises
    ------
    ConfigError
        If it is not a configuration.
    """
    return vector_unit(configuration(VectorConfig, fields))
