"""A layer of an encoder in blocks of rows: the scratchpad holds the activations of one block of tokens at a time.

Every token attends to all tokens, so keys and values of all blocks come first. Each block but the last makes its keys
and values alone; the last one then goes through the whole layer, and the others follow with all but keys and values.
Blocks take their rows of the input from main memory. Each row has the numbers that it has without blocks.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tilewright.sim.graph.graph import Graph
from tilewright.sim.isa.steps import Buffer, Matrix, Scalars, Step

from .lower import lower
from .lowering import Lowered


def row_blocks(rows: int, size: int) -> list[range]:
    """Return blocks of at most ``size`` rows; the last one may be smaller."""
    return [range(first, min(first + size, rows)) for first in range(0, rows, size)]


def lower_in_blocks(graph: Graph, size: int) -> Lowered:
    """Return the steps of a layer of an encoder, at most ``size`` rows at a time.

    Raises
    ------
    ConfigError
        If no unit of the accelerator can compute an operator.
    """
    rows = graph.operators[0].m
    if size >= rows:
        return lower(graph)
    blocks = [_Block(each.start, lower(_of_rows(graph, each)), rows) for each in row_blocks(rows, size)]
    *others, last = blocks
    shared = set(last.lowered.states)
    parts = [
        *(block.steps("keys", _needed(block.lowered.steps, shared)) for block in others),
        last.steps("rows", last.lowered.steps),
        *(block.steps("rows", _needed(block.lowered.steps, {block.output}, shared)) for block in others),
    ]
    blocks_begin, steps = [], list[Step]()
    for part in parts:
        blocks_begin.append(len(steps))
        steps += part
    buffers = {name: buffer for block in blocks for name, buffer in block.buffers.items()}
    source, result = (last.whole(each) for each in (last.lowered.input, last.lowered.output))
    return replace(
        last.lowered, steps=tuple(steps), buffers=buffers, states=(), input=source, output=result,
        blocks=tuple(blocks_begin),
    )  # fmt: skip


def _of_rows(graph: Graph, rows: range) -> Graph:
    """Return the graph of some rows, which reads keys and values of all."""
    return Graph(tuple(replace(each, m=len(rows), position=rows.start) for each in graph))


def _needed(steps: Iterable[Step], results: set[str], there: Iterable[str] = ()) -> list[Step]:
    """Return the steps that some buffers need; what is there already needs none."""
    names, chosen = set(results), list[Step]()
    for step in reversed(tuple(steps)):
        if names.isdisjoint(map(_name, step.writes)):
            continue
        chosen.append(step)
        names |= {_name(each) for each in step.reads} - set(there)
    return chosen[::-1]


def _name(each: Matrix | Scalars) -> str:
    return each.buffer.name if isinstance(each, Matrix) else f"scalars {each.name}"


@dataclass
class _Block:
    """The steps of some rows, beside those of others: what belongs to these rows alone has a name of its own."""

    first: int
    lowered: Lowered
    rows: int
    """Number of all rows."""

    def __post_init__(self) -> None:
        lowered = self.lowered
        self.output = lowered.output.buffer.name
        self.ends = {each.buffer.name: self.whole(each).buffer for each in (lowered.input, lowered.output)}
        """Input and output of all rows."""
        self.shared = {name: lowered.buffers[name] for name in (*lowered.constants, *lowered.states)}
        self.buffers: dict[str, Buffer] = self.ends | self.shared
        """Buffers of all steps that were asked for, by name."""

    def whole(self, matrix: Matrix) -> Matrix:
        """Return input or output with all rows."""
        buffer = replace(matrix.buffer, elements=self.rows * matrix.columns)
        return Matrix(buffer, self.rows, matrix.columns, matrix.columns)

    def steps(self, part: str, steps: Iterable[Step]) -> list[Step]:
        """Return steps with the names of a part of the block."""

        def named(each: Any) -> Any:
            if isinstance(each, Scalars):
                return replace(each, name=own(each.name))
            return self._placed(each, own) if isinstance(each, Matrix) else each

        def own(name: str) -> str:
            return f"{name}.{part}.{self.first}"

        return [replace(step, **{name: named(each) for name, each in vars(step).items()}) for step in steps]

    def _placed(self, matrix: Matrix, own: Callable[[str], str]) -> Matrix:
        """Return a matrix in the buffers of all rows."""
        name = matrix.buffer.name
        if name in self.shared:
            return matrix
        if name in self.ends:
            buffer = self.ends[name]
            return replace(matrix, buffer=buffer, offset=matrix.offset + self.first * (buffer.elements // self.rows))
        buffer = replace(matrix.buffer, name=own(name))
        self.buffers[buffer.name] = buffer
        return replace(matrix, buffer=buffer)
