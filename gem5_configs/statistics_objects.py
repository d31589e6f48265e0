"""Objects of a simulated machine in gem5's statistics: its cores, and the caches that belong to one of them.

Names of objects differ between machines, so each object is found by the statistics that it has, and by its name.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from tilewright.base.errors import ConfigError, suggest
from tilewright.sim.config.host import CoreKind

CACHE_NAMES = {"l1i": r"l1i|icache", "l1d": r"l1d|dcache", "l2": r"l2(?!bus|xbar)", "l3": r"l3(?!bus|xbar)|llc"}
"""Beginnings of the names of caches, in small letters and without - and _."""

KINDS: dict[CoreKind, tuple[str, str]] = {
    "o3": ("rob.", "an out-of-order (O3) core"),
    "minor": ("fetch2.", "an in-order (Minor) core"),
}
"""Kinds of cores: the part of which only such a core has statistics, and the words for it."""


class MachineObjects:
    """Names of objects, from the statistics of one dump.

    Parameters
    ----------
    path : Path
        File of the statistics, for errors.
    values : mapping
        Statistics by their names.
    """

    def __init__(self, path: Path, values: Mapping[str, str]):
        self._path = path
        self._values = values
        self.cores = self.having("numCycles")
        """Names of all cores."""

    def having(self, statistic: str) -> list[str]:
        """Return the objects that have a statistic, in the order of the numbers in their names."""
        names = [name.removesuffix(f".{statistic}") for name in self._values if name.endswith(f".{statistic}")]
        return sorted(names, key=lambda name: [int(n) if n.isdigit() else n for n in re.split(r"(\d+)", name)])

    def kind(self, core: str) -> CoreKind | None:
        """Return the kind of a core, by its parts; None if it is of another kind."""
        for kind, (part, _) in KINDS.items():
            if any(name.startswith(f"{core}.{part}") for name in self._values):
                return kind
        return None

    def ran(self) -> list[str]:
        """Return the cores that worked during the dump."""
        return [core for core in self.cores if self._number(f"{core}.numCycles")]

    def core(self, chosen: str | None) -> str:
        """Return the core of a name, or the first one that worked.

        Raises
        ------
        ConfigError
            If there is no such core; or if none is chosen and both a core from which the run was switched and the core
            to which it was switched worked.
        """
        if not self.cores:
            raise ConfigError(f"{self._path}: no statistics of a core (numCycles)")
        if chosen is not None:
            if chosen not in self.cores:
                near = suggest(chosen, self.cores)
                raise ConfigError(f"{self._path}: --cpu = {chosen} is not allowed: no such core{near}")
            return chosen
        ran = self.ran()
        switched = [core for core in ran if "switch" in core]
        if switched and len(switched) < len(ran):
            cycles = ", ".join(f"{core} ({self._values[f'{core}.numCycles']} cycles)" for core in ran)
            raise ConfigError(f"{self._path}: the run was switched between cores: choose one with --cpu: {cycles}")
        return (ran or self.cores)[0]

    def cache(self, core: str, level: str) -> str:
        """Return the cache of a level that serves a core: by the names of those who ask it, or else by its own name.

        Raises
        ------
        ConfigError
            If there is none, or several and none of them has the core's number.
        """
        found = [name for name in self.having("overallAccesses::total") if _is_of_level(name, level)]
        asked = {name: self._requestors(name) for name in found}
        own = [name for name in found if name.startswith(f"{core}.")]
        own = own or [name for name in found if any(_same_object(core, each) for each in asked[name])]
        # Where no requestor is named, caches of other units lie in parts of the machine that are theirs.
        near = own or [name for name in found if not asked[name] and _is_near(name, core)]
        if len(near) > 1:
            near = [name for name in near if _number_of(name) == _number_of(core)] or near
        if not near:
            others = f"; other units have {', '.join(found)}" if found else ""
            raise ConfigError(
                f"{self._path}: no statistics of a cache of level {level} of core {core} (overallAccesses){others}"
            )
        if len(near) > 1:
            raise ConfigError(
                f"{self._path}: core {core} may use any of these caches of level {level}: {', '.join(near)}"
            )
        return near[0]

    def _requestors(self, cache: str) -> set[str]:
        """Return the cores and other units that ask a cache, without ``.data`` and ``.inst``."""
        prefix = re.compile(re.escape(cache) + r"\.overall\w+::(.+)\.(?:data|inst)")
        return {match[1] for name in self._values if (match := prefix.fullmatch(name))}

    def _number(self, name: str) -> float:
        try:
            return float(self._values[name])
        except ValueError:
            return 0


def _is_of_level(name: str, level: str) -> bool:
    """Return whether a cache is of a level, by its own name or the name of the object around it."""
    parts = re.sub("[-_]", "", name.lower()).split(".")[-2:]
    return any(re.match(CACHE_NAMES[level], part) for part in parts)


def _same_object(core: str, requestor: str) -> bool:
    """Return whether a requestor is a core; its name lacks the outermost objects, whose names may be short."""
    return core == requestor or core.endswith(f".{requestor}")


def _is_near(cache: str, core: str) -> bool:
    """Return whether a cache lies where the core lies, or in a hierarchy of caches."""
    around = cache.rsplit(".", 1)[0]
    return f"{core}.".startswith(f"{around}.") or re.search("cache|l[123]", around.lower()) is not None


def _number_of(name: str) -> int:
    """Return the last number at the end of a part of a name, 0 without one: the level in ``l2`` is none."""
    numbers = [match[1] for part in name.split(".") if (match := re.search(r"(?<![lL])(?<!\d)(\d+)$", part))]
    return int(numbers[-1]) if numbers else 0
