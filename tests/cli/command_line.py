"""The command line as a process of its own, as a user starts it."""

import os
import re
import subprocess
import sys
from pathlib import Path


def run(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``tilewright`` with some arguments; ``env`` is added to the environment."""
    command = [sys.executable, "-m", "tilewright", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True)


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
