"""Runs of a workload on a host core, one in each row: measured figures and clocks."""

import csv
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from tilewright.base.errors import ConfigError, first_problem, suggest
from tilewright.base.reading import read_csv
from tilewright.sim.config.base import Frozen
from tilewright.sim.config.host import CoreKind, HostConfig, is_preset, load_host
from tilewright.sim.config.host_clocks import BOARD_GHZ, CRYO_GHZ, Gigahertz, HostClocks

PUBLISHED = Path(__file__).parent / "data" / "published.csv"
"""Runs of gem5 24.0 behind arXiv 2408.03308: statistics of its artefact, github.com/darchr/gem5-cryo-superconducting at
commit a4ecea44. Some of its workloads and one of its frequencies are not among them."""

KERNELS = PUBLISHED.with_name("kernels.csv")
"""Runs of the host workloads that come with Tilewright, on its hosts; docs/gem5.md has the commands that made them."""
REPEATED = PUBLISHED.with_name("kernels_repeated.csv")
"""Pairs of equal runs that differ only in the number of repetitions of the kernel; docs/gem5.md has the commands."""

COMMITTED = {"published": PUBLISHED, "kernels": KERNELS}
"""Runs that come with Tilewright and from which predictions may start, by their names."""

BASELINE = HostClocks(core_ghz=CRYO_GHZ, l1_ghz=CRYO_GHZ, l2_ghz=CRYO_GHZ, l3_ghz=CRYO_GHZ, board_ghz=BOARD_GHZ)
"""Clocks of the runs from which predictions start."""

Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class MeasuredRun(Frozen):
    """One run of one workload, as gem5 counted it on the core that ran it.

    A miss counts as often as something misses: an access to a line that is already on its way is one more. Prefetches
    count as accesses of the level that they ask.
    """

    core: CoreKind
    domains: str
    """Parts that run fast, by the names of arXiv 2408.03308, or any other name."""
    host: str = ""
    """Name of the host of the run; empty if unknown. A file may lack this column."""
    workload: Annotated[str, Field(min_length=1)]
    core_ghz: Gigahertz
    l1d_ghz: Gigahertz
    """Clock of both first-level caches in GHz."""
    l2_ghz: Gigahertz
    l3_ghz: Gigahertz
    board_ghz: Gigahertz
    sim_seconds: Positive
    """Simulated time of the run in seconds."""
    sim_insts: Positive
    core_cycles: Number
    """Number of cycles in which the core was not asleep."""
    ipc: Positive
    cond_predicted: Number
    """Number of conditional branches that were predicted."""
    cond_mispredicts: Number
    """Number of conditional branches that were predicted wrong."""
    l1i_accesses: Positive
    l1i_misses: Number
    l1d_accesses: Number
    l1d_misses: Number
    l2_accesses: Number
    l2_misses: Number
    l3_accesses: Number
    l3_misses: Number
    dram_reads: Number
    """Number of bursts that were read."""
    dram_writes: Number
    """Number of bursts that were written."""
    dram_bytes_per_s: Number
    dram_access_latency_ps: Number
    """Average time in ps from a burst's entry into the controller's queue to its data."""

    @property
    def clocks(self) -> HostClocks:
        """Clocks of the run."""
        return HostClocks(
            core_ghz=self.core_ghz,
            l1_ghz=self.l1d_ghz,
            l2_ghz=self.l2_ghz,
            l3_ghz=self.l3_ghz,
            board_ghz=self.board_ghz,
        )


def demanded(run: MeasuredRun) -> float:
    """Return the share of lines from beyond the second level that its prefetcher did not ask for, at most 1."""
    return min(run.l2_misses / run.l3_accesses, 1) if run.l3_accesses else 1


COLUMNS = tuple(MeasuredRun.model_fields)
REQUIRED = tuple(name for name, field in MeasuredRun.model_fields.items() if field.is_required())
"""Columns that a file must have."""


@lru_cache
def published_host() -> HostConfig:
    """Return the host of the published runs."""
    return load_host("cryogenic")


@lru_cache
def _machine_of_preset(name: str) -> dict | None:
    """Return the machine of a host that comes with Tilewright; None if no host has this name."""
    return load_host(name).machine if is_preset(name) else None


def read_runs(path: Path) -> list[MeasuredRun]:
    """Return the runs of a CSV file with the columns of ``MeasuredRun``; other columns are ignored.

    Raises
    ------
    ConfigError
        If it cannot be read, is empty, lacks a column, or holds a value that is not allowed; names line and column.
    """
    runs = []
    for row in read_csv(path, REQUIRED):
        try:
            found = {column: row.cells[column] for column in COLUMNS if column in row.cells}
            runs.append(MeasuredRun.model_validate_strings(found))
        except ValidationError as error:
            location, problem = first_problem(error)
            raise ConfigError(f"{row.where}: {location[0]} = {problem}") from error
    if not runs:
        raise ConfigError(f"{path}: has no runs, only a line of columns")
    return runs


def format_runs(runs: Iterable[MeasuredRun]) -> str:
    """Return the CSV text of runs, which ``read_runs`` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in runs:
        writer.writerow(f"{value:g}" if column.endswith("_ghz") else value for column, value in run)
    return text.getvalue()


def may_be_of(run: MeasuredRun, host: HostConfig) -> bool:
    """Return whether a run may have been made on a host, at any clocks.

    It may where it does not say what it ran on, by its host's name, and where a host of that name comes with Tilewright
    and differs in its clocks only: those of ``superconducting`` and ``cryogenic`` are runs of one machine.
    """
    return run.host in ("", host.name) or _machine_of_preset(run.host) == host.machine


def runs_of(runs: Sequence[MeasuredRun], host: HostConfig, path: Path) -> list[MeasuredRun]:
    """Return the runs that may have been made on a host.

    Raises
    ------
    ConfigError
        If there is none; names the file ``path`` and the hosts that it has runs of.
    """
    found = [run for run in runs if may_be_of(run, host)]
    if not found:
        there = ", ".join(sorted({run.host for run in runs}))
        raise ConfigError(f"{path}: no run of host '{host.name}'; its runs are of {there}")
    return found


def baselines(runs: Sequence[MeasuredRun], core: CoreKind, path: Path) -> dict[str, MeasuredRun]:
    """Return the run at ``BASELINE`` clocks of each workload on a core.

    Raises
    ------
    ConfigError
        If there is none, or two of one workload that differ; names the file ``path``.
    """
    found: dict[str, MeasuredRun] = {}
    for run in runs:
        if run.core != core or run.clocks != BASELINE:
            continue
        first = found.setdefault(run.workload, run)
        if first.replace(domains="") != run.replace(domains=""):
            raise ConfigError(f"{path}: two runs of workload '{run.workload}' on core '{core}' at 4 GHz differ")
    if not found:
        others = sorted({run.core for run in runs if run.clocks == BASELINE})
        has = f"; its runs at 4 GHz are of core {', '.join(others)}" if others else ""
        raise ConfigError(
            f"{path}: no run of core '{core}' with core and caches at {CRYO_GHZ:g} GHz and the board at "
            f"{BOARD_GHZ:g} GHz{has}; a core is predicted from a run of the same core"
        )
    return found


def pick(found: dict[str, MeasuredRun], workload: str, path: Path) -> dict[str, MeasuredRun]:
    """Return the run of one workload.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if workload not in found:
        raise ConfigError(f"{path}: no run of workload '{workload}' at 4 GHz{suggest(workload, found)}")
    return {workload: found[workload]}
