"""Runs many calls of one function: in this process, in processes beside it, or on a Dask cluster.

Results do not depend on where calls run. A worker that dies costs the call that it ran, which runs again elsewhere.
"""

import os
import queue
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from tilewright.base.errors import ConfigError, ToolError

if TYPE_CHECKING:
    from distributed import Client

Function = Callable[..., Any]
Calls = Sequence[tuple]
"""Arguments of each call of a function."""
Results = Iterator[tuple[int, Any]]
"""Index of a call and what the function returned, in the order in which calls end."""
Run = Callable[[Calls], Results]

ATTEMPTS = 3
"""Number of workers that may die of one call."""
ANSWER_SECONDS = 10.0
"""Longest time until a scheduler answers, and without a worker at its side."""


@contextmanager
def executor(function: Function, *, workers: int = 1, scheduler: str | None = None) -> Iterator[Run]:
    """Yield a function that takes the arguments of calls, runs all of them, and yields index and result of each.

    Parameters
    ----------
    function : callable
        Function of a module, so that other processes find it; its arguments and results can be pickled.
    workers : int
        Number of processes; calls run in this process, one after the other, if there is one.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, such as ``tcp://10.0.0.1:8786``, in place of processes here.

    Raises
    ------
    ConfigError
        If the scheduler does not answer or has no worker, or Dask is not installed.
    ToolError
        If one call ends three workers, or the last worker of a cluster goes away.
    """
    if scheduler is not None:
        from tilewright.base.cluster import connected

        with connected(scheduler, ANSWER_SECONDS) as client:
            yield lambda calls: _on_cluster(client, function, calls, scheduler)
    elif workers > 1:
        pool: list[_Worker] = []
        try:
            yield lambda calls: _in_processes(pool, function, calls, workers)
        finally:
            for worker in pool:
                worker.end()
    else:
        yield lambda calls: ((index, function(*arguments)) for index, arguments in enumerate(calls))


class _Worker:
    """A process that runs one call at a time."""

    def __init__(self, function: Callable[..., Any]):
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            program = (
                f"import sys; sys.path[:] = {sys.path!r}; "
                f"from tilewright.base.worker import serve; serve({descriptor}, {os.getpid()})"
            )
            self._process = subprocess.Popen(
                [sys.executable, "-c", program], pass_fds=[descriptor], stdin=subprocess.DEVNULL
            )
        self.connection = Connection(ours.detach())
        self.index: int | None = None
        """Index of the call that it runs."""
        self._send(function)

    def start(self, index: int, arguments: tuple) -> None:
        """Start a call."""
        self.index = index
        self._send(arguments)

    def _send(self, what: object) -> None:
        with suppress(ConnectionError):  # a process that has ended is seen when its answer is read
            self.connection.send(what)

    def end(self) -> int:
        """End the process, if it has not ended; return its status."""
        self.connection.close()
        if self.index is not None:
            self._process.kill()
        return self._process.wait()


def _in_processes(pool: list[_Worker], function: Function, calls: Calls, most: int) -> Results:
    """Yield the results of calls on the workers of a pool, which grows up to a number of workers."""
    left = deque(range(len(calls)))
    deaths = [0] * len(calls)
    pool += [_Worker(function) for _ in range(min(most, len(calls)) - len(pool))]

    def start(worker: _Worker) -> None:
        worker.index = None
        if left:
            index = left.popleft()
            worker.start(index, calls[index])

    for worker in pool:
        start(worker)
    while busy := [worker for worker in pool if worker.index is not None]:
        ready = wait([worker.connection for worker in busy])
        for worker in [each for each in busy if each.connection in ready]:
            index = worker.index
            assert index is not None
            try:
                well, answer = worker.connection.recv()
            except (EOFError, ConnectionError):
                # Its call runs again, on a worker that takes its place.
                deaths[index] += 1
                pool[pool.index(worker)] = fresh = _Worker(function)
                _check_deaths(deaths[index], worker.end())
                left.append(index)
                start(fresh)
                continue
            start(worker)
            if not well:
                raise answer
            yield index, answer


def _check_deaths(deaths: int, status: int) -> None:
    """Give up a call of which several workers have died."""
    if deaths >= ATTEMPTS:
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        raise ToolError(f"a worker {how} in each of {ATTEMPTS} attempts at one call")


def _on_cluster(client: "Client", function: Function, calls: Calls, scheduler: str) -> Results:
    """Yield the results of calls on a cluster."""
    from distributed import KilledWorker

    ended: queue.SimpleQueue = queue.SimpleQueue()
    index_of: dict[Any, int] = {}
    deaths = [0] * len(calls)

    def submit(index: int) -> None:
        future = client.submit(function, *calls[index], pure=False)
        index_of[future] = index
        future.add_done_callback(ended.put)

    for index in range(len(calls)):
        submit(index)
    while index_of:
        try:
            future = ended.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            if not client.scheduler_info(n_workers=-1)["workers"]:
                raise ToolError(f"scheduler {scheduler} has lost its last worker") from None
            continue
        index = index_of.pop(future)
        try:
            result = future.result()
        except KilledWorker:
            deaths[index] += 1
            _check_deaths(deaths[index], -signal.SIGKILL)
            submit(index)
            continue
        except ModuleNotFoundError as error:
            raise ConfigError(f"scheduler = {scheduler}: a worker lacks a module: {error}") from None
        yield index, result
