"""Speed-ups over the 4 GHz runs: predicted for every variant at any frequency, and measured where there are runs."""

from collections.abc import Mapping, Sequence

from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun
from tilewright.sim.config.host import HostConfig
from tilewright.sim.config.host_clocks import DOMAINS, domain_clocks

FREQUENCIES = (4, 5, 7, 10, 14, 20, 30, 50, 70, 100)
"""Frequencies in GHz at which curves are drawn."""
VARIANTS = tuple(name for name, fast in DOMAINS.items() if fast)
"""Variants in which some part runs fast."""

Curves = dict[str, dict[str, list[tuple[float, float]]]]
"""Frequencies and speed-ups, by workload and variant."""


def predicted_speedups(found: Mapping[str, MeasuredRun], host: HostConfig | None = None) -> Curves:
    """Return the curves of all variants from a run of each workload."""
    return {
        name: {
            variant: [
                (ghz, run.sim_seconds / predict(run, domain_clocks(variant, ghz), host).seconds) for ghz in FREQUENCIES
            ]
            for variant in VARIANTS
        }
        for name, run in found.items()
    }


def measured_speedups(found: Mapping[str, MeasuredRun], runs: Sequence[MeasuredRun]) -> Curves:
    """Return the points of the runs on the same core that have the clocks of a variant."""
    points: Curves = {name: {} for name in found}
    for run in runs:
        start = found.get(run.workload)
        if start is None or run.core != start.core or run.clocks == BASELINE:
            continue
        for variant in VARIANTS:
            if run.clocks == domain_clocks(variant, run.core_ghz):
                points[run.workload].setdefault(variant, []).append((run.core_ghz, start.sim_seconds / run.sim_seconds))
    return points
