"""Processes that are ended together, and with this one."""

import os
import subprocess
import sys
import threading
from pathlib import Path

_FRONT = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
try:
    PR_SET_PDEATHSIG = 1  # prctl(2), Linux
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
except AttributeError:
    pass
if os.getppid() != parent:
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Program that runs before a command, in its process, and asks to be killed when the process that started it ends."""


class StoppedError(Exception):
    """A process was ended, or not started, because all processes are to end."""


class Processes:
    """Commands that run at the same time, each in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._stopped = False

    def run(self, command: list[str], log: Path) -> int:
        """Run a command to its end in the folder of ``log``, which gets all that it prints; return its status.

        Raises
        ------
        StoppedError
            If ``stop`` was called before it had ended.
        """
        with log.open("w") as out:
            with self._lock:
                if self._stopped:
                    raise StoppedError
                process = subprocess.Popen(
                    [sys.executable, "-c", _FRONT, str(os.getpid()), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    cwd=log.parent,
                )
                self._running.add(process)
            try:
                status = process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)
        if self._stopped:
            raise StoppedError
        return status

    def stop(self) -> None:
        """End all running commands, and let none start."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()
