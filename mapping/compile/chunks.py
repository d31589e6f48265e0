"""A prompt in chunks: as many tokens at a time as the scratchpad has room for."""

from collections.abc import Callable
from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.graph import Graph

from .whole_decoder import compile_decoder

LARGEST_CHUNK = 64
"""Number of prompt tokens in a chunk that is tried first."""


def tokens_name(position: int, tokens: int) -> str:
    """Return the name, in tables, of a program of some tokens from a position on."""
    last = position + tokens - 1
    return f"token {last}" if tokens == 1 else f"tokens {position} to {last}"


@dataclass(frozen=True)
class RefusedChunk:
    """Number of tokens of a chunk that was tried before a smaller one was taken, and the cause of its refusal."""

    tokens: int
    cause: str


def chunk_size(
    config: AcceleratorConfig, graph: Callable[[int, int], Graph], tokens: int
) -> tuple[int, RefusedChunk | None]:
    """Return the number of tokens in a chunk of a prompt, and the smallest chunk that was refused, if one was.

    Parameters
    ----------
    graph : callable
        Returns the graph of a number of tokens from a position on.
    tokens : int
        Number of tokens in the prompt.

    Raises
    ------
    ConfigError
        If the accelerator has no room for a single token.
    """
    size, refused = min(tokens, LARGEST_CHUNK), None
    while True:
        try:
            # The last chunk attends to most.
            compile_decoder(config, graph(tokens - size, size))
            return size, refused
        except ConfigError as error:
            if size == 1:
                raise
            refused = RefusedChunk(tokens=size, cause=str(error))
            size //= 2
