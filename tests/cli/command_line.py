"""The command line as a process of its own, forked from one that has imported everything."""

import atexit
import json
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any


class Server:
    """The process from which those of the commands are forked, see :mod:`.server`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return how the process of a request ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@cache
def server() -> Server:
    """Return the server of this process."""
    started = Server()
    atexit.register(started.close)
    return started


def run(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``tilewright`` with some arguments; ``env`` is added to the environment."""
    with tempfile.TemporaryDirectory() as folder:
        streams = {name: str(Path(folder, name)) for name in ("stdout", "stderr")}
        ended = server().run(
            {
                "arguments": arguments,
                "folder": str(cwd or Path.cwd()),
                "environment": {**os.environ, **env},
                "limited": False,
                "stdin": os.devnull,
                **streams,
            }
        )
        said = [Path(streams[name]).read_text() for name in ("stdout", "stderr")]
    return subprocess.CompletedProcess(["tilewright", *arguments], ended["status"], *said)


def run_anew(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``tilewright`` with some arguments in a process of its own, imports included, as a user starts it."""
    return subprocess.run([sys.executable, "-m", "tilewright", *arguments], capture_output=True, text=True)


def without_progress(stderr: str) -> list[str]:
    """Return the lines of standard error but those that tell, on a busy machine, for how many seconds a command works."""
    return [line for line in stderr.splitlines() if not re.fullmatch(r"tilewright: [^:]+: [\d,]+ s\b.*", line)]


def refused(*arguments: str, cwd: Path | None = None, **env: str) -> str:
    """Run a command that must be refused; return its one line of standard error, without its prefix."""
    result = run(*arguments, cwd=cwd, **env)
    assert result.returncode == 2, result
    assert result.stdout == ""
    [line] = without_progress(result.stderr)
    return line.removeprefix("tilewright: error: ")
