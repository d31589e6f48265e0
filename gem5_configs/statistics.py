"""Reads gem5's statistics of a run: ``stats.txt`` becomes one row of figures of core 0.

The columns are those of the published runs of arXiv 2408.03308. Names of objects differ between machines, so each is
found by what it is: the first core, the first cache of each level by its name, the controllers of memory.

=======================  ==============================================================================
column                   statistic of gem5
=======================  ==============================================================================
sim_seconds              ``simTicks / simFreq``: ``simSeconds`` has six decimals, which are too few here
sim_insts                ``simInsts``, of all cores
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
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_text
from tilewright.sim.config.host import CoreKind

from .runs import COLUMNS

CACHES = ("l1i", "l1d", "l2", "l3")
COUNTED = COLUMNS[COLUMNS.index("sim_seconds") :]
"""Columns that hold the counts of a run, in their order."""

BEGIN, END = "---------- Begin Simulation Statistics", "---------- End Simulation Statistics"

CACHE_NAMES = {"l1i": r"l1i|icache", "l1d": r"l1d|dcache", "l2": r"l2(?!bus|xbar)", "l3": r"l3(?!bus|xbar)|llc"}
"""Beginnings of the names of caches, in small letters and without - and _."""


def read_statistics(path: Path, core: CoreKind | None = None) -> dict[str, float]:
    """Return the row of a run.

    Parameters
    ----------
    path : Path
        A ``stats.txt``.
    core : {"o3", "minor"}, optional
        Kind of core that the run must have.

    Returns
    -------
    dict
        :data:`COUNTED` and their values; counts are integers.

    Raises
    ------
    ConfigError
        If the file cannot be read, is empty or cut off, holds several sets of statistics, is of another core or lacks
        a figure.
    """
    values = _section(path, read_text(path))
    run = _Run(path, values)
    kind = run.core_kind()
    if kind is None or (core is not None and kind != core):
        expected = {"o3": "an out-of-order (O3) core", "minor": "an in-order (Minor) core"}
        allowed = expected[core] if core else " or ".join(expected.values())
        raise ConfigError(f"{path}: is of {expected[kind] if kind else 'another core'}: expected one of {allowed}")
    return run.row()


def _section(path: Path, text: str) -> dict[str, str]:
    """Return names and values of the only set of statistics in a file."""
    if not text.strip():
        raise ConfigError(f"{path}: empty: gem5 writes its statistics when a run ends")
    begins, ends = text.count(BEGIN), text.count(END)
    if not begins:
        raise ConfigError(f"{path}: not statistics of gem5: it has no line '{BEGIN} ...'")
    if begins > ends:
        raise ConfigError(f"{path}: cut off: statistics {begins} of {begins} have no line '{END} ...'")
    if begins > 1:
        raise ConfigError(f"{path}: holds {begins} sets of statistics: expected one, of a whole run")
    body = text.split(BEGIN, 1)[1].split("\n", 1)[1].split(END, 1)[0]
    values = {}
    for line in body.splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) >= 2:
            values[words[0]] = words[1]
    return values


class _Run:
    """Statistics by name, and the choice of the one that a column means."""

    def __init__(self, path: Path, values: dict[str, str]) -> None:
        self._path = path
        self._values = values

    def core_kind(self) -> CoreKind | None:
        """Return the kind of the first core, by the parts that have statistics."""
        core = self._core()
        for kind, part in (("o3", "rob."), ("minor", "fetch2.")):
            if any(name.startswith(f"{core}.{part}") for name in self._values):
                return kind  # type: ignore[return-value]
        return None

    def row(self) -> dict[str, float]:
        core = self._core()
        found: dict[str, float] = {
            "sim_seconds": self._number("simTicks") / self._number("simFreq"),
            "sim_insts": self._number("simInsts"),
            "core_cycles": self._number(f"{core}.numCycles"),
            "ipc": self._number(f"{core}.ipc", f"{core}.commitStats0.ipc"),
            "cond_predicted": self._number(f"{core}.branchPred.condPredicted"),
            "cond_mispredicts": self._number(f"{core}.branchPred.condIncorrect"),
        }
        for level in CACHES:
            cache = self._cache(level)
            found[f"{level}_accesses"] = self._number(f"{cache}.overallAccesses::total")
            found[f"{level}_misses"] = self._number_or_zero(f"{cache}.overallMisses::total")
        return {**found, **self._memory()}

    def _memory(self) -> dict[str, float]:
        """Return the figures of all channels: sums, and the mean latency of a burst."""
        controllers = self._objects("readReqs")
        interfaces = self._objects("avgMemAccLat")
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

    def _number(self, *names: str) -> float:
        """Return the first of these statistics that the run has."""
        name = next((name for name in names if name in self._values), None)
        if name is None:
            raise ConfigError(f"{self._path}: lacks the statistic {names[0]}")
        text = self._values[name]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(f"{self._path}: {name} = {text} is not allowed: it must be a number")
        return int(text) if re.fullmatch(r"-?\d+", text) else value

    def _number_or_zero(self, name: str) -> float:
        """Return a statistic that gem5 leaves out if it is zero."""
        return self._number(name) if name in self._values else 0

    def _objects(self, statistic: str) -> list[str]:
        """Return the objects that have a statistic, in the order of the numbers in their names."""
        names = [name.removesuffix(f".{statistic}") for name in self._values if name.endswith(f".{statistic}")]
        return sorted(names, key=lambda name: [int(n) if n.isdigit() else n for n in re.split(r"(\d+)", name)])

    def _core(self) -> str:
        cores = self._objects("numCycles")
        if not cores:
            raise ConfigError(f"{self._path}: no statistics of a core (numCycles)")
        return cores[0]

    def _cache(self, level: str) -> str:
        """Return the first cache of a level, by its own name or the name of the object around it."""
        for name in self._objects("overallAccesses::total"):
            parts = re.sub("[-_]", "", name.lower()).split(".")[-2:]
            if any(re.match(CACHE_NAMES[level], part) for part in parts):
                return name
        raise ConfigError(f"{self._path}: no statistics of a cache of level {level} (overallAccesses::total)")
