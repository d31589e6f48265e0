"""Errors of the public interface, in which fields are named, in terms of the command line's options."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tilewright.base.errors import ConfigError


@contextmanager
def named_as_options(names: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Raise errors whose message begins with one of some names with ``--`` before it, and dashes in it."""
    try:
        yield
    except ConfigError as error:
        name = re.match(r"\w+(?=[ :])", str(error))
        if name is None or name[0] not in names():
            raise
        raise ConfigError(f"--{name[0].replace('_', '-')}{str(error).removeprefix(name[0])}") from error
