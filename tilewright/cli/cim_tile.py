"""Options and builder of the block ``cim-tile``: those of its configuration."""

import typing

from pydantic import BaseModel, ValidationError

from tilewright.cli.blocks import Option
from tilewright.hw.generate import Design, cim_tile
from tilewright.sim.config import ConfigError, MacroConfig, TileConfig, load_system
from tilewright.sim.config.errors import first_problem


def options() -> tuple[Option, ...]:
    """Return one option for each number of the configuration, with its meaning as help, and ``--system``."""
    system = Option(name="system", kind="text", about="Preset or TOML file to start from; options override it.")
    return (system, *_numbers(MacroConfig), *_numbers(TileConfig))


def _numbers(model: type[BaseModel]) -> list[Option]:
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        choices = typing.get_args(field.annotation)
        allowed = f" One of {', '.join(map(str, choices))}." if choices else ""
        # A default of its own would override the system's.
        default = "" if field.is_required() else f" [default: {field.default}]"
        about = f"{(field.description or '').rstrip('.')}.{allowed}{default}"
        found.append(Option(name=name.replace("_", "-"), about=about))
    return found


def build(system: str | None = None, **numbers: int | None) -> Design:
    """Return the tile of a system's configuration in which the numbers given replace its own.

    Raises
    ------
    ConfigError
        If it is not a configuration.
    """
    fields: dict = load_system(system).cim.tile.model_dump() if system else {"macro": {}}
    for name, value in numbers.items():
        if value is not None:
            (fields if name in TileConfig.model_fields else fields["macro"])[name] = value
    try:
        config = TileConfig.model_validate(fields)
    except ValidationError as error:
        location, problem = first_problem(error)
        field = str(location[-1]) if location else problem.split(" = ")[0]
        option = "--" + field.replace("_", "-")
        if problem == "missing":
            raise ConfigError(f"{option} is missing: give it, or a --system to start from") from error
        problem = problem if not location or problem.startswith(field) else f"{field} = {problem}"
        raise ConfigError(problem.replace(field, option, 1)) from error
    return cim_tile(config)
