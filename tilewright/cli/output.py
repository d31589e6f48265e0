"""Output of commands: JSON, tables and files."""

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console


def _alone(context: click.Context, option: click.Parameter, value: bool) -> bool:
    """Refuse two options that each print something and nothing else."""
    if value and any(context.params.get(other) for other in ("as_json", "as_csv", "markdown")):
        raise ConfigError(f"{option.opts[0]} is not allowed with another form of output: --json, --csv or --markdown")
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_alone, help="Print the result as JSON and nothing else."
)
csv_option = click.option(
    "--csv", "as_csv", is_flag=True, callback=_alone, help="Print the rows of the table as CSV and nothing else."
)
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


def print_json(data: object, files: Sequence[Path] = ()) -> None:
    """Print JSON on standard output, an object with the names of files that were written, if there are any."""
    click.echo(json.dumps(with_files(data, files) if isinstance(data, dict) else data, indent=2))


def with_files(data: dict, files: Sequence[Path]) -> dict:
    """Return an object for JSON with the names of files that were written, if there are any."""
    return {**data, "files": [str(file) for file in files]} if files else data


def print_csv(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows as CSV on standard output, with a column for each key of any row.

    A key inside of a mapping follows the mapping's, after a dot; parts of a list have semicolons between them.
    """
    flat = [dict(_cells(row)) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    click.echo(text.getvalue(), nl=False)


def _cells(row: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", ";".join(map(str, value)) if isinstance(value, list | tuple) else value


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


tables_option = click.option(
    "--tables",
    type=click.Choice(["logic", "memory"]),
    default="logic",
    show_default=True,
    help="Form of function tables, such as GELU's: logic, which each flow keeps, or memories with initial contents, "
    "which flows for ASICs ignore. Bits and cycles are equal.",
)
"""Option of commands that write Verilog."""
