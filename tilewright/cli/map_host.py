"""Options and output that the host core adds to ``tilewright map``."""

from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.gem5_configs.operator_cost import operator_cost
from tilewright.gem5_configs.runs import REPEATED, MeasuredRun, may_be_of, read_runs
from tilewright.mapping.host.steps import HostStep, host_steps
from tilewright.mapping.report import MapResult
from tilewright.sim.config import System
from tilewright.sim.config.host import HostConfig, load_host
from tilewright.sim.config.memory import MemoryConfig

HostAndRuns = tuple[HostConfig, list[MeasuredRun]]


def load_host_and_runs(name: str | None, system: System, files: tuple[Path, ...]) -> HostAndRuns | None:
    """Return the host and runs of its kernels, those that come with Tilewright if no files are given.

    Parameters
    ----------
    name : str, optional
        Name of a host; by default, the host of the system's description. If that has none, or one of which no runs
        come with Tilewright and no files are given, nothing is returned.

    Raises
    ------
    ConfigError
        If runs are given without a host, or one of them cannot be loaded.
    """
    host = system.host if name is None else load_host(name)
    if host is None:
        if files:
            raise ConfigError(
                "--host-runs needs --host, or 'host' in the system's description: a core that they are for"
            )
        return None
    runs = [run for file in files or (REPEATED,) for run in read_runs(file)]
    if name is None and not files and not any(may_be_of(run, host) for run in runs):
        return None
    return host, runs


def host_part(result: MapResult, host: HostConfig, runs: list[MeasuredRun]) -> dict:
    """Return the host's part of the JSON of a map: its operators, one after the other, while nothing else works.

    Raises
    ------
    ConfigError
        If the runs lack a kernel.
    """
    before, after = host_steps(result.graph)
    steps = [_step(step, result.system.memory, host, runs) for step in (before, *result.on_host, after)]
    seconds = result.seconds + sum(step["seconds"] + step["transfer_seconds"] for step in steps)
    return {
        "host": {"name": host.name, "core": host.core, "clocks": host.clocks.model_dump(), "steps": steps},
        "seconds_with_host": seconds,
        "tokens_per_s_with_host": result.tokens / seconds,
    }


def _step(step: HostStep, memory: MemoryConfig, host: HostConfig, runs: list[MeasuredRun]) -> dict:
    """Return the time and transfers of an operator on the host."""
    costs = {elements: operator_cost(runs, host, step.kernel, elements) for elements in step.calls}
    return {
        "step": step.name,
        "elements": step.elements,
        "calls": sum(step.calls.values()),
        "seconds": sum(costs[elements].seconds * times for elements, times in step.calls.items()),
        "kernel": ", ".join(sorted({cost.workload for cost in costs.values()})),
        "predicted": any(cost.predicted for cost in costs.values()),
        "transfer_bytes": step.transfer_bytes,
        "transfer_seconds": step.transfer_seconds(memory),
    }
