"""All layers of a decoder and its head as one program."""

from dataclasses import replace
from itertools import zip_longest

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models.llama import HEAD, layer_name
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.widths import MAX_COUNT

from .compiled_loops import CompiledLoops
from .compiler import compile_loops
from .memory_map import MemoryMap
from .program import Repeated

LAYERS = "layers"
"""Name of the loop over layers; the loop over parts of the vocabulary has the name of the head."""


def compile_decoder(config: AcceleratorConfig, graph: Graph, memory: MemoryMap | None = None) -> CompiledLoops:
    """Return a program of a decoder's graph: from embeddings of some tokens to the logits of the last one.

    Logits come in parts, see :func:`head_parts`; the last part may have unused columns at its end. If the graph ends
    with the last layer, so does the program.

    Parameters
    ----------
    memory : MemoryMap, optional
        Of a program of the same model for other tokens.

    Raises
    ------
    ConfigError
        If something finds no room, the accelerator cannot run a step, or layers differ.
    """
    layers = 1 + max(operator.layer or 0 for operator in graph)
    first, *others = ([each for each in graph if each.layer == layer] for layer in range(layers))
    for other in others:
        _check_alike(first, other)
    layer = graph.part(first)
    loops = [Repeated(name=LAYERS, lowered=lower(layer), count=layers, own=layer_name(0))]
    logits = graph.of(Kind.LOGITS)
    if logits:
        parts, columns = head_parts(config, logits[0].n)
        head = graph.part(
            replace(operator, n=columns) if operator.kind in (Kind.MATMUL, Kind.LOGITS) else operator
            for operator in graph
            if operator.layer is None and operator.kind in (Kind.RMS_NORM, Kind.MATMUL, Kind.LOGITS)
        )
        loops.append(Repeated(name=HEAD, lowered=lower(head), count=parts, own=HEAD, carried=False))
    return compile_loops(config, loops, memory)


def _check_alike(first: list[Operator], other: list[Operator]) -> None:
    """Check that a layer differs from the first one in names alone."""
    for one, each in zip_longest(first, other):
        renamed = one and each and replace(each, name=one.name, inputs=one.inputs, layer=one.layer)
        if renamed != one:
            raise ConfigError(f"{(each or one).name}: layers that differ cannot run in one loop")


def head_parts(config: AcceleratorConfig, vocabulary: int) -> tuple[int, int]:
    """Return the number of equal parts of a vocabulary, and their columns: whole blocks, whose sums fit into a bank."""
    block = config.cim.columns
    blocks = divide_up(vocabulary, block)
    most = max(1, min(config.bank_bytes // 4, MAX_COUNT) // block)
    parts = divide_up(blocks, most)
    return parts, divide_up(blocks, parts) * block
