"""Writing of files: errors name the file, and a file that is written is whole or not there."""

import errno
import itertools
import json
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from tilewright.base.errors import ConfigError

PART = ".tilewright-{pid}-{number}.part"
"""Name of a file while it is written; the process of this number writes it."""
DESCRIPTOR = re.compile(r"/(?:dev/fd|proc/(?:self|\d+)/fd)/(\d+)|/dev/std(in|out|err)")
"""Paths that stand for a file which this process has open."""

_numbers = itertools.count()


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a binary file, whole or not at all; return its path.

    A link stays and the file to which it leads is written; a pipe or a character device gets the bytes. Permissions of
    a file that is there stay.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    try:
        mode = _mode(path)
        if mode is not None and (not stat.S_ISREG(mode) or DESCRIPTOR.fullmatch(str(path.absolute()))):
            _write_in_place(path, mode, data)
        else:
            _replace(Path(os.path.realpath(path)), mode, data)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a UTF-8 text file, whole or not at all; return its path. What is no Unicode character is escaped."""
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, data: object) -> Path:
    """Write a JSON file, whole or not at all; return its path."""
    return write_text(path, json.dumps(data, indent=2) + "\n")


def _mode(path: Path) -> int | None:
    """Return type and permissions of what a path leads to; None if there is nothing."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _write_in_place(path: Path, mode: int, data: bytes) -> None:
    """Write to what must not be replaced."""
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder, and must be a file")
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise OSError(errno.EINVAL, "it is a disk or a socket, and must be a file or a pipe")
    if match := DESCRIPTOR.fullmatch(str(path.absolute())):
        descriptor = os.dup(int(match[1]) if match[1] else ("in", "out", "err").index(match[2]))
    else:
        descriptor = _open_pipe(path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _open_pipe(path: Path) -> int:
    """Open a pipe or a character device for writing; a pipe that nobody reads is an error at once."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(error.errno, "it is a pipe that no process reads") from error
        raise
    os.set_blocking(descriptor, True)
    return descriptor


def _replace(path: Path, mode: int | None, data: bytes) -> None:
    """Write a file under another name in its folder, then rename it."""
    if mode is not None and not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    _remove_parts_of_dead_processes(path.parent)
    part = path.with_name(PART.format(pid=os.getpid(), number=next(_numbers)))
    try:
        with part.open("xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            file.write(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _remove_parts_of_dead_processes(folder: Path) -> None:
    """Remove what processes left in a folder that were killed while they wrote a file."""
    for part in folder.glob(PART.format(pid="[0-9]*", number="[0-9]*")):
        with suppress(OSError):
            try:
                os.kill(int(part.name.split("-")[1]), 0)
            except ProcessLookupError:
                part.unlink(missing_ok=True)
