"""Results that are kept between runs: a folder, its locks, and results found by the hash of everything on which they
depend."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.files import write_text


def cache_folder() -> Path:
    """Return the folder of all that is kept: ``TILEWRIGHT_CACHE``, or one in the user's cache folder."""
    if folder := os.environ.get("TILEWRIGHT_CACHE"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tilewright"


def content_hash(inputs: list) -> str:
    """Return a name for all that a result depends on."""
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:24]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, made with its folder if necessary, against other processes.

    Raises
    ------
    ConfigError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise ConfigError(
            f"cache folder {path.parent} cannot be written ({error.strerror}): name another in TILEWRIGHT_CACHE"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remember(kind: str) -> Callable[[list[str], Callable[[], dict]], dict]:
    """Return a function of (what a result depends on, how it is made) that makes it once.

    Results are JSON files in the folder ``kind``. Two processes that want the same result make it once; one that is
    interrupted or fails leaves nothing.

    Raises
    ------
    ConfigError
        If the folder cannot be written; the returned function raises it.
    """

    def kept(inputs: list[str], make: Callable[[], dict]) -> dict:
        file = cache_folder() / kind / f"{content_hash(inputs)}.json"
        with suppress(OSError, ValueError):
            return json.loads(file.read_text())
        with locked(file.with_suffix(".lock")):
            with suppress(OSError, ValueError):
                return json.loads(file.read_text())  # another process was first
            result = make()
            write_text(file, json.dumps(result))
        return result

    return kept
