"""Runs one synthesis tool in a folder and reads its output."""

import json
import re
import subprocess
from pathlib import Path
from typing import Protocol

from tilewright.base.errors import ConfigError


class SynthesisError(ConfigError):
    """Failure of a tool, described in one line."""


class Program(Protocol):
    """A program that was found on this machine."""

    @property
    def name(self) -> str: ...
    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> str: ...


def run(program: Program, arguments: list[str], folder: Path) -> str:
    """Run a program in ``folder``; return everything that it printed.

    Raises
    ------
    SynthesisError
        If it does not run or fails; the message is the first line with "error:" in it, or the last one.
    """
    try:
        result = subprocess.run(
            [*program.command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise SynthesisError(f"{program.name} does not run: {error.strerror}") from error
    if result.returncode:
        raise failure(program, result.stdout)
    return result.stdout


def failure(program: Program, said: str) -> SynthesisError:
    """Return the exception for a program that failed with this output."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = next((line for line in lines if "error:" in line.lower()), lines[-1] if lines else "it said nothing")
    return SynthesisError(f"{program.name} failed: {reason}")


def run_yosys(yosys: Program, script: str, folder: Path) -> dict:
    """Run a Yosys script; return the statistics of the whole design that it left in ``stat.json``, if any."""
    log = folder / "yosys.log"
    try:
        # Its standard output ends early when it has run ABC many times: the log says why it failed.
        run(yosys, ["-q", "-l", log.name, "-p", script], folder)
    except SynthesisError as error:
        if log.exists():
            raise failure(yosys, log.read_text(errors="replace")) from error
        raise
    stat = folder / "stat.json"
    return json.loads(stat.read_text())["design"] if stat.exists() else {}


def run_abc(abc: Program, script: str, folder: Path) -> float:
    """Run an ABC script that ends with ``stime``; return the delay in ns. ABC reports errors by words alone."""
    said = run(abc, ["-c", script], folder)
    delays = re.findall(r"Delay\s*=\s*([\d.]+)\s*ps", said)
    if not delays:
        raise failure(abc, said)
    return round(float(delays[-1]) / 1000, 5)  # it prints hundredths of a ps
