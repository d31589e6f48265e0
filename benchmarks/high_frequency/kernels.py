"""Kernels alone at 100 GHz: two runs that differ in how often they repeat a kernel differ by that kernel alone."""

import re
from collections.abc import Sequence

from benchmarks.high_frequency.figures import in_order_over_baseline, range_of
from benchmarks.high_frequency.tables import HEADINGS, HIGH_GHZ, OUT_OF_ORDER, Runs, speedups
from tilewright.base.tables import markdown_table
from tilewright.gem5_configs.operator_cost import per_repetition
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun
from tilewright.sim.config.host_clocks import HostClocks, domain_clocks

Speedups = dict[str, dict[str, float]]
"""Kernel to heading of a variant to its speed-up over 4 GHz."""
SIZES = ("l1", "l2")
"""Of whole programs."""
LEAST, MOST = 1.5, 3.0
"""Speed-up of a fast core with slow caches that arXiv 2408.03308 reports, roughly."""


def once(
    runs: Sequence[MeasuredRun], clocks: HostClocks, host: str = "cryogenic", size: str = "l1"
) -> dict[str, MeasuredRun]:
    """Return what one repetition adds on the out-of-order core: kernel to its time, instructions and cycles.

    Of other columns, those of the longer run.
    """
    pairs: dict[str, dict[int, MeasuredRun]] = {}
    for run in runs:
        label = re.fullmatch(rf"(\w+)-{size}-x(\d+)", run.workload)
        if label and (run.core, run.host, run.clocks) == (OUT_OF_ORDER, host, clocks):
            pairs.setdefault(label[1], {})[int(label[2])] = run
    found = {}
    for kernel, pair in pairs.items():
        added = {
            name: per_repetition({times: getattr(run, name) for times, run in pair.items()})
            for name in ("sim_seconds", "sim_insts", "core_cycles")
        }
        longer = pair[max(pair)]
        found[kernel] = longer.replace(workload=kernel, ipc=added["sim_insts"] / added["core_cycles"], **added)
    return found


def kernel_speedups(runs: Sequence[MeasuredRun]) -> Speedups:
    """Return the speed-ups of kernels at 100 GHz."""
    start = once(runs, BASELINE)
    fast = {heading: once(runs, domain_clocks(name, HIGH_GHZ)) for name, heading in HEADINGS.items()}
    return {
        kernel: {heading: run.sim_seconds / at[kernel].sim_seconds for heading, at in fast.items()}
        for kernel, run in start.items()
    }


def kernels_alone_table(runs: Sequence[MeasuredRun]) -> str:
    """Return instructions of a repetition, their number a cycle at 4 GHz, what its caches gain, and the speed-ups."""
    start, warm = once(runs, BASELINE), once(runs, BASELINE, host="baseline")
    rows = []
    for kernel, found in kernel_speedups(runs).items():
        run = start[kernel]
        cold = warm[kernel].sim_seconds / run.sim_seconds
        gains = (f"{gain:.2f}" for gain in found.values())
        rows.append([kernel, f"{run.sim_insts:,.0f}", f"{run.ipc:.2f}", f"{cold:.2f}", *gains])
    return markdown_table(["kernel", "instructions", "IPC", "4 GHz, over `baseline`", *HEADINGS.values()], rows)


def from_the_buffer(whole: Runs) -> set[str]:
    """Return the kernels whose loop stays in the fetch buffer: less than a line looked up in 50 instructions."""
    runs = whole.baselines[OUT_OF_ORDER]
    return {name.removesuffix("-l1") for name, run in runs.items()
            if name.endswith("-l1") and run.l1i_accesses < run.sim_insts / 50}  # fmt: skip


def whole_speedups(whole: Runs, size: str) -> dict[str, dict[str, float]]:
    """Return measured speed-ups of whole programs on the out-of-order core: workload to heading to speed-up."""
    return {
        workload: {
            HEADINGS[name]: measured
            for name, (measured, _) in speedups(whole, OUT_OF_ORDER, workload).items()
            if measured is not None
        }
        for workload in whole.baselines[OUT_OF_ORDER]
        if workload.endswith(f"-{size}")
    }


def kernel_bars(whole: Runs, alone: Sequence[MeasuredRun]) -> Speedups:
    """Return label to kernel to speed-up: what a fast core gains alone and with caches, in kernels and in programs."""
    core, first, _, third, _ = HEADINGS.values()
    gains = kernel_speedups(alone)
    bars = {
        f"kernel: {parts} fast": {name: gain[heading] for name, gain in gains.items()}
        for heading, parts in ((core, "core"), (first, "core and L1"))
    }
    for size in SIZES:
        programs = whole_speedups(whole, size)
        bars[f"program, size {size}: core to L3 fast"] = {
            name.split("-")[0]: gain[third] for name, gain in programs.items()
        }
    return bars


def kernel_figures(whole: Runs, alone: Sequence[MeasuredRun]) -> dict[str, str]:
    """Return the figures in the words about our own workloads."""
    core, first, second, third, board = HEADINGS.values()
    gains, buffered = kernel_speedups(alone), from_the_buffer(whole)
    found = {
        "kernels core": range_of((gain[core] for gain in gains.values()), ".1f"),
        "kernels buffered": range_of((gain[core] for name, gain in gains.items() if name in buffered), ".1f"),
        "kernels fetched": range_of((gain[core] for name, gain in gains.items() if name not in buffered), ".1f"),
        "kernels L1": range_of((gain[first] for gain in gains.values()), ".1f"),
    }
    programs = {size: whole_speedups(whole, size) for size in SIZES}
    for size, of_size in programs.items():
        sized = of_size.values()
        found |= {
            f"{size} core": range_of((gain[core] for gain in sized), ".1f"),
            f"{size} caches": range_of((gain[third] for gain in sized), ".1f"),
            f"{size} board": range_of((gain[board] for gain in sized), ".1f"),
            f"{size} as in the paper": f"{sum(LEAST <= gain[core] <= MOST for gain in sized)}",
        }
    slower = {name: gain[second] / gain[first] for name, gain in programs["l2"].items()}
    named = ("chase", "bfs", "triad", "cg")
    found |= {f"second {name}": f"{slower.pop(f'{name}-l2'):.1f}" for name in named}
    ratios = in_order_over_baseline(whole)
    return found | {
        "second others": f"{max(slower.values()):.1f}",
        "third": f"{max(gain[third] / gain[second] for sized in programs.values() for gain in sized.values()) - 1:.0%}",
        "programs in order": f"{sum(ratio > 1 for ratio in ratios.values())} of {len(ratios)}",
    }
