"""Utilisation of caches, crossbars and memory in a run, from its counts: how much bandwidth is left."""

from dataclasses import dataclass

from tilewright.gem5_configs.memory_times import answered, memory_times
from tilewright.gem5_configs.runs import MeasuredRun, published_host
from tilewright.sim.config.host import HostConfig


@dataclass(frozen=True)
class Utilisation:
    """Shares of a run's time, averaged over the run. Lines that are written back are counted for memory only."""

    fetch: float
    """Share of time for which fetch waits for lookups, if it asks when the previous one is answered; 1 if it only
    waits."""
    l1d: float
    """Accesses to the first-level data cache in each cycle; more than 1 if the cache takes several in a cycle."""
    l2: float
    """Share of time for which lines occupy the crossbar in front of the second level; at most 1."""
    l3: float
    """Share of time for which lines occupy the crossbar in front of the third level; at most 1."""
    dram: float
    """Share of time for which bursts occupy the memory's pins; at most 1."""
    l2_lines: float
    """Average number of lines under way from the second level or beyond it, at least (Little's law); not a share."""


def utilisation(run: MeasuredRun, host: HostConfig | None = None) -> Utilisation:
    """Return the utilisation of each level.

    Parameters
    ----------
    run : MeasuredRun
        Measured run, at its own clocks.
    host : HostConfig, optional
        Host with the run's caches; by default, the host of the published runs.
    """
    host = host or published_host()
    times = memory_times(host, run.clocks)
    elapsed = run.sim_seconds * 1e9
    lookup = answered(host.l1i.hit_cycles * times.l1, times.l1, 0)
    return Utilisation(
        fetch=run.l1i_accesses * lookup / elapsed,
        l1d=run.l1d_accesses * times.l1 / elapsed,
        l2=run.l2_accesses * times.l2_line / elapsed,
        l3=run.l3_accesses * times.l3_line / elapsed,
        dram=(run.dram_reads + run.dram_writes) * times.dram_line / elapsed,
        l2_lines=run.l2_accesses * times.l2 / elapsed,
    )
