"""Reading of files: limits on size, depth and digits, and errors that name the file, the line and what is allowed.

Everything that a user names is read here, so that a folder, a pipe, a device, a file that is too large or text that is
not UTF-8 is refused in the same words everywhere.
"""

import codecs
import csv
import io
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.base.text import shortened

MIB = 1 << 20
MAX_BYTES = 64 * MIB
"""Size of the largest file of bytes, unless the reader of a kind of files says otherwise."""
MAX_TEXT_BYTES = 16 * MIB
"""Size of the largest text, JSON or CSV file."""
MAX_TOML_BYTES = MIB // 4
"""Size of the largest TOML file."""
MAX_DEPTH = 64
"""Number of levels of tables or lists in each other."""
MAX_DIGITS = 400
"""Number of digits of the longest number; no finite number that Python computes with has more."""
MAX_SAID = 60
"""Number of characters of the longest line of a file that a message repeats whole."""
MAX_STATEMENT_LINES = 1000
"""Number of lines of the longest value of a TOML file in which lines are told."""
MAX_CELL = 1 << 17
"""Number of characters of the longest cell of a CSV file."""

Keys = Sequence[str | int]
"""Keys of tables and indices of lists, from the outermost on."""

_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BYTE_ORDER_MARKS = (codecs.BOM_UTF8, *_UTF16)
"""First bytes of text that some editors write; those of UTF-8 are skipped."""


class TooLargeError(ConfigError):
    """A file that is larger than its reader allows; ``size`` is its size in bytes."""

    def __init__(self, path: Path, size: int, most: int):
        super().__init__(f"{path}: size = {size:,} bytes is not allowed: it must be at most {most:,}")
        self.size = size


def is_folder(path: Path) -> bool:
    """Return whether a path names a folder; no name is too long for this question."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def list_folder(path: Path) -> list[Path]:
    """Return the files and folders in a folder, in the order of their names.

    Raises
    ------
    ConfigError
        If it is not a folder, or cannot be read.
    """
    try:
        return sorted(path.iterdir())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """Return the content of a file of at most ``most`` bytes.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not a regular file, or is larger.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "special file")
            raise ConfigError(f"{path}: cannot be read: is a {kind}, and must be a regular file")
        # A file of /proc may wait for content that never comes.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(most + 1) if size <= most else b""
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: cannot be read: {reason}") from error
    if data is None:
        raise ConfigError(f"{path}: cannot be read: it has no content now, and may get some later")
    if (size := max(size, len(data))) > most:
        raise TooLargeError(path, size, most)
    return data


def read_text(path: Path, most: int = MAX_TEXT_BYTES) -> str:
    """Return the content of a UTF-8 text file of at most ``most`` bytes, without a byte order mark.

    Raises
    ------
    ConfigError
        If the file cannot be read, is larger, or is not UTF-8 text.
    """
    return decode_text(path, read_bytes(path, most))


def decode_text(path: Path, data: bytes) -> str:
    """Return UTF-8 text, without a byte order mark.

    Raises
    ------
    ConfigError
        If it is something else; names the file ``path`` and the line.
    """
    if data.startswith(_UTF16):
        raise ConfigError(f"{path}: cannot be read: is UTF-16 text, and must be UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: cannot be read: byte {data[error.start]:#04x} is not UTF-8 text") from error
    if "\0" in text:
        raise ConfigError(f"{path}:{_line(text, text.index(chr(0)))}: cannot be read: byte 0x00 is not allowed in text")
    return text


@dataclass(frozen=True)
class Parsed:
    """Content of a JSON or TOML file."""

    path: Path
    value: Any
    line_of: Callable[[Keys], int | None]
    """Function that returns the line of a field, or of the innermost field around it that is there."""

    def where(self, keys: Keys) -> str:
        """Return the file and the line of a field, for the beginning of a message."""
        line = self.line_of(keys)
        return f"{self.path}:{line}" if line else str(self.path)


def read_toml(path: Path) -> Parsed:
    """Return the content of a TOML file.

    Raises
    ------
    ConfigError
        If it cannot be read or is not TOML, is too large or too deep, or a number has too many digits.
    """
    text = read_text(path, MAX_TOML_BYTES)
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
        problem, line, column = found.groups() if found else (str(error), None, None)
        lines = text.splitlines()
        number = int(line) if line else len(lines)
        said = f"{shortened(lines[number - 1].strip(), MAX_SAID)!r} is " if 0 < number <= len(lines) else ""
        at = f" at column {column}" if column else " at the end of the file"
        raise ConfigError(f"{path}:{number}: {said}not TOML: {problem[0].lower()}{problem[1:]}{at}") from error
    except RecursionError as error:
        raise _too_deep(str(path)) from error
    except ValueError as error:  # of int(), on thousands of digits
        raise ConfigError(f"{path}: a number has too many digits: at most {MAX_DIGITS} are allowed") from error
    return _checked(Parsed(path, value, lambda keys: _toml_line(text, keys)))


def toml_value(text: str, where: str) -> object:
    """Return the value that a text is in TOML, or the text itself if it is none; ``where`` is its name in errors.

    Raises
    ------
    ConfigError
        If it is too deep, or a number has too many digits.
    """
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:  # of int(), on thousands of digits
        raise ConfigError(f"{where}: a number has too many digits: at most {MAX_DIGITS} are allowed") from error
    return _checked(Parsed(Path(where), found["value"], lambda _: None)).value if len(found) == 1 else text


def read_json(path: Path) -> Parsed:
    """Return the content of a JSON file.

    Raises
    ------
    ConfigError
        If it cannot be read or is not JSON, is too large or too deep, has a key twice, a number that is not finite
        (``NaN``, ``1e999``), or one with too many digits.
    """
    text = read_text(path)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_table,
            parse_constant=lambda name: _Refused(f"{name} is not allowed: it must be a finite number"),
            parse_float=_finite,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise _too_deep(str(path)) from error
    return _checked(Parsed(path, value, lambda keys: _json_line(text, keys)))


@dataclass(frozen=True)
class _Refused:
    """Stands in parsed content for a value that is not allowed, until its line is known."""

    about: str


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        table[twice] = _Refused("is there twice: each key is allowed once")
    return table


def _finite(text: str) -> float | _Refused:
    value = float(text)
    return _Refused(f"{shortened(text)} is not allowed: it must be a finite number") if math.isinf(value) else value


def _integer(text: str) -> int | _Refused:
    return int(text) if len(text) <= MAX_DIGITS else _too_long(len(text))


def _too_long(digits: int) -> _Refused:
    return _Refused(f"a number of {digits:,} digits is not allowed: at most {MAX_DIGITS}")


def _too_deep(where: str) -> ConfigError:
    return ConfigError(f"{where}: lists or tables are too deep in each other: at most {MAX_DEPTH} levels are allowed")


def _checked(parsed: Parsed) -> Parsed:
    """Return parsed content, if it is not too deep and no value in it is refused."""
    left: list[tuple[tuple[str | int, ...], Any]] = [((), parsed.value)]
    while left:
        keys, value = left.pop()
        if isinstance(value, int) and value.bit_length() > math.log2(10) * MAX_DIGITS:
            value = _too_long(int(value.bit_length() / math.log2(10)) + 1)
        if isinstance(value, _Refused):
            equals = "" if value.about.startswith("is ") else " ="
            field = f": {'.'.join(map(str, keys))}" if keys else ""
            raise ConfigError(f"{parsed.where(keys)}{field}{equals} {value.about}")
        if isinstance(value, dict | list):
            if len(keys) >= MAX_DEPTH:
                raise _too_deep(parsed.where(keys))
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            left += [((*keys, key), each) for key, each in inner]
    return parsed


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _json_line(text: str, keys: Keys) -> int | None:
    """Return the line of a field in text that is JSON; found by the parser, because a key may occur elsewhere."""
    at = _after_blanks(text, 0)
    found = None
    for key in keys:
        children = {name: (begin, value) for name, begin, value in _json_children(text, at)}
        if key not in children:
            break
        found, at = children[key]
    return None if found is None else _line(text, found)


def _json_children(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """Yield key, offset and offset of the value of each field of the table or list at an offset."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    opening, index = text[at], 0
    if opening not in "{[":
        return
    at = _after_blanks(text, at + 1)
    while text[at] not in "}]":
        key: str | int = index
        begin = value = at
        if opening == "{":
            key, value = decoder.raw_decode(text, at)
            value = _after_blanks(text, _after_blanks(text, value) + 1)
        yield key, begin, value
        at = _after_blanks(text, decoder.raw_decode(text, value)[1])
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
        index += 1


def _after_blanks(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _toml_line(text: str, keys: Keys) -> int | None:
    """Return the line of a field in text that is TOML, or of the innermost table around it that has one.

    The parser does not tell lines, so it gets the statements one at a time: each is the fewest lines that are TOML.
    """
    table: tuple[str | int, ...] = ()
    arrays: dict[tuple[str, ...], int] = {}  # arrays of tables, and the index of the last table
    found, best = None, 0
    for line, statement, data in _toml_statements(text):
        if statement.lstrip().startswith("["):
            table = _header(data, arrays)
            common = _common(table, keys)
        else:
            common = len(table)
            common = common + _depth(data, keys[common:]) if tuple(keys[:common]) == table else 0
        if common > best:
            found, best = line, common
    return found


def _toml_statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield line, text and content of each statement of a TOML file; a very long one ends the search."""
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        lines.append(line)
        statement = "".join(lines)
        try:
            data = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            if len(lines) > MAX_STATEMENT_LINES:
                return
            continue
        if data:
            yield number - len(lines) + 1, statement, data
        lines = []


def _header(data: dict[str, Any], arrays: dict[tuple[str, ...], int]) -> tuple[str | int, ...]:
    """Return the keys of the table that a header opens, with an index after each array of tables."""
    names: tuple[str, ...] = ()
    keys: tuple[str | int, ...] = ()
    inner: Any = data
    while inner:
        [(name, inner)] = inner.items()
        names += (name,)
        if isinstance(inner, list):
            arrays[names] = arrays.get(names, -1) + 1
            inner = inner[0]
        keys += (name, arrays[names]) if names in arrays else (name,)
    return keys


def _common(one: Keys, other: Keys) -> int:
    """Return the number of keys that two paths have in common."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _depth(data: Any, keys: Keys) -> int:
    """Return the number of keys, from the first on, that lead to something in parsed content."""
    for depth, key in enumerate(keys):
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(keys)


@dataclass(frozen=True)
class Row:
    """A row of a CSV file."""

    where: str
    """File and line, for the beginning of a message."""
    cells: dict[str, str]
    """Cells by the names of their columns, without blanks around them."""


def read_csv(path: Path, columns: Sequence[str], most: int = MAX_TEXT_BYTES) -> Iterator[Row]:
    """Yield the rows of a CSV file whose first line names its columns; empty lines are left out.

    Parameters
    ----------
    columns : sequence of str
        Columns that the file must have; it may have others.

    Raises
    ------
    ConfigError
        If it cannot be read, is empty, lacks a column or names one twice, or a row has another number of cells.
    """
    reader = csv.reader(io.StringIO(read_text(path, most), newline=""), strict=True)
    header: list[str] | None = None
    csv.field_size_limit(MAX_CELL)
    try:
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                if header is None:
                    break
                continue
            if header is None:
                header = _columns(path, cells, columns)
                continue
            if len(cells) != len(header):
                raise ConfigError(f"{where}: has {len(cells)} cells, and the first line has {len(header)}")
            yield Row(where, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        limit = f": a cell has more than {MAX_CELL:,} characters, the most allowed" if "limit" in str(error) else ""
        raise ConfigError(f"{path}:{reader.line_num}: not CSV{limit or f': {error}'}") from error
    if header is None:
        raise ConfigError(f"{path}: is empty; its first line must name the columns {', '.join(columns)}")


def _columns(path: Path, header: list[str], columns: Sequence[str]) -> list[str]:
    for name in columns:
        if name not in header:
            raise ConfigError(f"{path}: column '{name}' is missing")
    for name in header:
        if name and header.count(name) > 1:
            raise ConfigError(f"{path}: column '{name}' is there twice: each column is allowed once")
    return header
