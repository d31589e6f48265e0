"""What of a transformer the host core always runs: what comes before the accelerator's program and after it."""

from collections.abc import Mapping
from dataclasses import dataclass

from tilewright.sim.config.memory import MemoryConfig
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind

ACTIVATION_BYTES = 2
"""Of an element of the accelerator's input in main memory, BF16."""
LOGIT_BYTES = 4
"""FP32."""


@dataclass(frozen=True)
class HostStep:
    """An operator on the host; its operands go through the main memory that host and accelerator share."""

    name: str
    kernel: str
    """The program of ``gem5_configs/workloads`` whose cost an element it has."""
    calls: Mapping[int, int]
    """How often it goes over so many elements at once."""
    transfers: int
    """Of operands between a core and main memory, each behind the memory's latency."""
    transfer_bytes: int
    """All transfers together."""

    @property
    def elements(self) -> int:
        """Of all calls."""
        return sum(elements * times for elements, times in self.calls.items())

    def transfer_seconds(self, memory: MemoryConfig) -> float:
        """Return the time of all transfers, one after the other."""
        return self.transfers * memory.latency_ns * 1e-9 + self.transfer_bytes / (memory.bandwidth_mb_per_s * 1e6)


def host_steps(graph: Graph) -> tuple[HostStep, ...]:
    """Return the host's operators: a program of the accelerator goes from embeddings to the logits of the last token.

    An embedding is a row of codes times a scale. It costs here as STREAM's triad does, which is a guess on the safe
    side: triad reads two numbers of eight bytes an element, and an embedding one of a byte or less. Rows are read from
    memory and embeddings written to it; logits are read from it. What the accelerator itself reads and writes is part
    of its run.
    """
    [embed], [sample] = graph.of(Kind.EMBED), graph.of(Kind.SAMPLE)
    return (
        HostStep(embed.row, "triad", {embed.elements: 1}, 2, embed.read_bytes + embed.elements * ACTIVATION_BYTES),
        HostStep(sample.row, "sampling", {sample.elements: 1}, 1, sample.elements * LOGIT_BYTES),
    )
