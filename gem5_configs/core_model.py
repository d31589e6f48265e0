"""Predicts a run at other clocks from one measured run, at once: the analytic model of the host core.

Of a run the counts say how often the core may wait for what (``core_o3``, ``core_minor``); what then remains of its
measured time is the core's own work, which scales with the core's clock. Counts are taken to be the same at all clocks.
"""

from dataclasses import dataclass

from tilewright.gem5_configs.core_minor import MinorConstants, stalls
from tilewright.gem5_configs.core_o3 import O3Constants, overlap, stall_sides
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
    """Instructions a cycle of the core, as in the run that it was predicted from."""
    cpi_stack: dict[str, float]
    """Cycles of the core an instruction, by what they go to: parts of ``Stack``. They add up to 1 / ``ipc``."""


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
        What was measured, at any clocks.
    clocks : HostClocks
        To predict for; the core is that of the run.
    host : HostConfig, optional
        Whose core and caches the run had; by default, that of the published runs.
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
    """Return the time of the run's workload where cycles and accesses take ``after``, also such as no clocks give.

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
    known = stalls(run, before, host, constants).total
    rest = max(measured - known, 0)
    stack = stalls(run, after, host, constants) + Stack(base=rest * after.core / before.core)
    return stack.scaled(measured / (known + rest))


def _predict_o3(
    run: MeasuredRun, measured: float, before: MemoryTimes, after: MemoryTimes, host: HostConfig, constants: O3Constants
) -> Stack:
    share = overlap(run, host)
    fetch, waiting = stall_sides(run, before, host, constants)
    # The window's time for which both sides together take what was measured.
    window = measured - (1 - share) * fetch.total
    if window < fetch.total and share < 1:
        window = (measured - fetch.total) / (1 - share)
    rest = max(window - waiting.total, 0)
    modelled = _overlapped(fetch, waiting + Stack(base=rest), share).total

    fetch, waiting = stall_sides(run, after, host, constants)
    stack = _overlapped(fetch, waiting + Stack(base=rest * after.core / before.core), share)
    return stack.scaled(measured / modelled)


def _overlapped(fetch: Stack, window: Stack, share: float) -> Stack:
    """Return the time of both sides, of which ``share`` overlaps: there, only the longer one counts."""
    if fetch.total > window.total:
        return fetch + window.scaled(1 - share)
    return window + fetch.scaled(1 - share)
