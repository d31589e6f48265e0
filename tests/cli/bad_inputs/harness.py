"""Runs a case and checks that the command was refused as it should be."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.cli.bad_inputs.case import Case
from tests.cli.command_line import server, without_progress
from tests.cli.server import CPU_SECONDS, MEMORY_BYTES
from tilewright.base.text import MAX_MESSAGE

PREFIX = "tilewright: error: "


@dataclass(frozen=True)
class Refusal:
    """What a command left."""

    status: int
    stdout: str
    stderr: str
    cpu_seconds: float
    bytes: int
    before: dict[str, object]
    after: dict[str, object]


def run_case(case: Case, tmp_path: Path) -> Refusal:
    """Return how the command of a case ended, and what it left in its folder."""
    folder, aside = tmp_path / "folder", tmp_path / "aside"
    folder.mkdir()
    aside.mkdir()
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if case.prepare:
        case.prepare(folder)
    (aside / "stdin").write_bytes(case.stdin)
    environment: dict[str, str] = {**os.environ, "TILEWRIGHT_CACHE": str(aside / "cache"), "HOME": str(aside / "home")}
    for name, value in case.environment.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value.replace("{folder}", str(folder))
    before = tree(folder)
    ended = server().run(
        {
            "arguments": [argument.replace("{folder}", str(folder)) for argument in case.arguments],
            "folder": str(folder),
            "environment": environment,
            "limited": True,
            **{name: str(aside / name) for name in ("stdin", "stdout", "stderr")},
        }
    )
    said = {name: (aside / name).read_text(errors="surrogateescape") for name in ("stdout", "stderr")}
    return Refusal(**ended, **said, before=before, after=tree(folder))


def check(case: Case, refusal: Refusal) -> None:
    """Check the exit status, the one line on standard error, and that nothing else was left."""
    assert "Traceback" not in refusal.stderr, refusal.stderr
    assert refusal.status == case.status, refusal
    assert refusal.cpu_seconds < CPU_SECONDS, refusal
    assert refusal.bytes < MEMORY_BYTES * 2, refusal
    lines = without_progress(refusal.stderr)
    assert len(lines) == 1, refusal.stderr
    [line] = lines
    assert line.startswith(PREFIX), line
    assert line.isprintable(), repr(line)
    assert len(line) <= len(PREFIX) + MAX_MESSAGE + 10, line
    assert refusal.stdout == "", refusal.stdout
    assert refusal.after == refusal.before, "something was left behind, or is gone"
    missing = [text for text in case.says if text not in line]
    assert not missing, f"{missing} not in: {line}"


def tree(folder: Path) -> dict[str, object]:
    """Return everything in a folder: files and their contents, links and where they lead, other things by their kind."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes() if path.stat().st_size < 1 << 20 else path.stat().st_size
        else:
            found[name] = path.lstat().st_mode
    return found
