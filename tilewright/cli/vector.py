"""Options and builder of the block ``vector-unit``: those of its configuration."""

from pydantic import ValidationError

from tilewright.cli.blocks import Option
from tilewright.cli.config_options import field_options, refused
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
    try:
        config = VectorConfig.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise refused(error) from error
    return vector_unit(config)
