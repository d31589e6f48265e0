"""The one way from pytest or the command line to a cocotb coroutine, and back.

A coroutine runs in a process of its own. :func:`send` leaves its job there as a file, :func:`received` reads the job in
that process; :func:`return_rows` leaves rows of a table, and :func:`returned_rows` reads these.
"""

import json
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "TILEWRIGHT_JOB"
"""Environment variable with the path of the job's file."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that a coroutine needs for its work.

    Parameters
    ----------
    config
        Configuration of the circuit under test.
    cases : sequence
        Cases to run, in order.
    seed : int
        Seed of all random numbers.
    options : dict
        Whatever else the coroutine of this unit needs, by name.
    """

    config: Any = None
    cases: Sequence[Any] = ()
    seed: int = 1
    options: dict[str, Any] = field(default_factory=dict)


def send(job: Job, folder: Path) -> dict[str, str]:
    """Write a job into a folder; return the environment in which a coroutine finds it."""
    file = folder / "job.pickle"
    file.write_bytes(pickle.dumps(job))
    return {VARIABLE: str(file.resolve())}


def received() -> Job:
    """Return the job of the process."""
    return pickle.loads(Path(os.environ[VARIABLE]).read_bytes())


def return_rows(rows: Sequence[dict]) -> None:
    """Leave rows for the sender of the job."""
    Path(os.environ[VARIABLE]).with_name("rows.json").write_text(json.dumps(list(rows)))


def returned_rows(folder: Path) -> list[dict]:
    """Return the rows that a coroutine has left; none if it left none."""
    file = folder / "rows.json"
    return json.loads(file.read_text()) if file.exists() else []
