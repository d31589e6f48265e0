"""A decoder as steps that numpy runs: the bits that the accelerator leaves in memory, without a program or a cycle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.llama import EveryPosition
from tilewright.mapping.models.reference import Tensors, capped
from tilewright.mapping.precision.equalisation import precision_of
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.graph.engine_rules import with_engines
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Job, Product
from tilewright.sim.machine.steps import (
    CIMArray,
    Memory,
    VectorUnit,
    codes,
    empty_memory,
    load,
    multiply,
    run_pass,
    run_steps,
    store,
)

from .constants import constant_contents
from .fit_heads import fit_heads
from .lower import lower
from .lowering import Lowered
from .masks import serves_every_position
from .parts import parts

LANES = 16
"""Number of lanes of the vector unit if no accelerator is named; the order of sums depends on it."""
CHUNK = 128
"""Maximum number of tokens that go through the layers together."""


@dataclass(frozen=True)
class StepsResult:
    """Result of some steps."""

    stored: np.ndarray
    """Codes as they are in memory, a row for each token."""
    values: np.ndarray
    """Numbers that the codes stand for."""
    macs: int
    """Number of multiply-accumulates of the products."""


class StepsDecoder:
    """A decoder in the arithmetic of an accelerator that keeps keys and values, with the interface of
    :class:`.FloatDecoder`.

    Chunks of a text have the bits that single tokens have. The host computes embeddings and soft caps of logits, in
    float64.

    Parameters
    ----------
    tensors : mapping
        Tensors by the names of :mod:`.tensors`.
    arithmetic : AcceleratorConfig or Precision
        The accelerator, or the storage of its numbers; a precision goes with ``LANES`` lanes and heads as they are.
    context : int
        Number of positions of the run.
    precision : Precision, optional
        Storage of an accelerator's numbers, by default that for which it is made, with offsets of keys if the tensors
        contain some.
    vector_unit, array : callable
        Functions that run a pass and a product.
    every : callable, optional
        Returns what a program that serves every position reads of the cache, for a position and a number of tokens;
        without it the arithmetic is that of a program for each position. Sums that are cut otherwise differ in their
        last bits.
    rules : sequence of EngineRule
        Rules that place products on the accelerator's CIM array or NPE.

    Raises
    ------
    ConfigError
        If no unit of the accelerator can compute an operator.
    """

    def __init__(
        self,
        model: DecoderConfig,
        tensors: Tensors,
        arithmetic: AcceleratorConfig | Precision,
        *,
        context: int,
        precision: Precision | None = None,
        vector_unit: VectorUnit = run_pass,
        array: CIMArray = multiply,
        every: Callable[[int, int], EveryPosition] | None = None,
        rules: Sequence[EngineRule] = (),
    ):
        self.model, self.tensors, self.context = model, tensors, context
        self.config = None if isinstance(arithmetic, Precision) else arithmetic
        self.lanes = self.config.vector.lanes if self.config else LANES
        if isinstance(arithmetic, Precision):
            self.precision = arithmetic
        else:
            self.precision = precision or precision_of(arithmetic, model, tensors)
        self.vector_unit, self.array, self.every, self.rules = vector_unit, array, every, rules
        self.block = every(0, 1).block if every else 0
        self.constants = _contiguous(constant_contents(self._layers(1, 0), tensors))
        """Constants of all layers as they are stored, by name."""
        self.head_constants = _contiguous(constant_contents(self._head(1), tensors))
        self.states: list[Memory]
        """Keys and values, and their scales, of each block of the cache."""
        self.position: int
        """Number of tokens so far."""
        self.layer_outputs: list[np.ndarray]
        """Output of each layer for the tokens of the last call, (tokens, hidden)."""
        self.restart()

    def restart(self) -> None:
        """Forget all tokens: the next one is the first of another text."""
        self.states = [{} for _ in range(-(-self.context // self.block) if self.every else 1)]
        self.position, self.layer_outputs = 0, []

    def logits(self, tokens: Sequence[int]) -> np.ndarray:
        """Return the logits after each of the next tokens, (tokens, vocabulary).

        Raises
        ------
        ValueError
            If there are more tokens than positions.
        """
        if self.position + len(tokens) > self.context:
            raise ValueError(f"context = {self.context} is not enough for {len(tokens)} more tokens")
        found, outputs = [], []
        left = list(tokens)
        while left:
            size = 1 if self.every else CHUNK
            chunk, left = left[:size], left[size:]
            found.append(self.run_head(self.run_layers(embedded(self.model, self.tensors, chunk)).values).values)
            outputs.append(self.layer_outputs)
        self.layer_outputs = [np.concatenate(parts) for parts in zip(*outputs, strict=True)]
        return capped(np.concatenate(found).astype(np.float64), self.model.final_logit_softcapping)

    def run_layers(self, x: np.ndarray) -> StepsResult:
        """Run all layers on the embeddings of the next tokens."""
        graph = self._layers(len(x), self.position)
        masks = [each for each in graph.of(Kind.CONSTANT) if each.name not in self.constants]
        contents = self.constants | constant_contents(Graph(tuple(masks)), self.tensors)
        macs, self.layer_outputs = 0, []
        for layer in range(self.model.num_hidden_layers):
            lowered = lower(graph.part(each for each in graph if each.layer == layer))
            result = self._run(lowered, contents, x, self.position // self.block if self.block else 0)
            x, macs = result.values, macs + result.macs
            self.layer_outputs.append(x)
        self.position += len(x)
        return StepsResult(result.stored, x, macs)

    def run_head(self, x: np.ndarray) -> StepsResult:
        """Run the last norm and the product with the vocabulary on results of the last layer."""
        return self._run(lower(self._head(len(x))), self.head_constants, x)

    def _layers(self, tokens: int, position: int) -> Graph:
        every = None
        if self.every:
            every = self.every(position, tokens)
            position %= self.block
        graph = llama.layers(
            self.model, self.precision, tokens=tokens, position=position, capacity=self.context, every=every
        )
        if self.block:
            # Any position of a block can be the first of a chunk.
            graph = Graph(
                tuple(replace(each, variants=self.block) if serves_every_position(each) else each for each in graph)
            )
        return fit_heads(self.config, self._placed(graph)) if self.config else graph

    def _head(self, tokens: int) -> Graph:
        return self._placed(llama.head(self.model, self.precision, tokens=tokens, columns=self.model.vocab_size))

    def _placed(self, graph: Graph) -> Graph:
        """Return a graph whose products have their engines."""
        return with_engines(self.config, graph, self.rules) if self.config else graph

    def _run(self, lowered: Lowered, contents: Memory, x: np.ndarray, last: int = 0) -> StepsResult:
        """Run steps whose tokens lie in block ``last`` of the cache; those that are repeated, for each block so far."""
        memory = empty_memory(lowered.buffers.values(), contents | self.states[last], copies=False)
        operators = {name: lowered.buffers[name].operator for name in (*lowered.constants, *lowered.states)}
        for name, operator in operators.items():
            if last and isinstance(operator, Operator) and operator.rotary:
                memory[name] = np.roll(memory[name], -last * self.block * operator.n)
        masks = [name for name in lowered.states if serves_every_position(operators[name])]
        unshifted = {name: memory[name] for name in masks}
        store(memory, lowered.input, x)
        scalars: dict[str, np.ndarray] = {}
        run = partial(
            run_steps, memory=memory, lanes=self.lanes, vector_unit=self.vector_unit, array=self.array, scalars=scalars
        )
        macs = 0
        for repeated, part in parts(lowered):
            for block in range(last + 1) if repeated else [last]:
                memory |= self.states[block]
                memory |= {name: np.roll(each, self.block * (last - block)) for name, each in unshifted.items()}
                run(part.steps)
                macs += _macs(part)
            if not repeated:
                self.states[last] |= {name: memory[name] for name in lowered.states if name not in masks}
        output = lowered.output
        return StepsResult(codes(memory, output).copy(), load(memory, output), macs)


def _contiguous(constants: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(each) for name, each in constants.items()}


def _macs(lowered: Lowered) -> int:
    products = (step for step in lowered.steps if isinstance(step, Product | Job))
    return sum(step.a.rows * step.a.columns * step.out.columns for step in products)
