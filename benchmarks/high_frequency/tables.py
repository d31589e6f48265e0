"""Tables of docs/high-frequency-study.md: what runs at 100 GHz measured and what the model predicts for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.tables import markdown_table
from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.needed_clock import kept_speedup, needed_ghz, slowest
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun, baselines, published_host, read_runs, runs_of
from tilewright.gem5_configs.speedup import VARIANTS
from tilewright.sim.config.host import CoreKind
from tilewright.sim.config.host_clocks import HostClocks, Part, domain_clocks

HIGH_GHZ = 100
SHARE = 0.9
"""Of the speed-up with everything fast: what counts as having kept it."""
MARGINS = (0.85, 0.95)
"""Shares between which the clock that is needed is given, too."""
HEADINGS = dict(zip(VARIANTS, ("core", "+ L1", "+ L2", "+ L3", "+ board"), strict=True))
"""Variants by what each adds to the one before."""
SLOW_GHZ: dict[Part, float] = {
    "l1": BASELINE.l1_ghz,
    "l2": BASELINE.l2_ghz,
    "l3": BASELINE.l3_ghz,
    "board": BASELINE.board_ghz,
}
"""Clocks below which nothing is sought."""
SOUGHT: dict[str, tuple[Part, ...]] = {
    "L1": ("l1",),
    "L2": ("l2",),
    "L3": ("l3",),
    "board": ("board",),
    "L1, L2 and L3": ("l1", "l2", "l3"),
}
"""Parts whose clock is sought, the others at ``HIGH_GHZ``."""
CURVE_GHZ = (1, 2, 4, 7, 10, 14, 20, 30, 50, 70, 100)
OUT_OF_ORDER: CoreKind = "o3"
IN_ORDER: CoreKind = "minor"


@dataclass(frozen=True)
class Runs:
    """Runs of some workloads, and those that predictions start from."""

    runs: list[MeasuredRun]
    baselines: dict[CoreKind, dict[str, MeasuredRun]]
    """Core to workload to its run at 4 GHz."""

    @classmethod
    def read(cls, path: Path, cores: Sequence[CoreKind]) -> "Runs":
        """Return the runs of a CSV file on the host of the published ones; of a core that has none in it, none.

        Raises
        ------
        ConfigError
            If it cannot be read, or a core has no run at 4 GHz.
        """
        runs = runs_of(read_runs(path), published_host(), path)
        there = {run.core for run in runs}
        return cls(runs, {core: baselines(runs, core, path) for core in cores if core in there})

    @property
    def cores(self) -> list[CoreKind]:
        """Cores that have runs."""
        return list(self.baselines)

    def measured(self, core: CoreKind, workload: str, variant: str) -> MeasuredRun | None:
        """Return the run of a variant at ``HIGH_GHZ``, by its clocks: a name may say otherwise."""
        clocks = domain_clocks(variant, HIGH_GHZ)
        same = (run for run in self.runs if (run.core, run.workload, run.clocks) == (core, workload, clocks))
        return next(same, None)


def speedups(runs: Runs, core: CoreKind, workload: str) -> dict[str, tuple[float | None, float]]:
    """Return measured and predicted speed-up of each variant over the same core at 4 GHz."""
    start = runs.baselines[core][workload]
    found = {}
    for variant in VARIANTS:
        run = runs.measured(core, workload, variant)
        predicted = predict(start, domain_clocks(variant, HIGH_GHZ)).seconds
        found[variant] = (start.sim_seconds / run.sim_seconds if run else None, start.sim_seconds / predicted)
    return found


def _both(measured: float | None, predicted: float) -> str:
    return f"{'-' if measured is None else f'{measured:.2f}'} ({predicted:.2f})"


def speedup_table(runs: Runs) -> str:
    """Return speed-ups at 100 GHz, and up to which level a workload must be fast; predictions in brackets."""
    rows = []
    for core in runs.cores:
        for workload in runs.baselines[core]:
            found = speedups(runs, core, workload)
            known, guessed = (needed_variant(found, measured) for measured in (True, False))
            need = HEADINGS[known] if known else f"({HEADINGS[str(guessed)]})"
            rows.append([core, workload, *(_both(*pair) for pair in found.values()), need])
    return markdown_table(["core", "workload", *HEADINGS.values(), "fast up to"], rows)


def needed_variant(found: Mapping[str, tuple[float | None, float]], measured: bool) -> str | None:
    """Return the first variant with ``SHARE`` of the speed-up of the last; nothing if one of them was not measured."""
    values = [pair[0] if measured else pair[1] for pair in found.values()]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return next(name for name, value in zip(found, known, strict=True) if value >= SHARE * known[-1])


def labelled_stacks(start: Mapping[str, MeasuredRun]) -> dict[str, dict[str, dict[str, float]]]:
    """Return for each workload the stack at 4 GHz and those of all variants at 100 GHz."""
    return {
        workload: {
            "4 GHz": predict(run, BASELINE).cpi_stack,
            **{HEADINGS[name]: predict(run, domain_clocks(name, HIGH_GHZ)).cpi_stack for name in VARIANTS},
        }
        for workload, run in start.items()
    }


def stack_table(runs: Runs) -> str:
    """Return the part that takes most of the time, its share, and the cycles an instruction."""
    rows = []
    for core in runs.cores:
        for workload, stacks in labelled_stacks(runs.baselines[core]).items():
            cells = []
            for stack in stacks.values():
                total = sum(stack.values())
                part = max(stack, key=lambda name: stack[name])
                cells.append(f"{part} {stack[part] / total:.0%} of {total:.2f}")
            rows.append([core, workload, *cells])
    return markdown_table(["core", "workload", "4 GHz", *HEADINGS.values()], rows)


def break_even_ghz(in_order: MeasuredRun, seconds: float) -> str:
    """Return the clock of the first level at which an in-order core at 100 GHz takes so many seconds, as a cell."""

    def enough(ghz: float) -> bool:
        return predict(in_order, HostClocks(core_ghz=HIGH_GHZ, l1_ghz=ghz)).seconds <= seconds

    if not enough(HIGH_GHZ):
        return f"> {HIGH_GHZ}"
    return _cell(slowest(enough, BASELINE.l1_ghz, HIGH_GHZ), BASELINE.l1_ghz)


def in_order_table(runs: Runs) -> str:
    """Return the speed of the in-order core over the out-of-order core at 4 GHz; nothing where one has no runs."""
    if not {OUT_OF_ORDER, IN_ORDER} <= set(runs.cores):
        return []
    rows = []
    for workload, start in runs.baselines[IN_ORDER].items():
        reference = runs.baselines[OUT_OF_ORDER].get(workload)
        if reference is None:
            continue
        over = reference.sim_seconds / start.sim_seconds
        pairs = [
            (None if measured is None else measured * over, predicted * over)
            for measured, predicted in speedups(runs, IN_ORDER, workload).values()
        ]
        even = break_even_ghz(start, reference.sim_seconds)
        rows.append([workload, f"{over:.2f}", *(_both(*pair) for pair in pairs), even])
    return markdown_table(["workload", "4 GHz", *HEADINGS.values(), "L1 GHz to draw level"], rows)


def in_order_speeds(runs: Runs) -> dict[str, dict[str, float]]:
    """Return measured speeds over the out-of-order core at 4 GHz of what has slow caches: label to workload to speed.

    Nothing where one of the cores has no runs.
    """
    if not {OUT_OF_ORDER, IN_ORDER} <= set(runs.cores):
        return {}
    found: dict[str, dict[str, float]] = {}
    for workload, reference in runs.baselines[OUT_OF_ORDER].items():
        bars = {
            "in order, 4 GHz": runs.baselines[IN_ORDER].get(workload),
            f"in order, {HIGH_GHZ} GHz": runs.measured(IN_ORDER, workload, VARIANTS[0]),
            f"out of order, {HIGH_GHZ} GHz": runs.measured(OUT_OF_ORDER, workload, VARIANTS[0]),
        }
        for label, run in bars.items():
            if run is not None:
                found.setdefault(label, {})[workload] = reference.sim_seconds / run.sim_seconds
    return found


def _cell(ghz: float | None, low: float) -> str:
    return f"<= {low:g}" if ghz is None else f"{ghz:.2g}"


def _needed(run: MeasuredRun, parts: tuple[Part, ...], share: float) -> str:
    low = SLOW_GHZ[parts[0]]
    return _cell(needed_ghz(run, parts, share, HIGH_GHZ, low), low)


def clocks_table(runs: Runs) -> str:
    """Return the clock that each part needs for ``SHARE`` of the speed-up, and for a little less and more."""
    rows = []
    for core in runs.cores:
        for workload, run in runs.baselines[core].items():
            cells = []
            for parts in SOUGHT.values():
                low, high = (_needed(run, parts, share) for share in MARGINS)
                middle = _needed(run, parts, SHARE)
                cells.append(middle if low == high else f"{middle} ({low} to {high})")
            rows.append([core, workload, *cells])
    return markdown_table(["core", "workload", *SOUGHT], rows)


def clock_curves(start: Mapping[str, MeasuredRun]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Return for each workload and part the share of the speed-up that is left at clocks of that part."""
    return {
        workload: {
            label: [(ghz, kept_speedup(run, parts, ghz, HIGH_GHZ)) for ghz in CURVE_GHZ]
            for label, parts in SOUGHT.items()
        }
        for workload, run in start.items()
    }
