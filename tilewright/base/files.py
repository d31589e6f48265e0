"""Reading and writing of files: errors name the file, and a file that is written is whole or not there."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from tilewright.base.errors import ConfigError


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def read_text(path: Path) -> str:
    """Return the content of a UTF-8 text file.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read: not UTF-8 text") from error


def write_file(path: Path, write: Callable[[Path], object]) -> Path:
    """Call ``write`` to fill a file under another name in the same folder, then rename it to ``path``; return ``path``.

    If ``write`` fails or the process is killed, ``path`` stays as it was.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return path


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a binary file, whole or not at all; return its path."""
    return write_file(path, lambda part: part.write_bytes(data))


def write_text(path: Path, text: str) -> Path:
    """Write a UTF-8 text file, whole or not at all; return its path."""
    return write_file(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_json(path: Path, data: object) -> Path:
    """Write a JSON file, whole or not at all; return its path."""
    return write_text(path, json.dumps(data, indent=2) + "\n")
