"""A prompt in chunks: as few of them as the scratchpad has room for."""

from collections.abc import Callable
from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.graph import Graph

from .whole_model import compile_model


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

    Every chunk reads all weights. So there are as few chunks as have room, and they are as equal as possible: for each
    number of chunks the smallest size that makes it. The first number has a row scalar for each token of a chunk;
    numbers are doubled until one has room, and bisected then.

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

    def refusal(size: int) -> RefusedChunk | None:
        try:
            # The last chunk attends to most.
            compile_model(config, graph(tokens - size, size))
        except ConfigError as error:
            if size == 1:
                raise
            return RefusedChunk(tokens=size, cause=str(error))
        return None

    few = many = divide_up(tokens, config.vector.scalars)
    refused = None
    while found := refusal(divide_up(tokens, many)):
        few, many, refused = many, min(2 * many, tokens), found
    while refused and divide_up(tokens, many) + 1 < refused.tokens and few + 1 < many:
        between = (few + many) // 2
        if found := refusal(divide_up(tokens, between)):
            few, refused = between, found
        else:
            many = between
    return divide_up(tokens, many), refused
