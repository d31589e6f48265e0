"""What the host core adds to ``tilewright map``."""

from pathlib import Path

from tilewright.gem5_configs.operator_cost import operator_cost
from tilewright.gem5_configs.runs import MeasuredRun, read_runs
from tilewright.mapping.host_steps import host_steps
from tilewright.mapping.result import MapResult
from tilewright.sim.config import ConfigError, System
from tilewright.sim.config.host import HostConfig, load_host

HostAndRuns = tuple[HostConfig, list[MeasuredRun]]


def load_host_and_runs(name: str | None, system: System, files: tuple[Path, ...]) -> HostAndRuns | None:
    """Return the host and the runs of its kernels; nothing without runs.

    Parameters
    ----------
    name : str, optional
        Of a host; by default, that of the system's description.

    Raises
    ------
    ConfigError
        If a host is named without runs, runs are given without a host, or one of them cannot be loaded.
    """
    host = system.host if name is None else load_host(name)
    if not files:
        if name is not None:
            raise ConfigError("--host needs --host-runs: runs of its kernels, from `tilewright cpu run`")
        return None
    if host is None:
        raise ConfigError("--host-runs needs --host, or 'host' in the system's description: a core that they are for")
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
