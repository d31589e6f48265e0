"""The in-order core: all times that it waits for add up, except stores, which a buffer takes."""

from dataclasses import dataclass

from tilewright.gem5_configs.core_stack import Stack
from tilewright.gem5_configs.memory_times import MemoryTimes
from tilewright.gem5_configs.runs import MeasuredRun, demanded
from tilewright.sim.config.host import HostConfig

REFILL_CYCLES = 5
"""Cycles from the execution of a wrong branch to the execution of its successor, fetch excepted: the branch delay and a
cycle each to fetch 2, decode and execute. Source: arXiv 2408.03308, artefact, and gem5's defaults. The number only
divides the core's own time."""


@dataclass(frozen=True)
class MinorConstants:
    """Constants that the counts of a run do not determine; each has one value for all workloads, fitted by
    ``benchmarks.core_fit``."""

    load_exposure: float = 0.37
    """Share of data accesses whose hit latency the core waits for: loads whose value is needed at once."""
    miss_exposure: float = 0.53
    """Share of missing data that the core waits for: the share of loads. The core always waits for missing
    instructions."""


def stalls(run: MeasuredRun, times: MemoryTimes, host: HostConfig, constants: MinorConstants) -> Stack:
    """Return the time for which the core waits, without its own work."""
    # What the next level counts beyond the misses of this one are prefetches: nothing waits for them.
    missed = run.l1i_misses + run.l1d_misses
    second = min(run.l2_accesses, missed)
    instructions = run.l1i_misses / max(missed, 1)
    exposed = instructions + (1 - instructions) * constants.miss_exposure
    share = demanded(run)
    far = share * run.dram_reads
    third = max(share * run.l3_accesses - far, 0)
    queue = run.dram_access_latency_ps / 1000
    return Stack(
        branch=run.cond_mispredicts * REFILL_CYCLES * times.core,
        l1i=run.l1i_accesses * times.l1_hit,
        l1d=constants.load_exposure * run.l1d_accesses * times.l1_hit,
        l2=exposed * second * times.l2,
        l3=exposed * (third * times.l3_hit + far * times.l3_miss),
        dram=exposed * far * (times.dram + queue),
    )
