"""Runs gem5 over many hosts and workloads: several at a time, each one once.

A finished run is a folder in the cache, named by the hash of all that it depends on: description, program, arguments,
gem5 and the scripts that it runs. It appears whole or not at all: gem5 writes to another folder, which gets this name
when the statistics have been read. Of a run that failed, ``.failed`` is left to look at until the next try.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.cache import cache_folder, content_hash, is_whole, keep, remove
from tilewright.base.errors import ConfigError, ToolError
from tilewright.base.processes import Processes
from tilewright.base.tools import Tool
from tilewright.sim.config.host import HostConfig

from .config_check import differences
from .runs import COLUMNS
from .statistics import read_statistics

KIND = "gem5"
"""Name of the folder of runs in the cache."""
SCRIPT = Path(__file__).with_name("gem5_host.py")


class RunError(ToolError):
    """Failure of a run, by gem5, the program, or their output; one line, with the folder that is left to look at."""


@dataclass(frozen=True)
class Run:
    """One run of one program on one host."""

    host: HostConfig
    domains: str
    """Parts that run fast, for the row."""
    workload: str
    """Name of the program, for the row."""
    program: Path
    """Path of a static RISC-V program."""
    arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the run, for people."""
        return f"{self.host.core} {self.domains} {self.host.clocks.core_ghz:g} GHz {self.workload}"


@dataclass(frozen=True)
class Finished:
    """A run that has ended."""

    index: int
    """Number of the run in the sweep."""
    row: dict
    """Values of the columns ``runs.COLUMNS``."""
    folder: Path
    """Folder with the files that gem5 wrote: ``stats.txt``, ``config.json``, ``gem5.log``, ``program.out`` and
    others."""
    kept: bool
    """Flag: the run had been made before."""


def sweep(runs: Sequence[Run], gem5: Tool, jobs: int) -> Iterator[Finished]:
    """Yield runs as they end, ``jobs`` at a time; runs that were made before come first.

    When the caller stops, whatever the reason, so do the runs that have not ended, and leave nothing.

    Raises
    ------
    RunError
        If gem5 or a program fails, or the machine is not the one described; the other runs are stopped.
    ConfigError
        If the cache cannot be written.
    """
    identity = _identity(Path(gem5.command[0]))
    folders = [_folder(run, identity) for run in runs]
    todo = []
    for index, (run, folder) in enumerate(zip(runs, folders, strict=True)):
        if row := _read_row(run, folder):
            yield Finished(index, row, folder, kept=True)
        else:
            todo.append(index)
    processes = Processes()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            waiting = {pool.submit(_make, runs[index], folders[index], gem5, processes): index for index in todo}
            for future in as_completed(waiting):
                index = waiting[future]
                row, kept = future.result()
                yield Finished(index, row, folders[index], kept)
        finally:
            processes.stop()
            pool.shutdown(cancel_futures=True)


def _make(run: Run, folder: Path, gem5: Tool, processes: Processes) -> tuple[dict, bool]:
    """Run gem5; return the row, and whether another process had made it meanwhile."""
    made = False

    def make(part: Path) -> None:
        nonlocal made
        made = True
        failed = folder.with_suffix(".failed")
        remove(failed)
        try:
            _simulate(run, part, gem5, processes)
        except (_FailureError, ConfigError) as error:
            part.rename(failed)
            reason = str(error).replace(str(part), str(failed))
            raise RunError(f"{run.name}: {reason} (see {failed})") from error

    row = _read_row(run, keep(KIND, folder.name, make))
    assert row is not None, "a kept run has all columns"
    return row, not made


class _FailureError(Exception):
    """Reason why a run failed."""


def _simulate(run: Run, folder: Path, gem5: Tool, processes: Processes) -> None:
    """Run gem5 in a folder, and keep the figures that it wrote."""
    host = folder / "host.json"
    host.write_text(json.dumps(_described(run.host), indent=2))
    command = [*gem5.command, "-d", str(folder), str(SCRIPT), "--host", str(host), str(run.program), *run.arguments]
    status = processes.run(command, folder=folder, log=folder / "gem5.log").status
    if status:
        raise _FailureError(_why(folder, status))
    counted = read_statistics(folder / "stats.txt", run.host.core)
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise _FailureError(f"gem5 wrote no config.json that can be read: {error}") from error
    if differs := differences(config, run.host):
        raise _FailureError(f"gem5 built another machine: {differs[0]} ({len(differs)} differences)")
    (folder / "counted.json").write_text(json.dumps(counted, indent=2))


def _why(folder: Path, status: int) -> str:
    """Return in one line the reason why gem5 or its program failed."""
    for name, said_by in (("program.err", "the program says"), ("gem5.log", f"gem5 failed with status {status}")):
        with suppress(OSError):
            lines = [line.strip() for line in (folder / name).read_text(errors="replace").splitlines() if line.strip()]
            errors = [found[0] for line in lines if (found := re.search(r"\b(fatal|panic): .*|.*Error.*", line))]
            if lines:
                return f"{said_by}: {(errors or lines)[-1]}"
    return f"gem5 failed with status {status} and said nothing"


def _row(run: Run, counted: dict) -> dict:
    clocks = run.host.clocks
    row = {
        "core": run.host.core,
        "domains": run.domains,
        "host": run.host.name,
        "workload": run.workload,
        "core_ghz": clocks.core_ghz,
        "l1d_ghz": clocks.l1_ghz,
        "l2_ghz": clocks.l2_ghz,
        "l3_ghz": clocks.l3_ghz,
        "board_ghz": clocks.board_ghz,
        **counted,
    }
    return {column: row[column] for column in COLUMNS}


def _read_row(run: Run, folder: Path) -> dict | None:
    if not is_whole(folder):
        return None
    return _row(run, json.loads((folder / "counted.json").read_text()))


def _described(host: HostConfig) -> dict:
    """Return the part of a description that gem5 builds: without the host's name, and with the chosen core alone."""
    other = "minor" if host.core == "o3" else "o3"
    return host.model_dump(mode="json", exclude={"name", "description", "sources", other})


def _folder(run: Run, identity: list) -> Path:
    program = hashlib.sha256(run.program.read_bytes()).hexdigest()
    scripts = [path.read_text() for path in sorted(SCRIPT.parent.glob("gem5_*.py"))]
    inputs = [_described(run.host), program, run.arguments, identity, *scripts]
    return cache_folder() / KIND / content_hash(inputs)


def _identity(program: Path) -> list:
    """Return an identification of this gem5; reading a gigabyte would take longer than some runs."""
    status = program.resolve().stat()
    return [str(program.resolve()), status.st_size, status.st_mtime_ns]
