"""Changes of a description: fields by their dotted paths, checked together, with sources that say what was changed."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tilewright.base.errors import ConfigError, first_problem, suggest

from .problems import field_problem, model_at
from .sources import covers, find_source, leaves

M = TypeVar("M", bound=BaseModel)
Path = tuple[str, ...]
SOURCES = "sources"
WITHOUT_SOURCE = ("name", "description")
"""Fields of a description that no source belongs to."""


def changed(
    description: M,
    changes: Mapping[str, object],
    *,
    where: Callable[[Path], str] = lambda path: "",
    folder: FilePath | None = None,
) -> M:
    """Return a copy of a description in which some fields have other values; ``Frozen.with_`` documents it.

    Parameters
    ----------
    where : callable
        Returns the beginning of a message about a field: its place in a file, and a colon.
    folder : Path, optional
        Folder of the files that changes name.

    Raises
    ------
    ConfigError
        If there is no such field, or the result is not a valid description.
    """
    model = type(description)
    values = dict(_flat(model, changes))
    for path in values:
        if problem := unknown_field(model, path):
            raise ConfigError(f"{where(path)}{problem}")
    # A part that is replaced as a whole comes before changes of its fields.
    parts = {path: value for path, value in values.items() if any(_below(path, other) for other in values)}
    if parts:
        fields = {path: value for path, value in values.items() if path not in parts}
        one = changed(description, _dotted(parts), where=where, folder=folder)
        return changed(one, _dotted(fields), where=where, folder=folder)
    try:
        new = model.model_validate(_applied(description, values), context=folder)
    except ValidationError as error:
        location, problem = first_problem(error)
        absent = ".".join(map(str, location[:-1]))
        if problem == "missing" and absent:
            text = f"'{absent}' is absent, so it is given as a whole: {absent}.{location[-1]} is missing"
            raise ConfigError(f"{where(tuple(map(str, location)))}{text}") from error
        keys, text = field_problem(location, problem, model)
        raise ConfigError(f"{where(keys)}{text}") from error
    return _told(description, new, values)


def _flat(model: type[BaseModel], changes: Mapping[str, object], before: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield the path and the value of each change; mappings for parts become changes of their fields."""
    for key, value in changes.items():
        path = (*before, *key.split("."))
        if isinstance(value, Mapping) and model_at(model, list(path)):
            yield from _flat(model, value, path)
        else:
            yield path, value


def _dotted(values: Mapping[Path, object]) -> dict[str, object]:
    return {".".join(path): value for path, value in values.items()}


def _below(path: Path, other: Path) -> bool:
    return len(other) > len(path) and other[: len(path)] == path


def unknown_field(model: type[BaseModel], path: Path) -> str | None:
    """Return one line about the path of a field that does not exist, None if it exists."""
    for length, key in enumerate(path):
        part = model_at(model, list(path[:length]))
        if part is None:
            return f"unknown field '{'.'.join(path)}': '{'.'.join(path[:length])}' has no fields"
        if key not in part.model_fields:
            return f"unknown field '{'.'.join(path)}'{suggest(key, part.model_fields)}"
    return None


def _applied(description: BaseModel, values: Mapping[Path, object]) -> dict:
    """Return the values of a description with changes in them, before any check."""
    data = description.model_dump()
    if SOURCES in data:
        data[SOURCES] = {}  # a part that is left out has none; see _told
    for path, value in values.items():
        part = data
        for key in path[:-1]:
            # An optional part that was absent, or a number in place of a table.
            part[key] = part[key] if isinstance(part[key], dict) else {}
            part = part[key]
        part[path[-1]] = value
    return data


def _told(old: M, new: M, values: Mapping[Path, object]) -> M:
    """Return the new description with names and sources that say what was changed, in its parts, too."""
    updates: dict[str, object] = {}
    for name in type(new).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        within = {path[1:]: value for path, value in values.items() if path[0] == name and len(path) > 1}
        if within and isinstance(before, BaseModel) and isinstance(after, BaseModel):
            updates[name] = _told(before, after, within)
    if SOURCES in type(new).model_fields:
        updates[SOURCES] = _sources(old, new, values)
    if "name" in type(new).model_fields and ("name",) not in values and _differences(old, new):
        updates["name"] = _name(old, values)
    return new.model_copy(update=updates)


def _differences(old: BaseModel, new: BaseModel) -> dict[str, object]:
    """Return the old values of the numbers that differ, None for those that were absent, by dotted path."""
    before = dict(leaves(old))
    return {
        path: before.get(path)
        for path, value in leaves(new)
        if path not in WITHOUT_SOURCE and (path not in before or before[path] != value)
    }


def _sources(old: BaseModel, new: BaseModel, values: Mapping[Path, object]) -> dict[str, str]:
    """Return the sources of a changed description: of the numbers that differ, and of those that are as before."""
    sources: dict[str, str] = getattr(old, SOURCES)
    own = {name for name in type(new).model_fields if hasattr(getattr(new, name), SOURCES)}
    found = {}
    for path, value in _differences(old, new).items():
        if path.partition(".")[0] in own:
            continue  # a part with sources of its own
        source = find_source(sources, path)
        was = "added" if value is None else f"changed from {value}"
        found[path] = f"{was} ({source})" if source and value is not None else was
    paths = [path for path, _ in leaves(new)]
    found |= {key: text for key, text in sources.items() if key not in found and any(covers(key, p) for p in paths)}
    stated: dict[str, str] = getattr(new, SOURCES) if (SOURCES,) in values else {}
    return {key: text for key, text in found.items() if not any(covers(other, key) for other in stated)} | stated


def _name(old: BaseModel, values: Mapping[Path, object]) -> str:
    """Return the name of a changed description, which lists the changes."""
    listed = []
    for path, value in values.items():
        if path[-1] in (*WITHOUT_SOURCE, SOURCES):
            continue
        shown = getattr(value, "name", None) if isinstance(value, BaseModel) else value
        listed.append(".".join(path) if shown is None and value is not None else f"{'.'.join(path)}={shown}")
    name: str = getattr(old, "name")  # noqa: B009 - not every description has one
    return f"{name}{', ' if ' with ' in name else ' with '}{', '.join(listed)}"
