"""Bounds: cycles that a workload takes at least on a system, whatever its program, one for each resource.

They follow from the operator graph and the system alone. Each counts only what no program can save, so that no run is
shorter than any of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from tilewright.sim.config import System
from tilewright.sim.config.cim import divide_up
from tilewright.sim.formats.stored import npe_mode
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator

MEMORY, REQUESTS = "main memory", "requests"
NPE = "NPE"
"""Name of the bound of the NPE, for graphs with products on it."""
ARRAY_BOUNDS = (REQUESTS, "array", "activation port", "result port")
"""Names of the bounds of the CIM array, of its weights and of its ports."""
ARRAY = (Kind.MATMUL, Kind.SCORES, Kind.WEIGHTED_SUM)
"""Operators that are products of the CIM array unless they are placed elsewhere."""
PASSES = {
    Kind.MATMUL: 1,  # sums are scaled
    Kind.SCORES: 1,  # sums are scaled, and the maximum of each row is found
    Kind.SOFTMAX: 1,  # exponentials, and their sum
    Kind.RMS_NORM: 2,  # mean square; root and gains
    Kind.LAYER_NORM: 2,  # variance; root, gains and biases
    Kind.ROPE: 2,  # products with cosines and with sines
    Kind.SILU_MULTIPLY: 1,
    Kind.GELU_MULTIPLY: 1,
    Kind.GELU: 1,
}
"""Least number of passes of the vector unit over the elements of an operator's result; 0 for other operators."""


def bounds(graph: Graph, system: System) -> "Bounds":
    """Return the cycles that each resource of a system needs for a graph."""
    absent = ARRAY_BOUNDS if system.cim is None else ()
    found = {name: math.ceil(cycles(graph, system)) for name, cycles in BOUNDS.items() if name not in absent}
    if any(operator.engine is Engine.NPE for operator in graph):
        found[NPE] = math.ceil(_npe(graph, system))
    return Bounds(found)


@dataclass(frozen=True)
class Bounds:
    """Bounds of a workload, or the sums of those of several that follow one another."""

    cycles: dict[str, int]
    """Cycles that each resource needs, by its name."""

    @property
    def dram(self) -> int:
        """Cycles that main memory needs to move every operand once."""
        return self.cycles[MEMORY]

    @property
    def busiest(self) -> str:
        """Resource that needs the most cycles for what is computed: the array, one of its ports or the vector unit."""
        return max((name for name in self.cycles if name not in (MEMORY, REQUESTS)), key=self.cycles.__getitem__)

    @property
    def compute(self) -> int:
        """Cycles that this resource needs."""
        return self.cycles[self.busiest]

    @property
    def binding(self) -> str:
        """Resource that needs the most cycles."""
        return max(self.cycles, key=self.cycles.__getitem__)

    @property
    def largest(self) -> int:
        """Cycles that the binding resource needs: no run takes fewer."""
        return self.cycles[self.binding]


def peak_cycles(graph: Graph, system: System) -> Fraction:
    """Return the cycles that main memory would need to move every operand once without refresh and turns."""
    return graph.dram_bytes / system.memory.bytes_per_cycle(system.clock_mhz)


def _main_memory(graph: Graph, system: System) -> Fraction:
    # A program begins with a refresh, and then with writes, so that no number of bytes comes before its share of them.
    return peak_cycles(graph, system) / system.memory_share


def _requests(graph: Graph, system: System) -> Fraction:
    fabric = system.accelerator
    # A burst takes its place from the request to its last beat; a beat of weights, from the request to the array.
    per_burst = Fraction(system.memory_latency_cycles + fabric.burst_beats, fabric.outstanding * fabric.burst_beats)
    per_beat = Fraction(system.memory_latency_cycles, fabric.weight_buffer_beats)
    beats = Fraction(sum(operator.read_bytes for operator in _products(graph)), fabric.bus_bytes)
    return beats * max(per_burst, per_beat)


def _array(graph: Graph, system: System) -> Fraction:
    return sum(operator.macs for operator in _products(graph)) / Fraction(system.cim_array.macs_per_cycle)


def _npe(graph: Graph, system: System) -> Fraction:
    assert system.npe is not None
    cycles = Fraction(0)
    for operator in graph:
        if operator.engine is Engine.NPE:
            kept = operator.precision.weights if operator.kind is Kind.MATMUL else operator.precision.cache
            cycles += Fraction(operator.macs, system.npe.macs_per_cycle(npe_mode(kept)))
    return cycles


def _activation_port(graph: Graph, system: System) -> Fraction:
    tile = system.cim_array.tile
    wide = system.cim_array.tiles * tile.columns
    # Each block of columns needs the whole of every vector.
    elements = sum(each.heads * each.m * each.k * divide_up(each.n, wide) for each in _products(graph))
    return Fraction(elements * tile.macro.input_bits, tile.activation_bus_bits)


def _result_port(graph: Graph, system: System) -> Fraction:
    tile = system.cim_array.tile
    sums = sum(each.heads * each.m * each.n for each in _products(graph))
    return Fraction(sums * tile.accumulator_bits, tile.result_bus_bits)


def _vector_unit(graph: Graph, system: System) -> Fraction:
    return Fraction(sum(map(vector_elements, graph)) + _quantised(graph), system.vector.lanes)


def vector_elements(operator: Operator) -> int:
    """Return the least number of elements that the vector unit processes for an operator.

    That of its inputs' conversion to numbers of the array is counted once for all products that read them.
    """
    if operator.engine is Engine.HOST or (operator.engine is Engine.NPE and operator.kind is Kind.MATMUL):
        # Jobs can scale and add what passes do elsewhere.
        return 0
    return PASSES.get(operator.kind, 0) * operator.elements


def _quantised(graph: Graph) -> int:
    """Return the elements that are converted to numbers of the array, each once."""
    products = _products(graph)
    weights = {each.inputs[0]: each.m * each.k for each in products if each.kind is Kind.MATMUL}
    sums = (each for each in products if each.kind is Kind.WEIGHTED_SUM and not each.causal)
    probabilities = (each.heads * each.m * each.k for each in sums)
    return sum(weights.values()) + sum(probabilities)


def _products(graph: Graph) -> list[Operator]:
    """Return the products of the CIM array."""
    return [operator for operator in graph if operator.kind in ARRAY and operator.engine is not Engine.NPE]


BOUNDS: dict[str, Callable[[Graph, System], Fraction]] = {
    MEMORY: _main_memory,
    REQUESTS: _requests,
    "array": _array,
    "activation port": _activation_port,
    "result port": _result_port,
    "vector unit": _vector_unit,
}
"""Bound of each resource: the bytes of every operand once at memory's bandwidth; bursts in flight and the weight buffer
at memory's latency; multiply-accumulates; activations into the array; sums out of it; elements of passes."""
