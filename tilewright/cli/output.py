"""Output of commands: JSON, tables and files."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.errors import ConfigError
from tilewright.base.text import printable

if TYPE_CHECKING:
    from rich.console import Console

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON and nothing else.")
out_option = click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder to write files to; the command creates it if necessary.",
)


def console(*, stderr: bool = False) -> "Console":
    """Return the terminal; a pipe is taken to be 120 columns wide. What passes by goes to standard error.

    Text is printed as it is, without markup and emoji codes, and control characters in it as escapes.
    """
    from tilewright.base.terminal import Terminal

    return Terminal(stderr=stderr, width=None if os.isatty(2 if stderr else 1) else 120)


def status(text: str) -> AbstractContextManager:
    """Return a context that shows on a terminal what is going on."""
    from rich.text import Text

    return console(stderr=True).status(Text(printable(text)))


@contextmanager
def progress(text: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show how many of ``total`` parts are done; yields a function to call with the name of each finished part.

    A bar on a terminal, else a line for each part.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    terminal = console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as bar:
        task = bar.add_task(text, total=total)

        def done(name: str) -> None:
            bar.update(task, advance=1, description=printable(f"{text}: {name}"))
            if not terminal.is_terminal:
                terminal.print(f"{text}: {name} ({int(bar.tasks[0].completed)} of {total})")

        yield done


def print_json(data: object, files: Sequence[Path] = ()) -> None:
    """Print JSON on standard output, an object with the names of files that were written, if there are any."""
    if files:
        assert isinstance(data, dict), data
        data = {**data, "files": [str(file) for file in files]}
    click.echo(json.dumps(data, indent=2))


def print_written(files: Sequence[Path]) -> None:
    """Print the names of files that were written."""
    for file in files:
        console().print(f"wrote {file}")


def make_folder(folder: Path) -> Path:
    """Return the folder, made if necessary; if the command leaves it empty, it goes when the command ends.

    Raises
    ------
    ConfigError
        If it cannot be made or written.
    """
    made = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    click.get_current_context().call_on_close(lambda: _remove_empty(made))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "it must be a folder" if isinstance(error, FileExistsError) else error.strerror
        raise ConfigError(f"--out {folder}: cannot be written: {reason}") from error
    return folder


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders as long as they are empty, the innermost first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
