"""What the host core adds to ``tilewright map``."""

from pathlib import Path

from tilewright.gem5_configs.operator_cost import operator_cost
from tilewright.gem5_configs.runs import MeasuredRun, read_runs
from tilewright.mapping.host_steps import host_steps
from tilewright.mapping.result import MapResult
from tilewright.sim.config import ConfigError
from tilewright.sim.config.host import HostConfig, load_host

HostAndRuns = tuple[HostConfig, list[MeasuredRun]]


def load_host_and_runs(name: str | None, files: tuple[Path, ...]) -> HostAndRuns | None:
    """Return the host and the runs of its kernels; nothing without a host.

    Raises
    ------
    ConfigError
        If one is given without the other, or cannot be loaded.
    """
    if name is None:
        if files:
            raise ConfigError("--host-runs needs --host, whose core and clocks they are for")
        return None
    host = load_host(name)
    if not files:
        raise ConfigError("--host needs --host-runs: runs of its kernels, from `tilewright cpu run`")
    return host, [run for file in files for run in read_runs(file)]


def host_part(result: MapResult, host: HostConfig, runs: list[MeasuredRun]) -> dict:
    """Return what the host adds to the JSON of a map: its operators, one after the other and after the accelerator.

    Raises
    ------
    ConfigError
        If the runs lack a kernel.
    """
    costs = [(step, operator_cost(runs, host, step.kernel, step.elements)) for step in host_steps(result.workload)]
    seconds = result.seconds + sum(cost.seconds for _, cost in costs)
    steps = [
        {
            "step": step.name,
            "elements": step.elements,
            "seconds": cost.seconds,
            "kernel": cost.workload,
            "predicted": cost.predicted,
        }
        for step, cost in costs
    ]
    return {
        "host": {"name": host.name, "core": host.core, "clocks": host.clocks.model_dump(), "steps": steps},
        "seconds_with_host": seconds,
        "tokens_per_s_with_host": result.workload.tokens / seconds,
    }
