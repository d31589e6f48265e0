"""Reads descriptions from TOML files and presets."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tilewright.base.errors import ConfigError, first_problem, suggest
from tilewright.base.reading import read_toml

from .problems import field_problem

PRESETS = Path(__file__).parent / "presets"


M = TypeVar("M", bound=BaseModel)


def preset_names(folder: Path) -> list[str]:
    """Return the names of the descriptions in a folder."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load_description(model: type[M], name_or_path: str | Path, folder: Path, what: str) -> M:
    """Return the description that a preset's name or a TOML file stands for; ``what`` is the kind of description, for
    messages.

    Raises
    ------
    ConfigError
        If there is no such preset or file, or its description is not valid; names the field, the value, what
        is allowed, the file and the line.
    """
    path = Path(name_or_path)
    names = preset_names(folder)
    if str(name_or_path) in names:
        path = folder / f"{name_or_path}.toml"
    elif path.suffix != ".toml":
        raise ConfigError(f"unknown {what} '{name_or_path}'{suggest(str(name_or_path), names)}, or a .toml file")
    parsed = read_toml(path)
    try:
        # Files that a description names lie beside it.
        return model.model_validate(parsed.value, context=path.parent)
    except ValidationError as error:
        keys, problem = field_problem(*first_problem(error), model)
        raise ConfigError(f"{parsed.where(keys)}: {problem}") from error
