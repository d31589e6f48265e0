"""Places operators on the units of an accelerator and runs them in its cycle model.

Products go to the CIM tiles. Each is cut into *strips*: columns that one tile holds. Strips are dealt to the
tiles in turn, and the tiles work through the rows of their strips side by side, so that partial sums never
leave a tile and the loads for all tiles alternate. Everything else goes to the vector unit, or is a transfer.
"""

from dataclasses import dataclass

from tilewright.mapping.workload import Kind, Operator, Workload
from tilewright.sim.config import System
from tilewright.sim.machine.array import Machine
from tilewright.sim.machine.tile import MAX_VECTORS, TileCommand

VECTOR_PASSES = {
    Kind.RMS_NORM: 2,  # sum of squares; scale
    Kind.ROPE: 1,
    Kind.SOFTMAX: 3,  # maximum; exponential and sum; scale
    Kind.SILU_MULTIPLY: 2,  # silu; product
    Kind.ADD: 1,
}
"""Passes of the vector unit over an operator's elements."""

SCALE_PASSES = 1
"""Passes over the results of a product: scale and requantise."""


@dataclass(frozen=True)
class Placed:
    """What became of an operator."""

    operator: Operator
    unit: str
    done: int
    """Cycle in which its result is there."""
    cycles: int
    """Cycles by which it moved the end of all that came before it; they add up to the whole run."""


def run(workload: Workload, machine: Machine) -> list[Placed]:
    """Run every operator of a workload; return what became of each, in order."""
    done: dict[str, int] = {}
    placed = []
    for operator in workload.operators:
        after = max((done[name] for name in operator.inputs), default=0)
        finished = machine.finished
        unit, end = _run_operator(operator, machine, after)
        done[operator.name] = end
        placed.append(Placed(operator, unit, end, machine.finished - finished))
    return placed


def least_cycles(workload: Workload, system: System) -> tuple[int, int]:
    """Return the bounds on any schedule: cycles that main memory needs, and that the busier compute unit needs.

    Main memory moves every operand of the workload once; the CIM array computes at its peak; the vector unit
    makes its passes at full width.
    """
    dram = workload.dram_bytes / system.memory.bytes_per_cycle(system.clock_mhz)
    vector = sum(_vector_passes(operator) * operator.elements for operator in workload.operators)
    compute = max(workload.macs / system.cim.macs_per_cycle, vector / system.vector.lanes)
    return -(-dram.numerator // dram.denominator), int(-(-compute // 1))


def _vector_passes(operator: Operator) -> int:
    return SCALE_PASSES if operator.macs else VECTOR_PASSES.get(operator.kind, 0)


def _run_operator(operator: Operator, machine: Machine, after: int) -> tuple[str, int]:
    """Run one operator; return its unit and the cycle in which its result is there."""
    name = operator.name
    match operator.kind:
        case Kind.MATMUL | Kind.SCORES | Kind.WEIGHTED_SUM:
            return "CIM tiles", _run_product(operator, machine, after)
        case Kind.EMBED:
            return "DRAM", machine.transfer(operator.read_bytes, name, after)
        case Kind.KV_APPEND:
            return "DRAM", machine.transfer(operator.written_bytes, name, after)
    if operator.read_bytes:
        after = max(after, machine.transfer(operator.read_bytes, name))
    return "vector unit", machine.vector(operator.elements, VECTOR_PASSES[operator.kind], name, after)


def _run_product(operator: Operator, machine: Machine, after: int) -> int:
    """Run a product block by block; return the cycle in which its scaled results are there."""
    tile, tiles = machine.system.cim.tile, machine.system.cim.tiles
    # What an operator reads beyond its matrix is the scales.
    matrix_bytes = operator.heads * operator.k * operator.n * tile.macro.weight_bits // 8
    if operator.read_bytes > matrix_bytes:
        machine.transfer(operator.read_bytes - matrix_bytes, operator.name)
    done = after
    strips = _strips(operator, machine.system)
    for first in range(0, len(strips), tiles):
        group = strips[first : first + tiles]
        sent = after
        vectors = group[0].vectors
        step = _vectors_at_a_time(operator, machine.system)
        for vector in range(0, vectors, step):
            for k in range(0, operator.k, tile.rows):
                for index, strip in enumerate(group):
                    command = TileCommand(
                        rows=min(tile.rows, operator.k - k),
                        columns=strip.columns,
                        vectors=min(step, vectors - vector),
                        accumulate=k > 0,
                        emit=k + tile.rows >= operator.k,
                    )
                    times = machine.compute(index, command, operator.name, after)
                    sent = max(sent, times.sent or 0)
        done = machine.vector(sum(strip.useful for strip in group), SCALE_PASSES, operator.name, sent + 1)
    return done


@dataclass(frozen=True)
class _Strip:
    """Columns of one head's product, or of several heads' side by side, for one tile."""

    columns: int
    vectors: int
    useful: int
    """Results that count: beside each other, heads also meet the vectors of one another."""


def _vectors_at_a_time(operator: Operator, system: System) -> int:
    """Vectors that a block is multiplied with before the next one is loaded."""
    tile = system.cim.tile
    return MAX_VECTORS if operator.k <= tile.rows else tile.accumulator_vectors


def _strips(operator: Operator, system: System) -> list[_Strip]:
    """Cut a product into strips, heads side by side if that is quicker.

    Side by side, a row of weights fills the bus, but every vector computes with the columns of all heads.
    """
    tile = system.cim.tile
    choices = []
    for beside in {1, max(1, min(operator.heads, tile.columns // operator.n))}:
        strips = []
        for head in range(0, operator.heads, beside):
            heads = min(beside, operator.heads - head)
            for n in range(0, operator.n, tile.columns):
                columns = min(tile.columns, operator.n - n)
                strips.append(_Strip(heads * columns, heads * operator.m, useful=heads * operator.m * columns))
        choices.append((_estimate(operator, strips, system), -beside, strips))
    return min(choices)[2]


def _estimate(operator: Operator, strips: list[_Strip], system: System) -> float:
    """Return roughly the cycles of a product, to choose between ways to cut it."""
    tile = system.cim.tile
    rate = system.memory.bytes_per_cycle(system.clock_mhz) * 8 / tile.weight_bus_bits
    step = _vectors_at_a_time(operator, system)
    load = sum(-(-strip.vectors // step) * operator.k * tile.weight_beats_per_row(strip.columns) for strip in strips)
    blocks = -(-operator.k // tile.rows)
    compute = sum(strip.vectors * blocks * tile.macro.slices for strip in strips)
    return max(float(load / rate), compute / min(len(strips), system.cim.tiles))
