"""The case of a table in this folder: a command with bad input, and the texts that its one line must contain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """A command with bad input, which must be refused in one line.

    The command runs in an empty folder in which ``files`` were written.
    """

    name: str
    """Name of the case, unique in its table."""
    arguments: tuple[str, ...]
    """Arguments of ``tilewright``; ``{folder}`` stands for the folder."""
    says: tuple[str, ...]
    """Texts that the line must contain: the field or the file, the value, what is allowed."""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    """Files, by their paths in the folder, and their contents."""
    prepare: Callable[[Path], object] | None = None
    """Function that gets the folder and changes it further: links, pipes, permissions."""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """Variables that are set, or unset if the value is None; ``{folder}`` stands for the folder."""
    status: int = 2
    """Exit status."""
    stdin: bytes = b""
    """Standard input."""


def case(name: str, command: str | tuple[str, ...], *says: str, **more: object) -> Case:
    """Return a case; a command without blanks in its arguments may be one text."""
    arguments = tuple(command.split()) if isinstance(command, str) else command
    return Case(name, arguments, says, **more)  # type: ignore[arg-type]
