"""Kernels alone at 100 GHz: two runs that differ in how often they repeat a kernel differ by that kernel alone."""

import re
from collections.abc import Sequence

from benchmarks.high_frequency_tables import HEADINGS, HIGH_GHZ, OUT_OF_ORDER, Runs, rows_of, speedups
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun
from tilewright.sim.config.host_clocks import HostClocks, domain_clocks

Speedups = dict[str, dict[str, float]]
"""Kernel to heading of a variant to its speed-up over 4 GHz."""


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
        few, many = min(pair), max(pair)
        added = {
            name: (getattr(pair[many], name) - getattr(pair[few], name)) / (many - few)
            for name in ("sim_seconds", "sim_insts", "core_cycles")
        }
        found[kernel] = pair[many].replace(workload=kernel, ipc=added["sim_insts"] / added["core_cycles"], **added)
    return found


def kernel_speedups(runs: Sequence[MeasuredRun]) -> Speedups:
    """Return the speed-ups of kernels at 100 GHz."""
    start = once(runs, BASELINE)
    fast = {heading: once(runs, domain_clocks(name, HIGH_GHZ)) for name, heading in HEADINGS.items()}
    return {
        kernel: {heading: run.sim_seconds / at[kernel].sim_seconds for heading, at in fast.items()}
        for kernel, run in start.items()
    }


def kernels_alone_table(runs: Sequence[MeasuredRun]) -> list[str]:
    """Return instructions of a repetition, their number a cycle at 4 GHz, what its caches gain, and the speed-ups."""
    start, warm = once(runs, BASELINE), once(runs, BASELINE, host="baseline")
    rows = []
    for kernel, found in kernel_speedups(runs).items():
        run = start[kernel]
        cold = warm[kernel].sim_seconds / run.sim_seconds
        gains = (f"{gain:.2f}" for gain in found.values())
        rows.append([kernel, f"{run.sim_insts:,.0f}", f"{run.ipc:.2f}", f"{cold:.2f}", *gains])
    return rows_of(["kernel", "instructions", "IPC", "4 GHz, over `baseline`", *HEADINGS.values()], rows)


def kernel_figures(whole: Runs, alone: Sequence[MeasuredRun]) -> dict[str, str]:
    """Return the figures in the words about our own workloads."""
    gains = kernel_speedups(alone)
    found = {}
    for name, heading in HEADINGS.items():
        measured = [speedups(whole, OUT_OF_ORDER, workload)[name][0] for workload in whole.baselines[OUT_OF_ORDER]]
        for what, values in (("kernels", [gain[heading] for gain in gains.values()]), ("whole", measured)):
            known = [value for value in values if value is not None]
            found[f"{what} {heading}"] = f"{min(known):.1f} to {max(known):.1f}"
    return found
