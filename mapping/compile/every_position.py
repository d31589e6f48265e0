"""A decoder as one set of programs that serves every position: nothing is compiled between tokens."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.fit_heads import fit_heads
from tilewright.mapping.lower.masks import serves_every_position
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.llama import tokens_graph
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision, position_step

from .blocks import Blocks
from .compiled_loops import CompiledLoops
from .memory_map import MemoryMap
from .whole_decoder import compile_decoder

POSITIONS = 256
"""Number of positions in a block of the cache, rounded up to what products can begin with."""


def positions_in_block(config: AcceleratorConfig, capacity: int) -> int:
    """Return the number of positions in a block of a cache with room for so many."""
    step = math.lcm(2, position_step(config.cim.tile, config.vector.lanes))
    return -(-min(POSITIONS, capacity) // step) * step


def every_position_graph(
    config: AcceleratorConfig,
    model: DecoderConfig,
    precision: Precision,
    *,
    tokens: int,
    nominal: int,
    capacity: int,
    logits: bool,
) -> Graph:
    """Return the graph of some tokens that serves every position.

    Parameters
    ----------
    nominal : int
        Position for which steps are made: 1 for a token at odd positions whose packed key shares bytes with the one
        before, otherwise 0.
    """
    graph = tokens_graph(
        model,
        precision,
        tokens=tokens,
        position=nominal,
        capacity=capacity,
        logits=logits,
        block=positions_in_block(config, capacity),
    )
    return fit_heads(config, graph)


def compile_every_position(
    config: AcceleratorConfig, graph: Graph, *, nominal: int, capacity: int, memory: MemoryMap | None = None
) -> CompiledLoops:
    """Return the program of a graph of :func:`every_position_graph`, for its nominal position.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step.
    """
    blocks = Blocks(size=positions_in_block(config, capacity), capacity=capacity, nominal=nominal)
    return compile_decoder(config, graph, memory, blocks)
