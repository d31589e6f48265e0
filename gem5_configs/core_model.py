"""Predicts a run at other clocks from one measured run, at once: the analytic model of the host core.

Of a run the counts say how often the core may wait for what (``core_o3``, ``core_minor``); what then remains of its
measured time is the core's own work, which scales with the core's clock. Counts are taken to be the same at all clocks.
"""

from dataclasses import dataclass, replace

from tilewright.gem5_configs import core_minor
from tilewright.gem5_configs.core_minor import MinorConstants
from tilewright.gem5_configs.core_o3 import O3Constants, Stalls, overlap, stalls
from tilewright.gem5_configs.core_stack import PARTS, Stack
from tilewright.gem5_configs.memory_times import MemoryTimes, memory_times
from tilewright.gem5_configs.runs import MeasuredRun, published_host
from tilewright.sim.config.host import HostConfig
from tilewright.sim.config.host_clocks import HostClocks

O3_CONSTANTS = O3Constants()
MINOR_CONSTANTS = MinorConstants()


@dataclass(frozen=True)
class Prediction:
    """Time of a workload at given clocks."""

    seconds: float
    ipc: float
    """Instructions in each cycle of the core, as in the run on which the prediction is based."""
    cpi_stack: dict[str, float]
    """Cycles of the core for each instruction, divided by cause into the parts of ``Stack``; they add up to 1 /
    ``ipc``."""


def predict(
    run: MeasuredRun,
    clocks: HostClocks,
    host: HostConfig | None = None,
    o3: O3Constants = O3_CONSTANTS,
    minor: MinorConstants = MINOR_CONSTANTS,
) -> Prediction:
    """Return the time of the run's workload at other clocks.

    At the run's own clocks the prediction is the run. A faster clock never makes it longer.

    Parameters
    ----------
    run : MeasuredRun
        Measured run, at any clocks.
    clocks : HostClocks
        Clocks of the prediction; the core is the core of the run.
    host : HostConfig, optional
        Host with the run's core and caches; by default, the host of the published runs.
    o3, minor : optional
        Constants of the two cores.
    """
    host = host or published_host()
    return predict_at(run, memory_times(host, clocks), host, o3, minor)


def predict_at(
    run: MeasuredRun,
    after: MemoryTimes,
    host: HostConfig | None = None,
    o3: O3Constants = O3_CONSTANTS,
    minor: MinorConstants = MINOR_CONSTANTS,
) -> Prediction:
    """Return the time of the run's workload if cycles and accesses take the times ``after``, even times that no clocks
    give.

    What would be if crossbars had no end of bandwidth, or a cache answered in half the time. Otherwise as ``predict``.
    """
    host = host or published_host()
    before = memory_times(host, run.clocks)
    measured = run.sim_seconds * 1e9
    if run.core == "minor":
        stack = _predict_minor(run, measured, before, after, host, minor)
    else:
        stack = _predict_o3(run, measured, before, after, host, o3)
    seconds = stack.total / 1e9
    ipc = run.ipc * (run.sim_seconds * run.core_ghz) / (seconds / after.core)
    cycles = stack.scaled(1 / (stack.total * ipc))
    return Prediction(seconds, ipc, {part: getattr(cycles, part) for part in PARTS})


def _predict_minor(
    run: MeasuredRun,
    measured: float,
    before: MemoryTimes,
    after: MemoryTimes,
    host: HostConfig,
    constants: MinorConstants,
) -> Stack:
    known = core_minor.stalls(run, before, host, constants).total
    rest = max(measured - known, 0)
    stack = core_minor.stalls(run, after, host, constants) + Stack(base=rest * after.core / before.core)
    return stack.scaled(measured / (known + rest))


def _predict_o3(
    run: MeasuredRun, measured: float, before: MemoryTimes, after: MemoryTimes, host: HostConfig, constants: O3Constants
) -> Stack:
    share = overlap(run, host)
    waits = stalls(run, before, host, constants)
    work = _own_work(measured, waits, share)
    # The window issues no more than its width a cycle; where that leaves no time for hits of loads, it hides them.
    lacking = run.sim_insts / host.o3.width * before.core - work
    if lacking > 0 and waits.window.l1d:
        shown = max(1 - lacking / waits.window.l1d, 0)
        constants = replace(constants, load_exposure=shown * constants.load_exposure)
        waits = stalls(run, before, host, constants)
        work = _own_work(measured, waits, share)
    modelled = _overlapped(waits, work, share).total
    stack = _overlapped(stalls(run, after, host, constants), work * after.core / before.core, share)
    return stack.scaled(measured / modelled)


def _own_work(measured: float, waits: Stalls, share: float) -> float:
    """Return the window's own work, which makes both sides together take the measured time."""
    together, fetch = measured - waits.alone.total, waits.fetch.total
    window = together - (1 - share) * fetch
    if window < fetch and share < 1:
        window = (together - fetch) / (1 - share)
    return max(window - waits.window.total, 0)


def _overlapped(waits: Stalls, work: float, share: float) -> Stack:
    """Return the time of both sides, which overlap for ``share`` of it: there, only the longer one counts."""
    fetch, window = waits.fetch, waits.window + Stack(base=work)
    if fetch.total > window.total:
        return waits.alone + fetch + window.scaled(1 - share)
    return waits.alone + window + fetch.scaled(1 - share)
