"""Time and transfers of the operators that a host runs, one after the other, while nothing else works."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tilewright.gem5_configs.operator_cost import operator_cost
from tilewright.gem5_configs.runs import MeasuredRun
from tilewright.sim.config import HostConfig, MemoryConfig

from .steps import HostStep


@dataclass(frozen=True)
class HostCost:
    """Time and transfers of operators of one kind on the host."""

    step: HostStep
    seconds: float
    """Time of all calls, from runs of the kernel on the host or predicted from such runs."""
    kernels: tuple[str, ...]
    """Names of the workloads of these runs."""
    predicted: bool
    """Flag: at least one run was made at other clocks than the host's."""
    transfer_seconds: float
    """Time of all transfers between a core and main memory."""

    def to_dict(self) -> dict:
        """Return the cost for JSON."""
        return {
            "step": self.step.name,
            "elements": self.step.elements,
            "calls": sum(self.step.calls.values()),
            "seconds": self.seconds,
            "kernel": ", ".join(self.kernels),
            "predicted": self.predicted,
            "transfer_bytes": self.step.transfer_bytes,
            "transfer_seconds": self.transfer_seconds,
        }


@dataclass(frozen=True)
class HostPart:
    """A host's part of a run of a model."""

    host: HostConfig
    costs: tuple[HostCost, ...]

    @property
    def seconds(self) -> float:
        """Time of the host's operators and their transfers."""
        return sum(cost.seconds + cost.transfer_seconds for cost in self.costs)

    def to_dict(self) -> dict:
        """Return the part for JSON."""
        return {
            "name": self.host.name,
            "core": self.host.core,
            "clocks": self.host.clocks.model_dump(),
            "steps": [cost.to_dict() for cost in self.costs],
        }


def host_part(
    steps: Iterable[HostStep], memory: MemoryConfig, host: HostConfig, runs: Sequence[MeasuredRun]
) -> HostPart:
    """Return what steps cost on a host, from runs of their kernels; operands cross ``memory``.

    Raises
    ------
    ConfigError
        If the runs lack a kernel.
    """
    return HostPart(host, tuple(_cost(step, memory, host, runs) for step in steps))


def _cost(step: HostStep, memory: MemoryConfig, host: HostConfig, runs: Sequence[MeasuredRun]) -> HostCost:
    costs = {elements: operator_cost(list(runs), host, step.kernel, elements) for elements in step.calls}
    return HostCost(
        step=step,
        seconds=sum(costs[elements].seconds * times for elements, times in step.calls.items()),
        kernels=tuple(sorted({cost.workload for cost in costs.values()})),
        predicted=any(cost.predicted for cost in costs.values()),
        transfer_seconds=step.transfer_seconds(memory),
    )
