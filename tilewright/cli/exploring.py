"""Shows how far an exploration is: a bar on a terminal, else a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tilewright.base.text import printable
from tilewright.cli.output import console
from tilewright.cli.waiting import FIRST_SECONDS, NEXT_SECONDS

if TYPE_CHECKING:
    from tilewright.mapping.explore.explore import ExplorationProgress


@contextmanager
def exploring(name: str) -> "Iterator[Callable[[ExplorationProgress], None]]":
    """Yield a function that shows the progress of an exploration."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    terminal = console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    next_line = time.monotonic() + FIRST_SECONDS
    with Bars(*columns, console=terminal, disable=not terminal.is_terminal, transient=True) as bars:
        task = bars.add_task(printable(name), total=None)

        def watch(progress: "ExplorationProgress") -> None:
            nonlocal next_line
            line = printable(f"{name}: {_line(progress)}")
            bars.update(task, description=line, completed=progress.done, total=progress.total)
            if not terminal.is_terminal and time.monotonic() >= next_line:
                next_line = time.monotonic() + NEXT_SECONDS
                with suppress(OSError):
                    terminal.print(f"tilewright: {line}")

        yield watch


def _line(progress: "ExplorationProgress") -> str:
    left = (progress.total - progress.done) / progress.per_second if progress.per_second else 0.0
    rate = f"{progress.per_second:,.0f}" if progress.per_second >= 10 else f"{progress.per_second:.1f}"
    return (
        f"{progress.done:,} of {progress.total:,} {progress.what}, {rate} a second, about {left:,.0f} s left, "
        f"{progress.front:,} on the front"
    )
