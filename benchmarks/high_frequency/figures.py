"""Figures that stand in the prose of docs/high-frequency-study.md."""

from collections.abc import Iterable

from benchmarks.high_frequency.bandwidth import Floor, floor, port_bounds, saved
from benchmarks.high_frequency.tables import (
    HEADINGS,
    HIGH_GHZ,
    IN_ORDER,
    MARGINS,
    OUT_OF_ORDER,
    SHARE,
    SOUGHT,
    Runs,
    speedups,
)
from tilewright.gem5_configs.needed_clock import needed_ghz
from tilewright.gem5_configs.runs import BASELINE
from tilewright.gem5_configs.speedup import VARIANTS
from tilewright.gem5_configs.utilisation import utilisation

CORE, L1, L2, L3, EVERYTHING = VARIANTS


def figures(runs: Runs) -> dict[str, str]:
    """Return the figures of the published runs by name, as they are written."""
    return {**_speedups(runs), **_bandwidth(runs), **_in_order(runs), **_clocks(runs)}


def share_errors(runs: Runs) -> dict[tuple[str, str], float]:
    """Return by how much the predicted share of the speed-up with everything fast is off.

    Of each workload and variant that were measured.
    """
    found = {}
    for workload in runs.baselines[OUT_OF_ORDER]:
        pairs = speedups(runs, OUT_OF_ORDER, workload)
        most, most_predicted = pairs.pop(EVERYTHING)
        for variant, (measured, predicted) in pairs.items():
            if measured is not None and most is not None:
                found[workload, variant] = abs(measured / most - predicted / most_predicted)
    return found


def other_start(runs: Runs) -> list[float]:
    """Return by how much the clocks that caches need differ if predicted from the run with everything fast."""
    found = []
    for workload, start in runs.baselines[OUT_OF_ORDER].items():
        fast = runs.measured(OUT_OF_ORDER, workload, EVERYTHING)
        for parts in SOUGHT.values():
            if fast is None or "board" in parts:
                continue
            one, other = (needed_ghz(run, parts, SHARE, HIGH_GHZ, BASELINE.core_ghz) for run in (start, fast))
            if one and other:
                found.append(abs(other / one - 1))
    return found


def floors(runs: Runs, variant: str) -> dict[str, Floor]:
    """Return what does not scale in a variant of the out-of-order core, of each workload that has the runs for it."""
    found = {name: floor(runs, OUT_OF_ORDER, name, variant) for name in runs.baselines[OUT_OF_ORDER]}
    return {name: left for name, left in found.items() if left}


def _measured(runs: Runs, variant: str) -> list[float]:
    found = (speedups(runs, OUT_OF_ORDER, name)[variant][0] for name in runs.baselines[OUT_OF_ORDER])
    return [value for value in found if value is not None]


def range_of(values: Iterable[float], form: str) -> str:
    """Return the least and the most of some figures, as words."""
    found = sorted(values)
    return f"{found[0]:{form}} to {found[-1]:{form}}"


def _speedups(runs: Runs) -> dict[str, str]:
    ratios = {name: _measured(runs, name) for name in VARIANTS}
    half = [left.slower.sim_seconds / left.run.sim_seconds for left in floors(runs, CORE).values()]
    third = dict(zip(runs.baselines[OUT_OF_ORDER], zip(ratios[L2], ratios[L3], strict=True), strict=True))
    return {
        "flat": range_of((1 / ratio for ratio in half), ".0%"),
        **{f"third {name}": f"{fast / slow:.1f}" for name, (slow, fast) in third.items()},
        "core alone": range_of(ratios[CORE], ".2f"),
        "all caches": range_of(ratios[L3], ".1f"),
        "board adds": range_of(
            (fast / slow - 1 for fast, slow in zip(ratios[EVERYTHING], ratios[L3], strict=True)), ".0%"
        ),
    }


def _bandwidth(runs: Runs) -> dict[str, str]:
    start = runs.baselines[OUT_OF_ORDER]
    alone, first, second = floors(runs, CORE), floors(runs, L1), floors(runs, L2)
    in_order = [utilisation(run) for run in runs.runs if run.core == IN_ORDER and run.core_ghz == HIGH_GHZ]
    memory = [utilisation(run).dram for run in runs.runs if run.core_ghz == HIGH_GHZ]
    crossbars = [share for busy in in_order for share in (busy.l2, busy.l3)]
    lines = [utilisation(run).l2_lines for run in runs.runs]
    near = [name for name in start if name not in ("npb-ft-size-s", "npb-cg-size-s")]
    bt = "npb-bt-size-s"
    return {
        **{f"fetch {name}": f"{left.busy.fetch:.0%}" for name, left in alone.items()},
        **{f"L2 {name}": f"{left.busy.l2:.0%}" for name, left in first.items()},
        "most L2 but ft": f"{max(left.busy.l2 for name, left in first.items() if name != 'npb-ft-size-s'):.0%}",
        **{f"L3 {name}": f"{left.busy.l3:.0%}" for name, left in second.items()},
        "most L3 but cg": f"{max(left.busy.l3 for name, left in second.items() if name != 'npb-cg-size-s'):.0%}",
        # Both directions: 3 cycles for an answer; 1 for its request and 3 for a line written back.
        "L2 worst": f"{4 / 3 * first['npb-ft-size-s'].busy.l2:.0%}",
        "L3 worst": f"{4 / 3 * second['npb-cg-size-s'].busy.l3:.0%}",
        "ft unbounded": f"{saved(start['npb-ft-size-s'], L1)[0]:.0%}",
        "ft unbounded L2": f"{saved(start['npb-ft-size-s'], L2)[0]:.0%}",
        "ft nearer": f"{saved(start['npb-ft-size-s'], L1)[1]:.0%}",
        "cg unbounded": f"{saved(start['npb-cg-size-s'], L1)[0]:.0%}",
        "cg nearer": f"{saved(start['npb-cg-size-s'], L1)[1]:.0%}",
        "cg unbounded L2": f"{saved(start['npb-cg-size-s'], L2)[0]:.0%}",
        "cg nearer L2": f"{saved(start['npb-cg-size-s'], L2)[1]:.0%}",
        "others unbounded": f"{max(saved(start[name], L1)[0] for name in near):.0%}",
        "others nearer": range_of((saved(start[name], L1)[1] for name in near), ".0%"),
        "ft unbounded all": f"{saved(start['npb-ft-size-s'], EVERYTHING)[0]:.0%}",
        "most memory floor": f"{max(left.busy.dram for left in floors(runs, EVERYTHING).values()):.0%}",
        "most memory": f"{max(memory):.0%}",
        "most lines": f"{max(lines):.1f}",
        "most L1D": f"{max(utilisation(run).l1d for run in runs.runs):.2f}",
        "bt one port": f"{port_bounds(alone[bt].run, start[bt])[0]:.2f}",
        "in-order fetch": f"{max(busy.fetch for busy in in_order):.0%}",
        "in-order crossbars": f"{max(crossbars):.0%}",
    }


def in_order_over_baseline(runs: Runs) -> dict[str, float]:
    """Return the time of the in-order core, alone at 100 GHz, over that of the out-of-order core at 4 GHz."""
    found = {}
    for workload, reference in runs.baselines[OUT_OF_ORDER].items():
        run = runs.measured(IN_ORDER, workload, CORE)
        if run is not None:
            found[workload] = run.sim_seconds / reference.sim_seconds
    return found


def _in_order(runs: Runs) -> dict[str, str]:
    ratios = in_order_over_baseline(runs)
    fast = [
        reference.sim_seconds / run.sim_seconds
        for workload, reference in runs.baselines[OUT_OF_ORDER].items()
        for variant in (L3, EVERYTHING)
        if (run := runs.measured(IN_ORDER, workload, variant))
    ]
    slower = {name: ratio for name, ratio in ratios.items() if ratio > 1}
    return {
        "in-order slower": f"{len(slower)} of {len(ratios)}",
        "in-order fast": range_of(fast, ".1f"),
        "in-order slower by": range_of(slower.values(), ".2f"),
        "in-order faster by": range_of((1 / ratio for ratio in ratios.values() if ratio <= 1), ".2f"),
    }


def _clocks(runs: Runs) -> dict[str, str]:
    found = {"share": f"{SHARE:.0%}", "margins": f"{MARGINS[0]:.0%} and {MARGINS[1]:.0%}"}
    for core in runs.cores:
        for label in ("L1", "L2", "L1, L2 and L3"):
            clocks = [
                needed_ghz(run, SOUGHT[label], SHARE, HIGH_GHZ, run.l1d_ghz) for run in runs.baselines[core].values()
            ]
            found[f"{core} {label}"] = range_of((ghz for ghz in clocks if ghz), ".2g")
    found["other start"] = f"{max(other_start(runs)):.0%}"
    errors = share_errors(runs)
    workload, variant = max(errors, key=lambda key: errors[key])
    return found | {
        "shares compared": str(len(errors)),
        "share error": f"{100 * sum(errors.values()) / len(errors):.1f}",
        "worst share error": f"{100 * max(errors.values()):.0f}",
        "worst share": f"`{workload}`, `{HEADINGS[variant]}`",
    }
