"""Options of commands that run a program of the accelerator, and the program that they define."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tilewright.base.errors import ConfigError
from tilewright.cli.option_errors import named_as_options
from tilewright.cli.set_option import changed_system, set_option

if TYPE_CHECKING:
    from tilewright.api.programs import Program

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--system", "system_name", help="Preset or TOML file of the system that runs the program."),
    set_option("system", "memory.latency_ns=50"),
    click.option("--memory", multiple=True, metavar="FILE[@ADDRESS]",
                 help="File with the bytes of memory from an address, or 0, on; can be given several times."),
    click.option("--memory-bytes", type=int,
                 help="Size of memory in bytes, in pages of 4 KiB. [default: 4 MiB]"),
    click.option("--address", metavar="ADDRESS",
                 help="Address of the program. [default: the last page after which all bytes are zero]"),
    click.option("--latency", type=click.IntRange(1, 65535),
                 help="Latency of memory in cycles. [default: the system's]"),
    click.option("--max-cycles", type=click.IntRange(1, 10**15),
                 help="Number of cycles that the program may take. [default: 20 million]"),
    click.option("--bandwidth",
                 help="Bandwidth of memory in bytes in each cycle: 8, 6.4 or 32/5. [default: the system's]"),
)  # fmt: skip


def program_options(command: F) -> F:
    """Add the options to a command, which hands their values to :func:`load_program`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_program(file: Path, *, system_name: str | None, changes: tuple[str, ...], **options: Any) -> "Program":
    """Return a program in memory.

    Raises
    ------
    ConfigError
        If a file cannot be read or used, or an option is not allowed.
    """
    from tilewright.api import programs

    if system_name is None:
        raise ConfigError("--system is missing: name the preset or TOML file that the program is for")
    system = changed_system(system_name, changes)
    with named_as_options(lambda: options):
        return programs.load_program(file, system, **options)
