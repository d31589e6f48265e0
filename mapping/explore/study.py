"""A study: what an exploration has found so far, in an SQLite file that survives whatever ends the process.

Each finished run is written before the next one is taken, and each part of the search that is done. A study belongs to
one space, one seed and one version of Tilewright, and one process at a time uses it.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError

APPLICATION = 0x74776578
"""Number in the header of the file that says that it is a study."""
SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (design INTEGER, run INTEGER, variant TEXT, outcome TEXT NOT NULL,
                   PRIMARY KEY (design, run, variant)) WITHOUT ROWID;
CREATE TABLE search (key TEXT PRIMARY KEY, position INTEGER, legal INTEGER, cpu_seconds REAL, numbers BLOB, sums BLOB)
                    WITHOUT ROWID;
"""

Key = tuple[int, int, str]
"""Number of a design, index of a run of the space, and name of a variant of the design: empty for the design itself."""


class Study:
    """The outcomes of runs, and how far the search has come.

    Parameters
    ----------
    path : Path, optional
        File, made if there is none; the study is in memory, and goes with the process, without a path.
    identity : mapping
        What the study must be of, by names for people.

    Raises
    ------
    ConfigError
        If the file cannot be used: it is no study, damaged, of something else, or in use. It stays as it is.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, str]):
        self._path = path
        with self._in_words():
            if path is not None:
                if not path.exists():
                    self._make(path, identity)
                self._check_header(path)
            # Each statement is a transaction, and no other process is waited for.
            self._file = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0)
            try:
                if path is None:
                    _fill(self._file, identity)
                else:
                    self._check(path, identity)
            except BaseException:
                self._file.close()
                raise

    @staticmethod
    def _make(path: Path, identity: Mapping[str, str]) -> None:
        """Make an empty study, which is whole or not there."""
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            file = sqlite3.connect(part, isolation_level=None)
            _fill(file, identity)
            file.close()
            part.rename(path)
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"{path}: the study cannot be written: {reason}") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    @staticmethod
    def _check_header(path: Path) -> None:
        """Refuse a file that is no study before SQLite touches it."""
        if not path.is_file():
            raise ConfigError(f"{path}: is no study: it must be a regular file")
        try:
            with path.open("rb") as file:
                header = file.read(72)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        if not header.startswith(b"SQLite format 3\0") or int.from_bytes(header[68:72], "big") != APPLICATION:
            raise ConfigError(f"{path}: is no study of `tilewright explore`: name another file, which may be a new one")

    def _check(self, path: Path, identity: Mapping[str, str]) -> None:
        """Refuse a study that is in use, damaged or of something else."""
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._file.execute("BEGIN IMMEDIATE")
        [(problem,)] = self._file.execute("PRAGMA quick_check(1)").fetchall()
        if problem != "ok":
            raise sqlite3.DatabaseError(f"malformed: {str(problem).splitlines()[-1]}")
        kept = dict(self._file.execute("SELECT key, value FROM about"))
        self._file.execute("ROLLBACK")
        for key, value in identity.items():
            if kept.get(key) != value:
                raise ConfigError(
                    f"{path}: is a study of another {key}, {kept.get(key)} and not {value}: name another file, which "
                    "may be a new one"
                )
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def outcomes(self) -> dict[Key, dict[str, Any]]:
        """Return the outcomes of all runs."""
        with self._in_words():
            rows = self._file.execute("SELECT design, run, variant, outcome FROM runs").fetchall()
            return {(design, run, variant): json.loads(outcome) for design, run, variant, outcome in rows}

    def add(self, key: Key, outcome: dict[str, Any]) -> None:
        """Keep the outcome of a run."""
        with self._in_words():
            self._file.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", (*key, json.dumps(outcome)))

    def position(self, key: str) -> tuple[int, int, float, np.ndarray, np.ndarray] | None:
        """Return how far a search has come, as :meth:`reached` got it; None if it was not begun."""
        with self._in_words():
            row = self._file.execute(
                "SELECT position, legal, cpu_seconds, numbers, sums FROM search WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        position, legal, seconds, numbers, sums = row
        return position, legal, seconds, np.frombuffer(numbers, np.int64), np.frombuffer(sums).reshape(4, -1)

    def search_seconds(self) -> float:
        """Return the CPU-seconds of all searches, those that were repeated included."""
        with self._in_words():
            [(seconds,)] = self._file.execute("SELECT TOTAL(cpu_seconds) FROM search").fetchall()
        return float(seconds)

    def reached(
        self, key: str, position: int, legal: int, cpu_seconds: float, numbers: np.ndarray, sums: np.ndarray
    ) -> None:
        """Keep how far a search has come, with the designs that may be on the front and their sums."""
        with self._in_words():
            self._file.execute(
                "INSERT OR REPLACE INTO search VALUES (?, ?, ?, ?, ?, ?)",
                (key, position, legal, cpu_seconds, numbers.astype(np.int64).tobytes(), sums.astype(float).tobytes()),
            )

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            said = str(error)
            if "locked" in said:
                said = "another process uses it"
            elif "malformed" in said or "not a database" in said:
                said = f"it is damaged ({said})"
            raise ConfigError(f"{self._path}: the study cannot be used: {said}") from error
        except (ValueError, TypeError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"{self._path}: the study cannot be used: it is damaged ({error})") from error


def _fill(file: sqlite3.Connection, identity: Mapping[str, str]) -> None:
    """Make the tables of an empty study."""
    file.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";")[:-1]:
        file.execute(statement)
    file.executemany("INSERT INTO about VALUES (?, ?)", identity.items())
    file.execute(f"PRAGMA application_id = {APPLICATION}")
    file.execute("COMMIT")
