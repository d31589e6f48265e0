"""Cost of an operator on a host core, from rows of its kernel that were measured at the host's clocks or predicted for
them.

A program makes its input and checks its result besides running its kernel. Two runs that differ in how often they
repeat the kernel differ by the kernel alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from tilewright.base.errors import ConfigError
from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun, may_be_of
from tilewright.sim.config.host import HostConfig, is_preset

KERNEL_ELEMENTS: Mapping[str, Mapping[str, int]] = {
    "triad": {"l1": 896, "l2": 16384, "l3": 262144, "memory": 1048576},
    "softmax": {"l1": 2560, "l2": 40960, "l3": 524288, "memory": 2621440},
    "rmsnorm": {"l1": 2048, "l2": 49152, "l3": 524288, "memory": 2621440},
    "sampling": {"l1": 4096, "l2": 65536, "l3": 8 * 128256, "memory": 40 * 128256},
}
"""Number of elements that one repetition of a kernel covers, by size, for the kernels of ``gem5_configs/workloads``."""


@dataclass(frozen=True)
class OperatorCost:
    """Time of an operator on the host."""

    seconds: float
    predicted: bool
    """Flag: the cost is predicted from runs at 4 GHz by the core model, and not measured at the host's clocks."""
    workload: str
    """Kernel and size from which the cost of an element comes."""


def per_repetition(counted: Mapping[int, float]) -> float:
    """Return the cost of one repetition from counts at two or more numbers of repetitions: the least and the most."""
    few, many = min(counted), max(counted)
    return (counted[many] - counted[few]) / (many - few)


def operator_cost(runs: Sequence[MeasuredRun], host: HostConfig, kernel: str, elements: int) -> OperatorCost:
    """Return the time of an operator of this many elements, in proportion to the kernel of the nearest size.

    Rows of another host do not count (``runs.may_be_of``); those that do not name theirs are taken on trust.

    Parameters
    ----------
    runs : sequence of MeasuredRun
        Among them, two of the kernel that differ in their repetitions, ``KERNEL-SIZE-xREPEAT``, on the host's core, at
        its clocks or at those of ``BASELINE``. Runs at its clocks go first.
    host : HostConfig
        Host with the runs' core and caches.
    kernel : str
        A key of ``KERNEL_ELEMENTS``.
    elements : int
        Number of elements of the operator, at least 1.

    Raises
    ------
    ConfigError
        If there are no two such runs, or the one with more repetitions is not longer, or two that should be equal are
        not.
    """
    sizes = KERNEL_ELEMENTS[kernel]
    for clocks in (host.clocks, BASELINE):
        found: dict[str, dict[int, float]] = {}
        for run in runs:
            label = re.fullmatch(rf"{kernel}-(\w+)-x(\d+)", run.workload)
            if label and label[1] in sizes and run.core == host.core and run.clocks == clocks and may_be_of(run, host):
                seconds = predict(run, host.clocks, host).seconds
                if found.setdefault(label[1], {}).setdefault(int(label[2]), seconds) != seconds:
                    raise ConfigError(f"two runs of '{run.workload}' that may be of host '{host.name}' differ")
        pairs = {size: times for size, times in found.items() if len(times) > 1}
        if not pairs:
            continue
        size = min(pairs, key=lambda size: abs(log(elements / sizes[size])))
        once = per_repetition(pairs[size])
        if once <= 0:
            few, many = min(pairs[size]), max(pairs[size])
            raise ConfigError(f"runs of {kernel}-{size}: {many} repetitions take no longer than {few}")
        return OperatorCost(once * elements / sizes[size], clocks != host.clocks, f"{kernel}-{size}")
    size = min(sizes, key=lambda size: abs(log(elements / sizes[size])))
    described = host.name if is_preset(host.name) else "FILE"
    raise ConfigError(
        f"no two runs of kernel '{kernel}' on host '{host.name}', core '{host.core}', with different repetitions, at "
        f"the host's clocks or at 4 GHz: tilewright cpu run --host {described} --workload {kernel} --size {size} "
        "--repeat 1 --out ..., and the same with --repeat 3"
    )
