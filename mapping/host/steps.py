"""Parts of a transformer that the host core always runs, before and after the accelerator's program."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tilewright.sim.config.memory import MemoryConfig
from tilewright.sim.formats.stored import FP32
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator

from .placement import PLACEABLE

KERNELS = {Kind.SOFTMAX: "softmax", Kind.RMS_NORM: "rmsnorm"}
"""Programs of ``gem5_configs/workloads`` that compute an operator placed on the host."""
CROSSINGS = 4
"""Number of transfers of a call: the accelerator writes operands and the host reads them, and the same for the
result."""


@dataclass(frozen=True)
class HostStep:
    """Operators of one kind on the host; their operands go through the main memory that host and accelerator share."""

    name: str
    kernel: str
    """Program of ``gem5_configs/workloads`` whose cost for each element the operator has."""
    calls: Mapping[int, int]
    """Number of calls, by the number of elements of a call."""
    transfers: int
    """Number of transfers of operands between a core and main memory, each delayed by the memory's latency."""
    transfer_bytes: int
    """Number of bytes of all transfers together."""

    @property
    def elements(self) -> int:
        """Number of elements of all calls."""
        return sum(elements * times for elements, times in self.calls.items())

    def transfer_seconds(self, memory: MemoryConfig) -> float:
        """Return the time of all transfers, one after the other."""
        return self.transfers * memory.latency_ns * 1e-9 + self.transfer_bytes / (memory.sustained_mb_per_s * 1e6)


def host_steps(graph: Graph) -> tuple[HostStep, HostStep]:
    """Return the parts that the host always runs, before and after the accelerator's program: embedding and sampling.

    An embedding is a row of codes times a scale. Its cost here is the cost of STREAM's triad, which is a guess on the
    safe side: triad reads two numbers of eight bytes an element, and an embedding one of a byte or less. Rows are read
    from memory and embeddings written to it; logits are read from it. The accelerator's own reads and writes are part
    of its run.
    """
    [embed], [sample] = graph.of(Kind.EMBED), graph.of(Kind.SAMPLE)
    embedded = embed.read_bytes + embed.elements * embed.precision.activations.scratchpad_bytes
    return (
        HostStep(embed.row, "triad", {embed.elements: 1}, 2, embedded),
        HostStep(sample.row, "sampling", {sample.elements: 1}, 1, sample.elements * FP32.scratchpad_bytes),
    )


def placed_steps(graphs: Iterable[Graph], names: Collection[str]) -> tuple[HostStep, ...]:
    """Return a step for each of the names of ``PLACEABLE``: its operators that graphs have on the host."""
    operators = [operator for graph in graphs for operator in graph if operator.engine is Engine.HOST]
    steps = []
    for name in names:
        kind = PLACEABLE[name]
        calls: Counter[int] = Counter()
        moved = 0
        for operator in operators:
            if operator.kind is kind:
                calls.update(_calls(operator))
                # Operand and result are each written once and read once.
                moved += 4 * operator.elements * operator.precision.activations.scratchpad_bytes
        steps.append(HostStep(name, KERNELS[kind], dict(calls), CROSSINGS * calls.total(), moved))
    return tuple(steps)


def _calls(operator: Operator) -> dict[int, int]:
    """Return the calls of an operator's kernel by their elements: one a head for a softmax, one for a norm."""
    calls = operator.heads if operator.kind is Kind.SOFTMAX else 1
    return {operator.elements // calls: calls}
