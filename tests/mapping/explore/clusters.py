"""A Dask cluster of processes on this machine."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.source_files import ROOT

WORKER = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", "--no-dashboard"]


@contextmanager
def cluster(count: int, folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Yield the address of a scheduler and the process ids of its workers; all of them end afterwards."""
    about = folder / "scheduler.json"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    log = (folder / "dask.log").open("w")
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    processes: list[subprocess.Popen] = []

    def start(command: list[str]) -> int:
        processes.append(subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log))
        return processes[-1].pid

    def said() -> str:
        return (folder / "dask.log").read_text()

    def wait(there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 180
        while not there():
            assert time.monotonic() < deadline, said()
            time.sleep(0.1)

    try:
        start([*scheduler, "--host", "127.0.0.1", "--scheduler-file", str(about)])
        wait(about.exists)
        url = json.loads(about.read_text())["address"]
        workers = [start([*WORKER, url]) for _ in range(count)]
        wait(lambda: said().count("Registered to:") == count)
        yield url, workers
    finally:
        for process in processes:
            process.kill()
            process.wait()
        log.close()
