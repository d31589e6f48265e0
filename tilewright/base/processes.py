"""Runs outside programs: each in a process group of its own, which ends with this process and at its time limit."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_FRONT = """
import ctypes, os, signal, sys
parent, *command = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
try:
    PR_SET_PDEATHSIG = 1  # prctl(2), Linux
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
except AttributeError:
    pass
if os.getppid() != int(parent):
    sys.exit(1)
try:
    process = os.posix_spawn(command[0], command, os.environ, setsigmask=(), setsigdef=(signal.SIGPIPE, signal.SIGTERM))
except OSError as error:
    sys.exit(f"error: {command[0]} does not run: {error.strerror}")
status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
if status < 0:
    signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
    os.kill(os.getpid(), -status)
os._exit(status)
"""
"""Program that runs a command, and kills it with all that it has started when the process that asked for it ends."""


class StoppedError(Exception):
    """A process was ended, or not started, because all processes are to end."""


class TimeLimitError(Exception):
    """A process was ended because it had run as long as it may."""


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    status: int
    """Exit status; the negative number of the signal that ended the process, if one did."""
    output: str
    """Text that it printed, unless that went to a file."""


class Processes:
    """Commands that are ended together; each may run in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._stopped = False

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        seconds: float | None = None,
    ) -> Ended:
        """Run a command to its end in a folder. When this function is left, whatever the reason, the command has ended.

        Parameters
        ----------
        command : sequence of str
            Path of the program, and its arguments.
        log : Path, optional
            File for all that the command prints, instead of the text that is returned.
        seconds : float, optional
            Longest time that it may take.

        Raises
        ------
        StoppedError
            If ``stop`` was called before it had ended.
        TimeLimitError
            If it takes longer than ``seconds``.
        """
        out = log.open("wb") if log else None
        try:
            with self._lock:
                if self._stopped:
                    raise StoppedError
                process = subprocess.Popen(
                    ended_with_this(command),
                    cwd=folder,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=out or subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process)
            try:
                said, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise TimeLimitError from None
            finally:
                _end(process)
                with self._lock:
                    self._running.discard(process)
        finally:
            if out:
                out.close()
        if self._stopped:
            raise StoppedError
        return Ended(process.returncode, (said or b"").decode(errors="replace"))

    def stop(self) -> None:
        """End all running commands, and let none start."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                end_group(process)


def ended_with_this(command: Sequence[str]) -> list[str]:
    """Return a command that runs ``command``, and ends it with all that it has started when this process ends.

    It needs a session of its own.
    """
    return [sys.executable, "-I", "-S", "-c", _FRONT, str(os.getpid()), *command]


def _end(process: subprocess.Popen) -> None:
    """End a process with all that it has started, and close its pipe."""
    end_group(process)
    process.wait()
    if process.stdout:
        process.stdout.close()


def end_group(process: subprocess.Popen) -> None:
    """Kill a process that leads a session, with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_with_parent(how: signal.Signals = signal.SIGTERM) -> None:
    """Ask for a signal when the process that started this one ends, even if it is killed (Linux)."""
    import ctypes

    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(1, how)
