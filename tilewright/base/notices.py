"""Tells the user what a long wait is for; the command line decides how that is shown."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Notice = Callable[[str], None]


def _print(text: str) -> None:
    print(f"tilewright: {text}", file=sys.stderr, flush=True)


_sink: list[Notice] = [_print]


def notice(text: str) -> None:
    """Tell the user what this process waits for: a line on standard error, unless the command line shows it."""
    _sink[-1](text)


@contextmanager
def notices_to(sink: Notice) -> Iterator[None]:
    """Give notices to a function."""
    _sink.append(sink)
    try:
        yield
    finally:
        _sink.remove(sink)
