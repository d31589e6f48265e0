"""Reads descriptions from TOML files and presets."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tilewright.base.errors import ConfigError, first_problem, suggest
from tilewright.base.files import read_text

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
    text = read_text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {str(error)[0].lower()}{str(error)[1:]}") from error
    try:
        # Files that a description names lie beside it.
        return model.model_validate(data, context=path.parent)
    except ValidationError as error:
        location, problem = first_problem(error)
        raise ConfigError(describe_problem(location, problem, model, path, text)) from error


def describe_problem(
    location: tuple[str | int, ...], problem: str, model: type[BaseModel], path: Path, text: str
) -> str:
    """Return one line about a bad field of a TOML file: its position, what is wrong, and what is allowed."""
    path_of_field, problem = field_problem(location, problem, model)
    line = _line_of(text, list(path_of_field))
    return f"{path}:{line}: {problem}" if line else f"{path}: {problem}"


def _line_of(text: str, keys: list[str]) -> int | None:
    """Return the line of a TOML file in which a key, or else the innermost table around it, is set."""
    table: list[str] = []
    found: tuple[int, int] | None = None  # how many keys match, line
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line):
            table = [part.strip().strip("\"'") for part in header[1].split(".")]
            path = table
        elif assignment := re.match(r"\s*([\w.\"'-]+?)\s*=", line):
            path = table + [part.strip("\"'") for part in assignment[1].split(".")]
        else:
            continue
        if path == keys[: len(path)] and (found is None or len(path) > found[0]):
            found = (len(path), number)
    return found[1] if found else None
