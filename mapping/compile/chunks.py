"""A prompt in chunks, or an encoder's tokens in blocks of rows: as few of them as the scratchpad has room for."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind

from .whole_model import compile_model


def tokens_name(position: int, tokens: int) -> str:
    """Return the name, in tables, of a program of some tokens from a position on."""
    last = position + tokens - 1
    return f"token {last}" if tokens == 1 else f"tokens {position} to {last}"


@dataclass(frozen=True)
class RefusedChunk:
    """Number of tokens of a chunk, or of a block of rows, that was tried before a smaller one was taken, and the cause
    of its refusal."""

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
    # The last chunk attends to most.
    return _largest(config, tokens, 1, lambda size: compile_model(config, graph(tokens - size, size)))


def rows_size(config: AcceleratorConfig, graph: Graph) -> tuple[int, RefusedChunk | None]:
    """Return the number of rows of an encoder that go through a layer at a time, and the smallest that was refused, if
    one was.

    Raises
    ------
    ConfigError
        If the accelerator has no room for the fewest rows that it takes.
    """
    tokens = graph.of(Kind.INPUT)[0].m
    return _largest(config, tokens, rows_step(config, graph), lambda size: compile_model(config, graph, rows=size))


def rows_step(config: AcceleratorConfig, graph: Graph) -> int:
    """Return the number of which the rows of all blocks but the last are a multiple: positions of keys that share a
    byte, and of values that share a beat of the NPE's bus."""
    step = 1
    for operator in graph:
        bits = operator.precision.cache.bits
        if operator.kind is Kind.SCORES and operator.engine is not Engine.NPE:
            step = math.lcm(step, divide_up(8, bits))
        elif operator.kind is Kind.WEIGHTED_SUM and operator.engine is Engine.NPE:
            assert config.npe is not None
            step = math.lcm(step, config.npe.bus_bits // bits)
    return step


def _largest(
    config: AcceleratorConfig, tokens: int, step: int, compiled: Callable[[int], object]
) -> tuple[int, RefusedChunk | None]:
    """Return the size of a chunk, and the smallest that was refused.

    Every chunk reads all weights. So there are as few chunks as have room, and they are as equal as possible: for each
    number of chunks the smallest size that makes it, a multiple of a step. The first number has a row scalar for each
    token of a chunk; numbers are doubled until one has room, and bisected then.
    """

    def size(chunks: int) -> int:
        return min(tokens, divide_up(divide_up(tokens, chunks), step) * step)

    def refusal(tried: int) -> RefusedChunk | None:
        try:
            compiled(tried)
        except ConfigError as error:
            if tried <= step:
                raise
            return RefusedChunk(tokens=tried, cause=str(error))
        return None

    few = many = divide_up(tokens, config.vector.scalars)
    refused = None
    while found := refusal(size(many)):
        few, many, refused = many, min(2 * many, tokens), found
    while refused and size(many) + step < refused.tokens and few + 1 < many:
        between = (few + many) // 2
        if found := refusal(size(between)):
            few, refused = between, found
        else:
            many = between
    return size(many), refused
