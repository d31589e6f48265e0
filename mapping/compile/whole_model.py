"""All layers of a model, and a decoder's head, as one program."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from tilewright.mapping.lower.fit_heads import fit_heads
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.lower.row_blocks import lower_in_blocks
from tilewright.mapping.models.llama import EMBEDDED, HEAD
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.graph import INPUT, Graph
from tilewright.sim.graph.layer_loops import LARGEST_BODY, layer_loops
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.isa.widths import MAX_COUNT

from .blocks import Blocks
from .compiled_loops import CompiledLoops
from .compiler import compile_loops, engines_of
from .mapping import DEFAULT_LAYOUT, NO_SCHEDULES, MemoryLayout, Schedule
from .memory_map import MemoryMap
from .program import Repeated

LAYERS = "layers"
"""Name of the first loop over layers; those after it have numbers. The loop over parts of the vocabulary has the name
of the head."""


def compile_model(
    config: AcceleratorConfig,
    graph: Graph,
    memory: MemoryMap | None = None,
    blocks: Blocks | None = None,
    *,
    layout: MemoryLayout = DEFAULT_LAYOUT,
    schedules: Mapping[str, Schedule] = NO_SCHEDULES,
    rows: int | None = None,
) -> CompiledLoops:
    """Return a program of a model's graph: from embeddings of some tokens to the logits of the last one, or to the
    output of an encoder's last layer.

    Layers that are alike run in one loop, and so do groups of layers that follow each other in one pattern; the others
    have loops of their own. Logits come in parts, see :func:`head_parts`; the last part may have unused columns at its
    end. If the graph ends with the last layer, so does the program.

    Parameters
    ----------
    memory : MemoryMap, optional
        Of a program of the same model for other tokens.
    blocks : Blocks, optional
        Blocks of the cache, if the graph serves every position.
    layout : MemoryLayout, optional
        Choices that decide where data lie in main memory.
    schedules : mapping, optional
        Choices for the loops, by their names.
    rows : int, optional
        Number of rows of an encoder that go through a layer at a time; by default all.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step.
    """
    loops = [
        replace(loop, schedule=schedules.get(loop.name, loop.schedule))
        for loop in model_loops(config, graph, blocks, layout, rows)
    ]
    return compile_loops(config, loops, memory, engines=engines_of(config, layout.split))


def model_loops(
    config: AcceleratorConfig,
    graph: Graph,
    blocks: Blocks | None = None,
    layout: MemoryLayout = DEFAULT_LAYOUT,
    rows: int | None = None,
) -> list[Repeated]:
    """Return the loops of a model's graph, as :func:`compile_model` compiles them."""
    graph = fit_heads(config, graph, layout.beside)
    count = 1 + max(operator.layer or 0 for operator in graph)
    layers: list[list[Operator]] = [[] for _ in range(count)]
    for operator in graph:
        if operator.layer is not None:
            layers[operator.layer].append(operator)
    loops = []
    if rows is not None and rows >= graph.of(Kind.INPUT)[0].m:
        rows = None
    # Blocks of rows go through one layer after the other.
    largest = LARGEST_BODY if rows is None else 1
    for number, (body, runs) in enumerate(layer_loops([_alike(layer) for layer in layers], largest)):
        part = graph.part(operator for layer in body for operator in layers[layer])
        lowered = lower(part) if rows is None else lower_in_blocks(part, rows)
        # A bias that the input of a layer contains is the layer's own, see :func:`.constants.carries_bias`.
        own = (*(_own_names(layers[layer][0]) for layer in body), f"{INPUT}.")
        name = f"{LAYERS}.{number}" if number else LAYERS
        loops.append(Repeated(name=name, lowered=lowered, count=runs, own=own, layers=tuple(body), blocks=blocks))
    logits = graph.of(Kind.LOGITS)
    if logits:
        [product] = [graph[name] for name in logits[0].inputs]
        parts, columns = head_parts(config, logits[0].n, on_npe=product.engine is Engine.NPE, parts=layout.parts)
        head = graph.part(
            replace(operator, n=columns) if operator.kind in (Kind.MATMUL, Kind.LOGITS) else operator
            for operator in graph
            if operator.layer is None and operator.kind in (Kind.RMS_NORM, Kind.MATMUL, Kind.LOGITS)
        )
        loops.append(Repeated(name=HEAD, lowered=lower(head), count=parts, own=(HEAD,), carried=False))
    return loops


def write_layers(
    program: CompiledLoops, memory: np.ndarray, constants_of: Callable[[int], Mapping[str, np.ndarray]]
) -> None:
    """Write the constants of all layers.

    Parameters
    ----------
    constants_of : callable
        Returns the constants of a layer, by the names that a graph of all layers has for them, those that layers share,
        and those of the input, if the layer is the only one of its loop.
    """
    for section in program.loops.values():
        loop = section.loop
        for run in range(loop.count if loop.layers else 0):
            constants: dict[str, np.ndarray] = {}
            for layer, own in zip(loop.layers, loop.own, strict=False):
                number, stem = layer + run * len(loop.layers), _stem(own)
                source = f"{stem}{number}."
                for name, each in constants_of(number).items():
                    if name.startswith(source):
                        constants[own + name.removeprefix(source)] = each
                    elif not name.startswith(stem):
                        constants[name] = each
            program.write_constants(memory, loop.name, run, constants)


def _alike(layer: list[Operator]) -> list[dict[str, object]]:
    """Return the fields of a layer's operators, with names that are the same in layers that compute the same."""
    own = _own_names(layer[0])
    stem = _stem(own)

    def renamed(name: str) -> str:
        if name.startswith(own):
            return name.removeprefix(own)
        # The residual comes from the layer before, or from the embeddings; tables are shared.
        return name if name in tables else ""

    tables = {name for each in layer for name in each.inputs if not name.startswith(stem)} - {INPUT, EMBEDDED}
    return [
        vars(each) | {"name": renamed(each.name), "inputs": tuple(map(renamed, each.inputs)), "layer": None}
        for each in layer
    ]


def _own_names(operator: Operator) -> str:
    """Return the beginning of the names of what belongs to the layer of an operator, such as ``model.layers.0.``."""
    number = f".{operator.layer}."
    return operator.name[: operator.name.index(number) + len(number)]


def _stem(own: str) -> str:
    """Return the beginning that the names of all layers share, from that of one layer."""
    return own[: own[:-1].rindex(".") + 1]


def head_parts(
    config: AcceleratorConfig, vocabulary: int, *, on_npe: bool = False, parts: int | None = None
) -> tuple[int, int]:
    """Return the number of equal parts of a vocabulary, and their columns: whole blocks, whose sums fit into a bank.

    Parameters
    ----------
    parts : int, optional
        Number of parts, if more than the fewest; fewer are made if these have room for all blocks.
    """
    if on_npe:
        assert config.npe is not None
        block = math.lcm(config.vector.lanes, config.npe.columns)
    else:
        block = config.cim_array.columns
    blocks = divide_up(vocabulary, block)
    most = max(1, min(config.bank_bytes // 4, MAX_COUNT) // block)
    each = divide_up(blocks, max(divide_up(blocks, most), parts or 0))
    return divide_up(blocks, each), each * block
