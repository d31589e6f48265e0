"""Results that are kept between runs: found by the hash of everything on which they depend, and whole or made anew.

A kept folder contains a manifest with the digest of each of its files, and a kept result a digest of itself. Whatever
does not fit its digest is removed and made again. While something is made it lies beside its place under the name
``KEY.part``; ``KEY.lock`` exists while a process uses it, so that a part without a locked file is litter.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.files import write_text
from tilewright.base.notices import notice

MANIFEST = "manifest.json"
"""Name of the file with the digests of a kept folder."""
ROOM_BYTES = 64 << 20
"""Free space that making a folder needs at least; the objects of a large model need about as much."""


def cache_folder() -> Path:
    """Return the folder of all that is kept: ``TILEWRIGHT_CACHE``, or one in the user's cache folder.

    Raises
    ------
    ConfigError
        If the user has no folder.
    """
    if folder := os.environ.get("TILEWRIGHT_CACHE"):
        return Path(folder).absolute()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).absolute() / "tilewright"
    try:
        return Path.home().absolute() / ".cache" / "tilewright"
    except RuntimeError:
        raise ConfigError("no home folder found for the cache: name a folder in TILEWRIGHT_CACHE") from None


def content_hash(inputs: list) -> str:
    """Return a name for all that a result depends on."""
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:24]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, made with its folder if necessary, against other processes; it is removed afterwards.

    Raises
    ------
    ConfigError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _lock(path, wait=True)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    assert lock is not None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def _unwritable(folder: Path, error: OSError) -> ConfigError:
    reason = "it is no folder" if isinstance(error, FileExistsError) else error.strerror
    return ConfigError(f"cache folder {folder} cannot be written ({reason}): name another in TILEWRIGHT_CACHE")


def _lock(path: Path, *, wait: bool) -> int | None:
    """Return the descriptor of a locked file; None if another process holds it and ``wait`` is not set."""
    while True:
        if path.is_dir():
            shutil.rmtree(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not wait:
                    os.close(descriptor)
                    return None
                notice(f"waiting for another process that makes {path.with_suffix('')}")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), os.fstat(descriptor)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the process that held it has removed it


def keep(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder ``key`` of a kind, filled by ``make`` unless it is there and whole.

    Two processes that want the same folder make it once. One that is interrupted or fails leaves nothing that could
    be taken for a result.

    Raises
    ------
    ConfigError
        If the cache cannot be written or is full.
    """
    folder = cache_folder() / kind / key
    if is_whole(folder):
        return folder
    with locked(folder.with_suffix(".lock")):
        if is_whole(folder):
            return folder  # another process was first
        part = folder.with_suffix(".part")
        for old in (folder, part):
            remove(old)
        remove_litter(folder.parent)
        require_room(folder.parent)
        try:
            part.mkdir()
            make(part)
            write_text(part / MANIFEST, json.dumps(_digests(part)))
            part.rename(folder)
        finally:
            remove(part)
    return folder


def is_whole(folder: Path) -> bool:
    """Return whether a kept folder contains what was put into it, and nothing else."""
    try:
        return json.loads((folder / MANIFEST).read_bytes()) == _digests(folder)
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, list]:
    """Return the digest of each file and whether it can be executed."""
    files = sorted(path for path in folder.rglob("*") if path.name != MANIFEST and not path.is_dir())
    return {
        str(path.relative_to(folder)): [digest(path.read_bytes()), bool(path.stat().st_mode & 0o100)] for path in files
    }


def digest(data: bytes) -> str:
    """Return what tells damaged data from what was written."""
    return hashlib.sha256(data).hexdigest()


def remember(kind: str) -> Callable[[list[str], Callable[[], dict]], dict]:
    """Return a function of (what a result depends on, how it is made) that makes it once.

    Results are files of JSON in the folder ``kind``. Two processes that want the same result make it once; one that
    is interrupted or fails leaves nothing.

    Raises
    ------
    ConfigError
        If the folder cannot be written; the returned function raises it.
    """

    def kept(inputs: list[str], make: Callable[[], dict]) -> dict:
        file = cache_folder() / kind / f"{content_hash(inputs)}.result"
        if (result := read_result(file)) is not None:
            return result
        with locked(file.with_suffix(".lock")):
            if (result := read_result(file)) is not None:
                return result  # another process was first
            remove(file)
            made = make()
            text = json.dumps(made)
            write_text(file, json.dumps({"sha256": digest(text.encode()), "result": text}))
        return made

    return kept


def read_result(file: Path) -> dict | None:
    """Return a kept result; None if there is none that is whole."""
    try:
        kept = json.loads(file.read_bytes())
        text = kept["result"]
        return json.loads(text) if digest(text.encode()) == kept["sha256"] else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def litter(folder: Path) -> Iterator[Path]:
    """Yield what killed processes have left in a folder of the cache; each is locked until the next one."""
    for path in sorted({*folder.glob("*.part"), *folder.glob("*.lock")}):
        lock = path.with_suffix(".lock")
        was_there = lock.exists()
        descriptor = _lock(lock, wait=False)
        if descriptor is None:
            continue  # a process is at work
        try:
            yield path
        finally:
            if not was_there:
                lock.unlink(missing_ok=True)
            os.close(descriptor)


def remove_litter(folder: Path) -> None:
    """Remove what killed processes have left in a folder of the cache."""
    for path in litter(folder):
        remove(path)


def require_cache() -> None:
    """Check that the cache can be written and has room, before the work starts whose result it will keep.

    Raises
    ------
    ConfigError
        If it cannot or has not.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error
    require_room(folder)


def require_room(folder: Path, size: int = ROOM_BYTES) -> None:
    """Check that a folder of the cache has room.

    Raises
    ------
    ConfigError
        If it has less.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ConfigError(
            f"cache folder {folder}: {free >> 20} MB are free, and {size >> 20} MB are needed: make room with "
            "`tilewright cache --clear`, or name another folder in TILEWRIGHT_CACHE"
        )
