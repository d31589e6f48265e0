"""Text of liberty files as groups in groups, read one level at a time: a library, a cell, a pin."""

import gzip
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.reading import TooLargeError, read_bytes

MAX_LIBERTY_BYTES = 256 << 20
"""Size of the largest liberty file, unpacked; those of real libraries have some ten MB."""
GZIP = b"\x1f\x8b"
"""First bytes of a file that gzip has packed."""

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_COMMENTS = rb"/\*.*?\*/|//[^\n]*+"
_TO_BRACE = re.compile(rb'(?:[^{}"/]++|%b|%b|/(?![/*]))*+[{}]' % (_STRING, _COMMENTS), re.DOTALL)
"""Text up to the next brace that is in no string and no comment."""
_COMMENT = re.compile(rb"(%b)|%b" % (_STRING, _COMMENTS), re.DOTALL)
_STATEMENT = re.compile(rb"\b([A-Za-z_]\w*+)\s*+(?:\(([^()]*)\)|:\s*(%b|[^;\n]*))" % _STRING, re.DOTALL)
_BLANK = re.compile(rb"(?:\s|%b)*+" % _COMMENTS, re.DOTALL)
_LIBRARY = re.compile(rb"library\s*\(([^()]*)\)\s*\{")


class _CutOffError(Exception):
    """The text ends before a group does."""


@dataclass(frozen=True)
class Level:
    """Statements between the braces of a group, without the insides of the groups in it."""

    attributes: Mapping[str, str]
    """Texts after the colons of simple attributes and in the parentheses of complex ones, without quotation marks."""
    groups: tuple["Group", ...]

    def number(self, name: str) -> float | None:
        """Return the value of an attribute; nothing if it is absent or no finite number."""
        try:
            value = float(self.attributes[name])
        except (KeyError, ValueError):
            return None
        return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Group:
    """A group of a liberty file: ``kind (name) { body }``."""

    kind: str
    parameter: bytes = field(repr=False)
    """Text in the parentheses."""
    body: bytes = field(repr=False)

    @property
    def name(self) -> str:
        return _plain(self.parameter)

    @cached_property
    def level(self) -> Level:
        """Attributes and groups of the body, read when they are asked for."""
        return _read_level(self.body + b"}", 0)[0]

    @property
    def text(self) -> bytes:
        """The group as a file contains it."""
        return b"  %b (%b) {%b}\n" % (self.kind.encode(), self.parameter, self.body)


@dataclass(frozen=True)
class LibertyFile:
    """A liberty file that is complete."""

    path: Path
    name: str
    """Name of the library."""
    level: Level
    text: bytes = field(repr=False)
    """Content of the file after unpacking."""
    end: int
    """Offset of the brace that ends the library."""


def read_liberty(path: Path) -> LibertyFile:
    """Return a liberty file, plain or packed by gzip. Reading takes about 20 ms a megabyte.

    Raises
    ------
    ConfigError
        If it cannot be read, is damaged or too large, does not start a library, or ends before the library does.
    """
    try:
        text = read_bytes(path, MAX_LIBERTY_BYTES)
        if text.startswith(GZIP):
            text = _unpacked(path, text)
    except ConfigError as error:
        raise ConfigError(f"liberty file {error}") from error
    start = _LIBRARY.match(text, _after_comments(text, 0))
    if not start:
        raise ConfigError(f"{path}: not a liberty file: it must start with 'library (name) {{'")
    name = _plain(start.group(1))
    try:
        level, end = _read_level(text, start.end())
    except _CutOffError:
        line = text.count(b"\n", 0, start.end()) + 1
        raise ConfigError(f"{path}: is cut off: 'library ({name}) {{' of line {line} is not closed") from None
    after = _after_comments(text, end + 1)
    if text[after:].strip(b" \t\r\n;"):
        line = text.count(b"\n", 0, after) + 1
        raise ConfigError(f"{path}:{line}: text after the end of library '{name}' is not allowed: one library a file")
    return LibertyFile(path, name, level, text, end)


def _unpacked(path: Path, packed: bytes) -> bytes:
    try:
        text = gzip.GzipFile(fileobj=BytesIO(packed)).read(MAX_LIBERTY_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be unpacked: {error}") from error
    if len(text) > MAX_LIBERTY_BYTES:
        raise TooLargeError(path, len(text), MAX_LIBERTY_BYTES)
    return text


def _after_comments(text: bytes, at: int) -> int:
    """Return the offset of the first character from ``at`` on that is neither blank nor in a comment."""
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _read_level(text: bytes, at: int) -> tuple[Level, int]:
    """Return the level of a group whose body starts at an offset, and the offset of the brace that ends it."""
    attributes: dict[str, str] = {}
    groups: list[Group] = []
    depth = 0
    # Offsets of the text since the last group, and of the body of the group that follows this text.
    begin = body = at
    while found := _TO_BRACE.match(text, at):
        at = found.end()
        if text[at - 1 : at] == b"{":
            depth += 1
            if depth == 1:
                body = at
            continue
        depth -= 1
        if depth == 0:
            *before, (kind, parameter) = _statements(text[begin : body - 1]) or [("", b"")]
            attributes.update((name, _plain(value)) for name, value in before)
            groups.append(Group(kind, parameter, text[body : at - 1]))
            begin = at
        elif depth < 0:
            attributes.update((name, _plain(value)) for name, value in _statements(text[begin : at - 1]))
            return Level(attributes, tuple(groups)), at - 1
    raise _CutOffError


def _statements(text: bytes) -> list[tuple[str, bytes]]:
    """Return the names and values of statements that contain no group; the last one may be the head of a group."""
    found = _STATEMENT.findall(_COMMENT.sub(rb"\1 ", text))
    return [(name.decode(), inside or value) for name, inside, value in found]


def _plain(value: bytes) -> str:
    return value.replace(b"\\\n", b" ").replace(b'"', b"").strip().decode(errors="replace")
