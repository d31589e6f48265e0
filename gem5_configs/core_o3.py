"""The out-of-order core: interval analysis of fetch and of the window behind it.

Fetch takes one line at a time: a line's lookup, then its instructions at the core's width. The window (reorder buffer)
stalls for data: on the first level a little, on a miss for the share of its latency that other misses do not cover.
Between two branches that are predicted wrong the two sides overlap, so that the slower one decides; a wrong branch
empties the window, and fetch then delays what is behind it. Memory is so far that the window fills up meanwhile, and
then fetch stands still, too. After Karkhanis and Smith, "A first-order superscalar processor model", ISCA 2004, and
Eyerman et al., "A mechanistic performance model for superscalar out-of-order processors", ACM TOCS 27(2), 2009.
"""

from dataclasses import dataclass

from tilewright.gem5_configs.core_stack import Stack
from tilewright.gem5_configs.memory_times import MemoryTimes, answered
from tilewright.gem5_configs.runs import MeasuredRun, demanded
from tilewright.sim.config.host import HostConfig

REFILL_CYCLES = 7
"""Cycles from the execution of a wrong branch to the execution of its successor, fetch excepted: gem5's delays from
execute to commit and to fetch, and from fetch to decode, rename, issue and execute. Source: defaults of gem5 24.0,
src/cpu/o3/BaseO3CPU.py. The number only divides the core's own time between ``base`` and ``branch``."""


@dataclass(frozen=True)
class O3Constants:
    """Constants that the counts of a run do not determine; each has one value for all workloads, fitted by
    ``benchmarks.core_fit``."""

    load_exposure: float = 0.08
    """Share of the first level's hit latency that the window does not hide, for each access."""
    clustering: float = 3.8
    """Factor by which misses are denser around a miss than on average, less 1: 1 + clustering x (misses in a window)
    overlap."""
    memory_exposure: float = 0.37
    """Share of an access to data in memory that the core waits for, where no access joins a line that is already on its
    way."""


@dataclass(frozen=True)
class Stalls:
    """Time for which the core waits, by cause; the core's own work is not included."""

    fetch: Stack
    """Time for which fetch waits."""
    window: Stack
    """Time for which the window waits while fetch may go on."""
    alone: Stack
    """Time for which the full window waits for memory and nothing else goes on."""


def stalls(run: MeasuredRun, times: MemoryTimes, host: HostConfig, constants: O3Constants) -> Stalls:
    """Return the time for which each side waits."""
    core = host.o3
    # A line that was fetched behind a wrong branch costs nothing but what the branch costs anyway.
    lines = max(run.l1i_accesses - run.cond_mispredicts, run.l1i_accesses / 2)
    busy = run.sim_insts / run.l1i_accesses / core.width * times.core
    line = answered(host.l1i.hit_cycles * times.l1, times.l1, busy)
    delivering = busy if busy > times.l1 else 0.0
    fetch = Stack(base=lines * delivering, l1i=lines * (line - delivering))

    window = min(core.reorder_entries, run.sim_insts / max(run.cond_mispredicts, 1))
    overlapping = 1 + constants.clustering * run.l2_accesses * window / run.sim_insts
    exposed = max(1 / overlapping, 1 / host.l1d.mshrs)
    missed = run.l1i_misses + run.l1d_misses
    instructions = run.l1i_misses / max(missed, 1)
    joining = max(missed / max(run.l2_accesses, 1), 1)
    exposed_far = demanded(run) * (instructions + (1 - instructions) * constants.memory_exposure) / joining
    exposed_far = max(exposed_far, 1 / host.l1d.mshrs)

    far = min(run.dram_reads, run.l2_accesses)
    near = run.l2_accesses - far
    third = max(run.l3_accesses - far, 0)
    queue = run.dram_access_latency_ps / 1000
    memory = run.dram_reads * max(exposed_far * (times.dram + queue), times.dram_line)
    filling = core.reorder_entries / run.sim_insts * fetch.total
    beside = min(memory * min(filling / (times.dram + queue), 1), fetch.total)
    waiting = Stack(
        branch=run.cond_mispredicts * REFILL_CYCLES * times.core,
        l1d=constants.load_exposure * run.l1d_accesses * times.l1_hit,
        l2=max((near * exposed + far * exposed_far) * times.l2, run.l2_accesses * times.l2_line),
        l3=max(third * exposed * times.l3_hit + far * exposed_far * times.l3_miss, run.l3_accesses * times.l3_line),
        dram=beside,
    )
    return Stalls(fetch, waiting, Stack(dram=memory - beside))


def overlap(run: MeasuredRun, host: HostConfig) -> float:
    """Return the share of the time in which fetch and window overlap: whole windows without a wrong branch."""
    return run.sim_insts / (run.sim_insts + host.o3.reorder_entries * run.cond_mispredicts)
