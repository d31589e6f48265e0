"""Runs a tool that :mod:`.tools` has found, and says in one line why it failed."""

import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.processes import Processes, TimeLimitError
from tilewright.base.tools import Tool

LIMIT = "TILEWRIGHT_TOOL_SECONDS"
"""Environment variable with the longest time in seconds that a tool may run."""
LIMIT_SECONDS = 3600
"""Default of this variable: no tool has needed as long on any block that comes with Tilewright."""
REASON = re.compile(r"\b(error|fatal|panic)\b", re.IGNORECASE)
NO_ROOM = "No space left on device"


def run_tool(tool: Tool, arguments: Sequence[str], folder: Path, *, env: Mapping[str, str] | None = None) -> str:
    """Run a tool in a folder; return everything that it printed. It ends when this process does.

    Raises
    ------
    ToolError
        If the tool fails or takes longer than TILEWRIGHT_TOOL_SECONDS.
    ConfigError
        If that variable is no number of seconds.
    """
    seconds = time_limit()
    try:
        ended = Processes().run([*tool.command, *arguments], folder=folder, env=env or tool.env(), seconds=seconds)
    except TimeLimitError:
        raise ToolError(
            f"{tool.name} was ended after {seconds:g} s ({tool.command[0]}): set {LIMIT} to let it take longer",
            tool=tool.name,
        ) from None
    if ended.status:
        raise failure(tool, ended.output, ended.status)
    return ended.output


def failure(tool: Tool, output: str, status: int = 0) -> ToolError:
    """Return the error of a tool that failed: the first line of its output that speaks of an error, or the last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = next((line for line in lines if REASON.search(line)), lines[-1] if lines else "it said nothing")
    if status < 0:
        reason = f"it was ended by {signal.Signals(-status).name}: {reason}"
    elif not lines and status:
        reason = f"status {status}, and it said nothing"
    if NO_ROOM in output:
        reason += ": make room, or name other folders in TMPDIR and TILEWRIGHT_CACHE"
    return ToolError(f"{tool.name} failed: {reason}", output, tool.name)


def time_limit() -> float:
    """Return the longest time in seconds that a tool may run.

    Raises
    ------
    ConfigError
        If the environment names no such time.
    """
    text = os.environ.get(LIMIT) or str(LIMIT_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 1e9:
        raise ConfigError(f"{LIMIT} = {text!r} is not allowed: it must be a number of seconds above 0")
    return seconds
