"""The option ``--set KEY=VALUE`` of commands that take a system or a host."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from tilewright.base.errors import ConfigError
from tilewright.base.reading import toml_value
from tilewright.base.text import shortened

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tilewright.sim.config import HostConfig, System


F = TypeVar("F", bound=Callable[..., Any])


def set_option(what: str, example: str) -> Callable[[F], F]:
    """Return the option, for a field of a ``what``, a kind of description of `tilewright schema`."""
    return click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="KEY=VALUE",
        help=f"Field of the {what} and its value, such as {example}; can be given several times.",
    )


def read_changes(model: "type[BaseModel]", texts: Sequence[str]) -> dict[str, object]:
    """Return changes for ``with_`` from texts ``KEY=VALUE``; a value is one of TOML, or else text.

    ``none`` removes an optional part.

    Raises
    ------
    ConfigError
        If a text is none, or a key comes twice.
    """
    changes: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigError(f"--set {text} is not allowed: it must be KEY=VALUE, such as cim.tiles=8")
        if key in changes:
            raise ConfigError(f"--set {text} is not allowed: {key} is set twice")
        value = value.strip()
        absent = value == "none" and _is_optional(model, key)
        changes[key] = None if absent else toml_value(value, f"--set {shortened(key)}")
    return changes


def changed_system(name: str, texts: Sequence[str]) -> "System":
    """Return the system of a preset's name or a TOML file, with the changes of ``--set``.

    Raises
    ------
    ConfigError
        If there is no such system or field, or the result is not valid.
    """
    from tilewright.sim.config import System, load_system

    return load_system(name).with_(read_changes(System, texts))


def changed_host(name: str, texts: Sequence[str]) -> "HostConfig":
    """Return the host of a preset's name or a TOML file, with the changes of ``--set``.

    Raises
    ------
    ConfigError
        If there is no such host or field, or the result is not valid.
    """
    from tilewright.sim.config import HostConfig, load_host

    return load_host(name).with_(read_changes(HostConfig, texts))


def _is_optional(model: "type[BaseModel]", key: str) -> bool:
    from tilewright.sim.config.problems import model_at

    *path, name = key.split(".")
    part = model_at(model, path)
    field = part.model_fields.get(name) if part else None
    return field is not None and type(None) in get_args(field.annotation)
