"""A decoder as a set of programs that serves every position: nothing is compiled between tokens.

All that depends on the position is in some SET, ADD and LOOP commands. The host writes a word of each of them and
starts the program; :class:`.Argument` gives the place and the formula of each word.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.fit_heads import fit_heads
from tilewright.mapping.lower.masks import serves_every_position
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.llama import EveryPosition
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind
from tilewright.sim.graph.precision import first_position_step

from .blocks import Blocks
from .compiled_loops import CompiledLoops
from .decoder_data import DecoderData
from .memory_map import MemoryMap
from .whole_model import compile_model

LONGEST = 4096
"""Largest capacity for which attention reads a cache of one block, and is not repeated."""
LARGEST_CHUNK = 64
"""Number of prompt tokens in a chunk that is tried first."""
BLOCK = 2048
"""Number of positions in a block of a larger cache: fewer cost more time between blocks, more are read in vain."""
SHORTER = (1 / 8, 1 / 4, 5 / 8)
"""Parts of a block that programs for shorter contexts serve; with the last program these are four for single tokens."""
SHORTER_PACKED = 5 / 16
"""The same if even and odd positions have programs of their own, so that there are four, too."""


@dataclass(frozen=True)
class Reusable:
    """A program that serves every position up to one."""

    graph: Graph
    program: CompiledLoops
    tokens: int
    """Number of tokens that go through it together."""
    nominal: int
    """Position for which its steps are made: 1 if it serves odd positions, whose packed keys share bytes with those
    before."""
    positions: int
    """Number of positions that it serves, from 0 on."""
    every: EveryPosition
    """Positions that it reads of the cache."""


class EveryPositionDecoder(DecoderData):
    """A decoder in main memory with all the programs that it needs for any prompt and any text.

    Single tokens have programs for shorter and for longer contexts, so that few positions are read in vain. A prompt
    goes in chunks of equal size through one program; what the last chunk has too many are tokens whose keys and values
    are overwritten. A prompt's last token is a single one, since no other program makes logits.

    Parameters
    ----------
    tensors, capacity, rules
        See :class:`.DecoderData`.
    block : int, optional
        Number of positions in a block of the cache, rounded up to what products can begin with; fewer if the scratchpad
        has no room for their scores. By default all positions of a cache of 4,096 or fewer, and 2,048 of a larger one.
    prompt : int, optional
        Number of tokens of the longest prompt, if that is known: chunks of shorter prompts take less time if they are
        not made for longer ones.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        model: DecoderConfig,
        tensors: Mapping[str, np.ndarray],
        *,
        capacity: int,
        block: int = 0,
        prompt: int | None = None,
        rules: Sequence[EngineRule] = (),
    ):
        super().__init__(config, model, tensors, capacity=capacity, rules=rules)
        scores = super().layers().of(Kind.SCORES)
        self.packed = any(each.engine is Engine.CIM_ARRAY and each.precision.cache.bits < 8 for each in scores)
        """Whether positions of a key share bytes: even and odd positions have programs of their own."""
        self.memory = MemoryMap()
        self.block, last = self._last_programs(block or (capacity if capacity <= LONGEST else BLOCK))
        """Number of positions in a block of the cache, and the programs that serve all positions."""
        shorter = (each for positions in self._shorter_contexts() for each in self._single_token(positions))
        self.single = [*shorter, *last]
        """Programs for single tokens, those for the shortest contexts first."""
        self.chunk = self._chunk_program(capacity if prompt is None else prompt)
        """Program for chunks of a prompt, if one has two tokens and there is room for them."""

    @property
    def programs(self) -> list[Reusable]:
        """All programs of the set."""
        return [*self.single, *([self.chunk] if self.chunk else [])]

    @property
    def memory_bytes(self) -> int:
        """Size of memory with everything, in whole pages."""
        return self.memory.next_page

    def runs(self, length: int) -> Iterator[tuple[int, int]]:
        """Yield position and number of tokens of each run of a program that a prompt takes."""
        chunk, together = (self.chunk.tokens, self._together(length)) if self.chunk else (1, 0)
        yield from ((position, min(chunk, together - position)) for position in range(0, together, chunk))
        yield from ((position, 1) for position in range(together, length))

    def alone(self, length: int) -> int:
        """Return the number of tokens at the end of a prompt that go through the model one by one."""
        # Before a packed key at an odd position the one before must have been stored by a program for single tokens.
        return 2 if self.packed and length % 2 == 0 else 1

    def reusable(self, position: int, tokens: int) -> Reusable:
        """Return the program for a run of :meth:`runs`, or for a later token."""
        if tokens > 1:
            assert self.chunk
            return self.chunk
        odd = position % 2 if self.packed else 0
        return next(each for each in self.single if each.nominal == odd and position < each.positions)

    def every(self, position: int, tokens: int) -> EveryPosition:
        """Return what a run reads of the cache."""
        return self.reusable(position, tokens).every

    def image(self, size: int = 0) -> np.ndarray:
        """Return memory with all weights, tables and programs, uint8.

        Parameters
        ----------
        size : int
            Size in bytes, if that is more than is needed.
        """
        # It reads all that others read.
        last = self.single[-1].program
        memory = last.empty_memory(max(size, self.memory_bytes))
        self.write_weights(memory, last)
        for each in self.programs:
            each.program.write_program(memory)
            masks = tuple(operator for operator in each.graph if serves_every_position(operator))
            each.program.write_shared(memory, constant_contents(Graph(masks), {}))
        return memory

    def write(self, memory: np.ndarray, position: int, tokens: Sequence[int]) -> None:
        """Write what a host writes before it starts a program: its arguments, and the embeddings of its tokens."""
        chosen = self.reusable(position, len(tokens))
        chosen.program.write_arguments(memory, position)
        filled = [*tokens, *[tokens[-1]] * (chosen.tokens - len(tokens))]
        chosen.program.write_input(memory, embedded(self.model, self.tensors, filled))

    def layers(self) -> Graph:
        every = EveryPosition(self.block, self.block)
        graph = llama.layers(self.model, self.precision, tokens=1, capacity=self.capacity, every=every)
        return fit_heads(self.config, self.placed(graph))

    def _last_programs(self, block: int) -> tuple[int, list[Reusable]]:
        """Return the largest block for which there is room, and the programs for single tokens that serve all
        positions."""
        step = self._step
        size = divide_up(block, step) * step
        while True:
            self.block, self.memory = size, MemoryMap()
            try:
                return size, list(self._single_token(self.capacity))
            except ConfigError:
                if size == step:
                    raise
                size = divide_up(size // 2, step) * step

    def _shorter_contexts(self) -> list[int]:
        """Return the positions that shorter programs for single tokens serve, the shortest first."""
        parts: tuple[float, ...] = SHORTER
        if self.packed:
            parts = (SHORTER_PACKED if self.capacity <= self.block else SHORTER[-1],)
        sizes = (divide_up(round(part * self.block), self._step) * self._step for part in parts)
        return sorted({each for each in sizes if each < min(self.block, self.capacity)})

    def _single_token(self, positions: int) -> Iterator[Reusable]:
        """Yield the programs for single tokens that serve so many positions."""
        for nominal in range(2 if self.packed else 1):
            yield self._compiled(1, nominal, positions, logits=True)

    def _together(self, length: int) -> int:
        """Return the number of tokens of a prompt that go through the model in chunks."""
        together = length - self.alone(length)
        return together if together > 1 else 0

    def _chunk_program(self, prompt: int) -> Reusable | None:
        # A chunk is in one block.
        tokens = min(LARGEST_CHUNK, self.block & -self.block, _power_of_two(self._together(prompt)))
        while tokens > 1:
            # Other programs keep the map without the places of a chunk that finds no room.
            before, self.memory = self.memory, deepcopy(self.memory)
            try:
                return self._compiled(tokens, 0, self.capacity, logits=False)
            except ConfigError:
                self.memory, tokens = before, tokens // 2
        return None

    def _compiled(self, tokens: int, nominal: int, positions: int, *, logits: bool) -> Reusable:
        """Return a program that serves some positions; its places are added to memory."""
        read = min(self.block, divide_up(positions, self._step) * self._step)
        every = EveryPosition(self.block, read, repeated=positions > self.block)
        graph = llama.tokens_graph(
            self.model,
            self.precision,
            tokens=tokens,
            position=nominal,
            capacity=self.capacity,
            logits=logits,
            every=every,
        )
        blocks = Blocks(size=self.block, capacity=self.capacity, nominal=nominal)
        graph = fit_heads(self.config, self.placed(graph))
        program = compile_model(self.config, graph, self.memory, blocks)
        return Reusable(graph, program, tokens, nominal, positions, every)

    @property
    def _step(self) -> int:
        """Number of which blocks, and the positions that programs read, are multiples."""
        return math.lcm(2, first_position_step(self.config))


def _power_of_two(number: int) -> int:
    """Return the smallest power of two that is not below a number; 0 for 0."""
    return 1 << (number - 1).bit_length() if number else 0
