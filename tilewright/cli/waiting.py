"""Shows that work goes on, and how long it may take: a bar on a terminal, else a line now and then."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tilewright.base.durations import expected, record
from tilewright.base.notices import notices_to
from tilewright.base.text import printable
from tilewright.cli.output import console

FIRST_SECONDS, NEXT_SECONDS = 5.0, 60.0
"""Time without a line after which there is one where output is no terminal: the first one, and each one after it."""


@contextmanager
def progress(text: str, total: int = 1) -> Iterator[Callable[[str], None]]:
    """Show work of ``total`` parts; yields a function to call with the name of each finished part.

    The estimate is the duration of the last time; that of several parts follows from those that are done.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    terminal, begin = console(stderr=True), time.monotonic()
    past, parts, what = expected(text), 0, text

    class Estimate(ProgressColumn):
        def render(self, task: object) -> Text:
            return Text(estimate())

    def estimate() -> str:
        whole = (time.monotonic() - begin) * total / parts if 0 < parts < total else past
        return f"of about {_duration(whole)}" if whole else ""

    def say(line: str) -> None:
        with suppress(OSError):
            terminal.print(printable(f"tilewright: {line}"))

    columns = [TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), Estimate()]
    if total > 1:
        columns.insert(2, MofNCompleteColumn())
    ended = threading.Event()
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal, transient=total == 1) as bar:
        # A single part fills the bar as its time goes by.
        task = bar.add_task(printable(text), total=total if total > 1 else past)

        def done(name: str) -> None:
            nonlocal parts, what
            parts += 1
            what = f"{text}: {name}"
            bar.update(task, completed=parts, description=printable(what))
            if not terminal.is_terminal:
                say(f"{what} ({parts} of {total})")

        def told(line: str) -> None:
            bar.update(task, description=printable(f"{text}: {line}"))
            if not terminal.is_terminal:
                say(line)

        def watch() -> None:
            wait = FIRST_SECONDS
            while not ended.wait(0.5 if terminal.is_terminal else wait):
                spent, wait = time.monotonic() - begin, NEXT_SECONDS
                if terminal.is_terminal and total == 1 and past:
                    bar.update(task, completed=min(spent, past))
                elif not terminal.is_terminal:
                    of_parts = f", {parts} of {total} done" if total > 1 else ""
                    say(" ".join(f"{text}: {_duration(spent)} {estimate()}".split()) + of_parts)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            with notices_to(told):
                yield done
        finally:
            ended.set()
            watcher.join(1)
    record(text, time.monotonic() - begin)


@contextmanager
def status(text: str) -> Iterator[None]:
    """Show work of one part."""
    with progress(text):
        yield


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
