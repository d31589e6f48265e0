"""A simulation that forks for each job: Python and its imports, 0.6 of 0.7 CPU seconds of a start, are there already.

AFL's fork server is the model (M. Zalewski, "Fuzzing random programs without execve()", 2014). The server is the
simulation's process before its first evaluation. A job runs in a copy of it, so that each begins with the same state.
"""

import atexit
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tilewright.base.processes import end_group, ended_with_this

MOST = 2
"""Number of servers that are kept, each for one model and bench."""
ENDED = b"job ended: "
"""Beginning of the line with which a server answers; the exit status follows. Other lines are messages of its start."""
SERVER = {
    "PYGPI_USERS": ",".join(
        (
            "tilewright.cocotb_tests.harness.fork_server:serve",
            "cocotb.logging:_configure",
            "cocotb._init:init_package_from_simulation",
            "cocotb.regression:_run_regression",
        )
    ),
    "OPENBLAS_NUM_THREADS": "1",
}
"""Environment of a server: what cocotb calls at its start, :func:`serve` first; no threads, which a fork would lose."""
USED_LATER = ("numpy.ma", "numpy.random")
"""Modules that benches use and that numpy imports when they are first used."""


class ForkServer:
    """The server of one model and bench, which runs one job at a time."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]):
        self._process = subprocess.Popen(
            ended_with_this(command),
            env={**env, **SERVER},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, env: Mapping[str, str], folder: Path, log: Path) -> int:
        """Run a job in a folder; return its exit status. If the server fails, its messages are added to the log."""
        assert self._process.stdin
        assert self._process.stdout
        request = json.dumps({"env": {**env, **SERVER}, "folder": str(folder), "log": str(log.resolve())})
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{request}\n".encode())
            self._process.stdin.flush()
        messages = b""
        for line in self._process.stdout:
            if line.startswith(ENDED):
                return int(line.removeprefix(ENDED))
            messages += line
        with log.open("ab") as file:
            file.write(messages)
        return self._process.wait() or 1

    def has_ended(self) -> bool:
        """Return whether the server has failed."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End the server, which has no job."""
        self._process.communicate()

    def kill(self) -> None:
        """Kill the server with its job."""
        end_group(self._process)
        self._process.communicate()


_kept: dict[tuple[str, ...], ForkServer] = {}


def run_served(command: Sequence[str], *, folder: Path, env: Mapping[str, str], log: Path) -> int:
    """Run a simulation as a fork of a server, which is kept for more jobs of the same model and bench.

    Parameters
    ----------
    command, folder, env
        As for a process; the command is a Verilated model with cocotb, without threads and wave file.
    log : Path
        File for all that it prints.

    Returns
    -------
    int
        Exit status.
    """
    key = (*command, *(env.get(name, "") for name in ("COCOTB_TEST_MODULES", "PYTHONPATH")))
    server = _kept.pop(key, None) or ForkServer(command, env)
    try:
        status = server.run(env, folder, log)
    except BaseException:
        server.kill()
        raise
    if server.has_ended():
        server.end()
    else:
        _kept[key] = server
    while len(_kept) > MOST:
        _kept.pop(next(iter(_kept))).end()
    return status


@atexit.register
def end_servers() -> None:
    """End all servers; what they and their jobs took counts from then on as that of this process's children."""
    while _kept:
        _kept.popitem()[1].end()


def serve() -> None:
    """Wait for jobs, in the simulation's process, and return in a fork for each; the process ends with its requests."""
    import gc
    import sys
    from importlib import import_module

    from cocotb.regression import RegressionManager

    RegressionManager.setup_pytest_assertion_rewriting()
    # Each job would do it once more.
    RegressionManager.setup_pytest_assertion_rewriting = lambda *_: None  # type: ignore[method-assign]
    for module in (*USED_LATER, *os.environ["COCOTB_TEST_MODULES"].split(",")):
        import_module(module)
    gc.freeze()
    for line in sys.stdin:
        job = os.fork()
        if not job:
            _begin(**json.loads(line))
            return
        print(f"{ENDED.decode()}{os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])}", flush=True)
    os._exit(0)


def _begin(*, env: dict[str, str], folder: str, log: str) -> None:
    """Take over environment, folder and log of a job."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
