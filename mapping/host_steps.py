"""What of a transformer the host core runs: what comes before the accelerator's program and after it."""

from dataclasses import dataclass

from tilewright.mapping.workload import Workload


@dataclass(frozen=True)
class HostStep:
    """An operator on the host."""

    name: str
    kernel: str
    """The program of ``gem5_configs/workloads`` whose cost an element it has."""
    elements: int
    """That it goes over."""


def host_steps(workload: Workload) -> tuple[HostStep, ...]:
    """Return the host's operators: a program of the accelerator goes from embeddings to the logits of the last token.

    An embedding is a row of codes times a scale. It costs here as STREAM's triad does, which is a guess on the safe
    side: triad reads two numbers of eight bytes an element, and an embedding one of a byte or less.
    """
    model = workload.model
    return (
        HostStep("embed_tokens", "triad", workload.tokens * model.hidden_size),
        HostStep("sampling", "sampling", model.vocab_size),
    )
