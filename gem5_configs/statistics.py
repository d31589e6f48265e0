"""Reads gem5's statistics of a run: a dump of ``stats.txt`` becomes one row of figures of one core.

The columns are those of the published runs of arXiv 2408.03308. The core is the first one that worked, or one that is
chosen; the caches are those that serve it, see :mod:`.statistics_objects`.

=======================  ==============================================================================
column                   statistic of gem5
=======================  ==============================================================================
sim_seconds              ``simTicks / simFreq``: ``simSeconds`` has six decimals, which are too few here
sim_insts                ``simInsts``; the core's own ``commitStats0.numInsts`` if several cores worked
core_cycles, ipc         ``numCycles``, ``ipc`` of the core
cond_predicted           ``branchPred.condPredicted``, squashed ones included
cond_mispredicts         ``branchPred.condIncorrect``
*_accesses, *_misses     ``overallAccesses::total``, ``overallMisses::total`` of a cache
dram_reads, dram_writes  ``readReqs``, ``writeReqs`` of the controllers
dram_bytes_per_s         ``bwTotal::total`` of the interfaces
dram_access_latency_ps   ``avgMemAccLat`` of the interfaces: queue, bank and burst, without the controller
=======================  ==============================================================================
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.reading import MIB, read_text
from tilewright.sim.config.host import CoreKind

from .runs import COLUMNS
from .statistics_objects import KINDS, MachineObjects

CACHES = ("l1i", "l1d", "l2", "l3")
COUNTED = COLUMNS[COLUMNS.index("sim_seconds") :]
"""Columns that hold the counts of a run, in their order."""

BEGIN, END = "---------- Begin Simulation Statistics", "---------- End Simulation Statistics"

MAX_STATISTICS_BYTES = 128 * MIB
"""Size of the largest file of statistics; a dump has about half a MB."""


@dataclass(frozen=True)
class CountedRun:
    """Figures of one core, from one dump."""

    cpu: str
    """Name of the core in gem5."""
    core: CoreKind
    """Kind of the core."""
    dump: int
    """Number of the dump, from 1 on."""
    counts: dict[str, float]
    """:data:`COUNTED` and their values; counts are integers."""


def read_statistics(path: Path, core: CoreKind | None = None) -> dict[str, float]:
    """Return the counts of a run: the only dump of a file, on the first core that worked; see :func:`read_dump`."""
    return read_dump(path, core).counts


def read_dump(
    path: Path, core: CoreKind | None = None, *, cpu: str | None = None, dump: int | None = None
) -> CountedRun:
    """Return the figures of a core.

    Parameters
    ----------
    path : Path
        A ``stats.txt``.
    core : {"o3", "minor"}, optional
        Kind of core that the run must have.
    cpu : str, optional
        Name of the core in gem5, such as ``system.cpu1``; by default the first one that worked.
    dump : int, optional
        Number of the dump, from 1 on; it may be left out if the file has one.

    Raises
    ------
    ConfigError
        If the file cannot be read, is empty or cut off, lacks the dump or the core, holds several dumps and none is
        chosen, is of another kind of core, or lacks a figure.
    """
    number, values = _dump(path, read_text(path, MAX_STATISTICS_BYTES), dump)
    objects = MachineObjects(path, values)
    chosen = objects.core(cpu)
    kind = objects.kind(chosen)
    if kind is None or (core is not None and kind != core):
        found = KINDS[kind][1] if kind else "another core"
        allowed = KINDS[core][1] if core else " or ".join(about for _, about in KINDS.values())
        raise ConfigError(f"{path}: core {chosen} is {found}: expected {allowed}{_other_cores(objects, chosen)}")
    return CountedRun(chosen, kind, number, _Run(path, values, objects, chosen).row())


def _other_cores(objects: MachineObjects, chosen: str) -> str:
    others = [f"{each} ({kind})" for each in objects.cores if each != chosen and (kind := objects.kind(each))]
    return f"; --cpu chooses another: {', '.join(others)}" if others else ""


def _dump(path: Path, text: str, chosen: int | None) -> tuple[int, dict[str, str]]:
    """Return number, names and values of a dump."""
    if not text.strip():
        raise ConfigError(f"{path}: empty: gem5 writes its statistics when a run ends")
    dumps = list(_dumps(text))
    if not dumps:
        raise ConfigError(f"{path}: not statistics of gem5: it has no line '{BEGIN} ...'")
    if chosen is None and len(dumps) > 1:
        raise ConfigError(f"{path}: holds {len(dumps)} dumps of statistics: choose one with --dump, 1 to {len(dumps)}")
    number = chosen or 1
    if not 1 <= number <= len(dumps):
        raise ConfigError(f"{path}: --dump = {number} is not allowed: the file has dumps 1 to {len(dumps)}")
    body = dumps[number - 1]
    if body is None:
        raise ConfigError(f"{path}: cut off: statistics {number} of {len(dumps)} have no line '{END} ...'")
    values = {}
    for line in body.splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) >= 2:
            values[words[0]] = words[1]
    return number, values


def _dumps(text: str) -> Iterator[str | None]:
    """Yield the text of each dump, None for one without an end."""
    for part in text.split(BEGIN)[1:]:
        body, end, _ = part.partition(END)
        yield body.partition("\n")[2] if end else None


class _Run:
    """Statistics by name, and the choice of the one that a column means."""

    def __init__(self, path: Path, values: dict[str, str], objects: MachineObjects, core: str) -> None:
        self._path, self._values, self._objects, self._core = path, values, objects, core

    def row(self) -> dict[str, float]:
        core = self._core
        instructions = self._number("simInsts", least=1)
        if len(self._objects.ran()) > 1:
            instructions = self._number(f"{core}.commitStats0.numInsts", f"{core}.committedInsts", least=1)
        found: dict[str, float] = {
            "sim_seconds": self._number("simTicks", least=1) / self._number("simFreq", least=1),
            "sim_insts": instructions,
            "core_cycles": self._number(f"{core}.numCycles"),
            "ipc": self._number(f"{core}.ipc", f"{core}.commitStats0.ipc", least=1e-9),
            "cond_predicted": self._number(f"{core}.branchPred.condPredicted"),
            "cond_mispredicts": self._number(f"{core}.branchPred.condIncorrect"),
        }
        for level in CACHES:
            cache = self._objects.cache(core, level)
            found[f"{level}_accesses"] = self._number(f"{cache}.overallAccesses::total")
            found[f"{level}_misses"] = self._number_or_zero(f"{cache}.overallMisses::total")
        return {**found, **self._memory()}

    def _memory(self) -> dict[str, float]:
        """Return the figures of all channels: sums, and the mean latency of a burst."""
        controllers = self._objects.having("readReqs")
        interfaces = self._objects.having("avgMemAccLat")
        if not controllers or not interfaces:
            raise ConfigError(
                f"{self._path}: no statistics of a memory controller and its DRAM (readReqs, avgMemAccLat)"
            )
        bursts = {name: self._number(f"{name}.readBursts") for name in interfaces}
        waited = sum(self._number(f"{name}.avgMemAccLat") * bursts[name] for name in interfaces if bursts[name])
        return {
            "dram_reads": sum(self._number(f"{name}.readReqs") for name in controllers),
            "dram_writes": sum(self._number(f"{name}.writeReqs") for name in controllers),
            "dram_bytes_per_s": sum(self._number_or_zero(f"{name}.bwTotal::total") for name in interfaces),
            "dram_access_latency_ps": waited / max(1, sum(bursts.values())),
        }

    def _number(self, *names: str, least: float = 0) -> float:
        """Return the first of these statistics that the run has."""
        name = next((name for name in names if name in self._values), None)
        if name is None:
            raise ConfigError(f"{self._path}: lacks the statistic {names[0]}")
        text = self._values[name]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not least <= value <= 1e30:
            about = "0 or more" if least == 0 else "greater than 0"
            raise ConfigError(f"{self._path}: {name} = {text} is not allowed: it must be a finite number, {about}")
        return int(text) if re.fullmatch(r"\d+", text) else value

    def _number_or_zero(self, name: str) -> float:
        """Return a statistic that gem5 leaves out if it is zero."""
        return self._number(name) if name in self._values else 0
