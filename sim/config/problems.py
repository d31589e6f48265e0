"""Sentences about bad fields of a description, with the dotted path of the field."""

import re
from typing import get_args

from pydantic import BaseModel

from tilewright.base.errors import suggest


def field_problem(location: tuple[str | int, ...], problem: str, model: type[BaseModel]) -> tuple[tuple[str, ...], str]:
    """Return the path of a bad field and one line about it: its dotted path, what is wrong, and what is allowed.

    ``location`` and ``problem`` are those of :func:`tilewright.base.errors.first_problem`.
    """
    keys = [str(part) for part in location]
    field = ".".join(keys)
    if problem == "unknown key" and (parent := model_at(model, keys[:-1])):
        problem = f"unknown key '{field}'{suggest(keys[-1], parent.model_fields)}"
    elif problem == "missing":
        problem = f"'{field}' is missing"
    elif named := re.match(r"([\w.]+) = ", problem):
        # A check over several fields names the one that it refuses, from where it stands.
        if keys[-1:] == [named[1]]:  # it is that field's own check
            keys.pop()
        keys += named[1].split(".")
        problem = ".".join(keys) + problem.removeprefix(named[1])
    elif keys:
        problem = f"{field} = {problem}"
    return tuple(keys), problem


def model_at(model: type[BaseModel], keys: list[str]) -> type[BaseModel] | None:
    """Return the description at the end of a path of keys, None if the path leads elsewhere."""
    for key in keys:
        field = model.model_fields.get(key)
        if field is None:
            return None
        # Of an optional part there are two kinds, of which one is None.
        kinds = get_args(field.annotation) or (field.annotation,)
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            return None
        [model] = models
    return model
