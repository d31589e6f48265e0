"""Options that take names with commas between them."""

from collections.abc import Callable

import click

from tilewright.base.errors import ConfigError, suggest


def names_option(kind: str, allowed: Callable[[], tuple[str, ...]]) -> Callable[..., tuple[str, ...]]:
    """Return a callback that splits a list at its commas; each must be one of those allowed."""

    def split(_: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(",")) if text is not None else ()
        for name in names:
            if name not in allowed():
                raise ConfigError(f"{option.opts[0]}: unknown {kind} '{name}'{suggest(name, allowed())}")
        return tuple(dict.fromkeys(names))

    return split
