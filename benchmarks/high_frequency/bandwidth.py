"""Latency or bandwidth: how busy levels are in measured runs, and what either costs in the model."""

from dataclasses import dataclass, replace

from benchmarks.high_frequency.tables import HEADINGS, HIGH_GHZ, OUT_OF_ORDER, Runs
from tilewright.base.tables import markdown_table
from tilewright.gem5_configs.core_model import predict_at
from tilewright.gem5_configs.memory_times import memory_times
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun, published_host
from tilewright.gem5_configs.speedup import VARIANTS
from tilewright.gem5_configs.utilisation import Utilisation, utilisation
from tilewright.sim.config.host import CoreKind
from tilewright.sim.config.host_clocks import DOMAINS, domain_clocks


def busy_levels(runs: Runs, core: CoreKind) -> dict[str, dict[str, dict[str, float]]]:
    """Return how busy each level was: workload to variant to level to share of the time."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for workload, start in runs.baselines[core].items():
        labels = {"4 GHz": start} | {
            HEADINGS[name]: run for name in VARIANTS if (run := runs.measured(core, workload, name))
        }
        found[workload] = {}
        for label, run in labels.items():
            busy = utilisation(run)
            levels = {"fetch": busy.fetch, "L1D": busy.l1d, "L2": busy.l2, "L3": busy.l3, "memory": busy.dram}
            found[workload][label] = levels
    return found


def saved(start: MeasuredRun, variant: str) -> tuple[float, float]:
    """Return the shares of the predicted time that go without bounds of bandwidth, and with half the latency.

    Of second and third level; bandwidth is also that of the memory's pins.
    """
    times = memory_times(published_host(), domain_clocks(variant, HIGH_GHZ))
    now = predict_at(start, times).seconds
    unbounded = replace(times, l2_line=0, l3_line=0, dram_line=0)
    nearer = replace(times, l2=times.l2 / 2, l3_hit=times.l3_hit / 2, l3_miss=times.l3_miss / 2)
    return 1 - predict_at(start, unbounded).seconds / now, 1 - predict_at(start, nearer).seconds / now


@dataclass(frozen=True)
class Floor:
    """What is left of a run at an endless clock of its fast parts, from two measured runs."""

    run: MeasuredRun
    """The faster one."""
    slower: MeasuredRun
    """The other one."""

    @property
    def seconds(self) -> float:
        """Time that does not scale: a, where the time is a + b / clock in both."""
        fast, slow = self.run, self.slower
        return (fast.sim_seconds * fast.core_ghz - slow.sim_seconds * slow.core_ghz) / (fast.core_ghz - slow.core_ghz)

    @property
    def share(self) -> float:
        """Of the faster run's time."""
        return self.seconds / self.run.sim_seconds

    @property
    def busy(self) -> Utilisation:
        """How busy each level is in the time that does not scale, where it has as much to do as in the run."""
        return utilisation(self.run.model_copy(update={"sim_seconds": self.seconds}))


def floor(runs: Runs, core: CoreKind, workload: str, variant: str) -> Floor | None:
    """Return what does not scale, from the two fastest runs of a variant; nothing where there is only one."""
    same = [
        run
        for run in runs.runs
        if (run.core, run.workload) == (core, workload)
        and run.core_ghz > BASELINE.core_ghz
        and run.clocks == domain_clocks(variant, run.core_ghz)
    ]
    if len(same) < 2:
        return None
    slower, faster = sorted(same, key=lambda run: run.core_ghz)[-2:]
    return Floor(faster, slower)


def bandwidth_table(runs: Runs) -> str:
    """Return what does not scale, how busy each slow level is meanwhile, and what bandwidth and latency cost."""
    rows = []
    for core in runs.cores:
        for workload, start in runs.baselines[core].items():
            for name in VARIANTS:
                left = floor(runs, core, workload, name)
                if left is None:
                    continue
                busy, fast = left.busy, DOMAINS[name]
                levels = {"l1": busy.fetch, "l2": busy.l2, "l3": busy.l3, "dram": busy.dram}
                cells = ["-" if level in fast else f"{share:.0%}" for level, share in levels.items()]
                lines = f"{utilisation(left.run).l2_lines:.1f}"
                bounds = [f"{share:.0%}" for share in saved(start, name)] if core == OUT_OF_ORDER else ["-", "-"]
                rows.append([core, workload, HEADINGS[name], f"{left.share:.0%}", *cells, lines, *bounds])
    heads = ("does not scale", "fetch", "L2", "L3", "memory", "lines under way", "no bound saves", "half latency saves")
    return markdown_table(["core", "workload", "fast", *heads], rows)


def port_bounds(run: MeasuredRun, start: MeasuredRun) -> list[float]:
    """Return the most speed-up if the first level of data took one access a cycle, or two."""
    least = [run.l1d_accesses / (ports * run.l1d_ghz * 1e9) for ports in (1, 2)]
    return [start.sim_seconds / max(run.sim_seconds, seconds) for seconds in least]


def ports_table(runs: Runs) -> str:
    """Return what a first level with so many accesses a cycle would leave of the speed-up of a fast core alone.

    Only where it takes something.
    """
    rows = []
    for core in runs.cores:
        for workload, start in runs.baselines[core].items():
            run = runs.measured(core, workload, VARIANTS[0])
            if run is None or utilisation(run).l1d <= 1:
                continue
            bounds = (f"{bound:.2f}" for bound in port_bounds(run, start))
            row = (f"{utilisation(run).l1d:.2f}", f"{start.sim_seconds / run.sim_seconds:.2f}", *bounds)
            rows.append([core, workload, *row])
    heads = ("accesses a cycle", "speed-up as run", "one a cycle, at most", "two a cycle, at most")
    return markdown_table(["core", "workload", *heads], rows)
