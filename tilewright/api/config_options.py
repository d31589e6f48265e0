"""Options of blocks that are made from a configuration object: its fields, and its complaints in their terms."""

import re
import typing
from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from tilewright.api.blocks import Option
from tilewright.base.errors import ConfigError, first_problem

M = TypeVar("M", bound=BaseModel)


def field_options(model: type[BaseModel], *, text: tuple[str, ...] = ()) -> list[Option]:
    """Return one option for each field that is a number or a choice, or named in ``text``, with its meaning as help."""
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        choices = () if name in text else typing.get_args(field.annotation)
        allowed = f" One of {', '.join(map(str, choices))}." if choices else ""
        kind: Literal["int", "text"] = "text" if name in text or any(isinstance(c, str) for c in choices) else "int"
        # A default of its own would override the one of a system description, so it is only said.
        default = "" if field.is_required() or name in text else f" [default: {field.default}]"
        about = f"{(field.description or '').rstrip('.')}.{allowed}{default}"
        found.append(Option(name=name.replace("_", "-"), about=about, kind=kind))
    return found


def configuration(model: type[M], fields: Mapping[str, object], missing: str = "give it") -> M:
    """Return the configuration that has the fields given; those that are None are not.

    Raises
    ------
    ConfigError
        If it is not a configuration; ``missing`` is what to do about a field that is missing.
    """
    try:
        return model.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise refused(error, missing) from error


def refused(error: ValidationError, missing: str = "give it") -> ConfigError:
    """Return the error for values that are no configuration, with the field's name in front."""
    location, problem = first_problem(error)
    # A check over several fields names the one that it refuses, from where it stands.
    named = re.match(r"([\w.]+) = ", problem)
    path = named[1] if named else str(location[-1])
    name = path.split(".")[-1]
    if problem == "missing":
        return ConfigError(f"{name} is missing: {missing}")
    return ConfigError(problem.replace(path, name, 1) if named else f"{name} = {problem}")
