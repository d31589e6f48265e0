"""Reads descriptions from TOML files and presets."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tilewright.base.errors import ConfigError, first_problem, suggest
from tilewright.base.reading import Parsed, read_toml

from .change import changed
from .problems import field_problem

PRESETS = Path(__file__).parent / "presets"
BASE = "base"
"""Key of a file that describes what is other than in another description."""


M = TypeVar("M", bound=BaseModel)


def preset_names(folder: Path) -> list[str]:
    """Return the names of the descriptions in a folder."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load_description(model: type[M], name_or_path: str | Path, folder: Path, what: str) -> M:
    """Return the description that a preset's name or a TOML file stands for; ``what`` is the kind of description, for
    messages.

    A file with the key ``base`` has the fields of another preset or file, which lies beside it, but for those that it
    states. Its numbers have the sources that :meth:`.Frozen.with_` gives them, and it has the name that this gives it
    unless it states one.

    Raises
    ------
    ConfigError
        If there is no such preset or file, or its description is not valid; names the field, the value, what
        is allowed, the file and the line.
    """
    return _load(model, name_or_path, folder, what, ())


def _load(model: type[M], name_or_path: str | Path, folder: Path, what: str, above: tuple[Path, ...]) -> M:
    """Return a description; ``above`` are the files whose base it is, directly or not."""
    path = Path(name_or_path)
    names = preset_names(folder)
    if str(name_or_path) in names:
        path = folder / f"{name_or_path}.toml"
    elif path.suffix != ".toml":
        raise ConfigError(f"unknown {what} '{name_or_path}'{suggest(str(name_or_path), names)}, or a .toml file")
    parsed = read_toml(path)
    if BASE in parsed.value:
        return _on_base(model, parsed, folder, what, (*above, path.resolve()))
    try:
        # Files that a description names lie beside it.
        return model.model_validate(parsed.value, context=path.parent)
    except ValidationError as error:
        keys, problem = field_problem(*first_problem(error), model)
        raise ConfigError(f"{parsed.where(keys)}: {problem}") from error


def _on_base(model: type[M], parsed: Parsed, folder: Path, what: str, above: tuple[Path, ...]) -> M:
    """Return the description of a file that states what is other than in its base."""
    name, where = parsed.value[BASE], parsed.where((BASE,))
    if not isinstance(name, str):
        raise ConfigError(
            f"{where}: base = {name!r} is not allowed: it must be the name of a {what} or of a .toml file"
        )
    source = parsed.path.parent / name if name.endswith(".toml") else Path(name)
    if source.suffix == ".toml" and source.resolve() in above:
        raise ConfigError(f"{where}: base = '{name}' is not allowed: the file would be its own base")
    try:
        base = _load(model, source, folder, what, above)
    except ConfigError as error:
        raise ConfigError(f"{where}: base = '{name}': {error}") from error
    changes = {key: value for key, value in parsed.value.items() if key != BASE}
    return changed(base, changes, where=lambda keys: f"{parsed.where(keys)}: ", folder=parsed.path.parent)
