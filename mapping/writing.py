"""A text that a decoder writes on an accelerator, run by run: a prompt in chunks, then token by token.

Whoever runs the programs, on the exact model or in RTL, has the memory, and hands it to :meth:`Writer.take` after each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.chunks import tokens_name
from tilewright.mapping.compile.compiled_loops import CompiledLoops
from tilewright.mapping.compile.every_position import EveryPositionDecoder
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.reference import capped
from tilewright.mapping.models.sampling import Sampler, Sampling
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.graph.graph import Graph

Stop = Literal["tokens", "end of text", "capacity"]
"""Reason why a text ended: the number of tokens, a token that ends a text, or the end of the cache."""


@dataclass(frozen=True)
class Start:
    """A program that is ready to start."""

    position: int
    tokens: tuple[int, ...]
    """Tokens that go through the model."""
    graph: Graph
    program: CompiledLoops
    logits: bool
    """Whether the next token can be chosen after it."""

    @property
    def name(self) -> str:
        """Name in tables."""
        return tokens_name(self.position, len(self.tokens))


class Writer:
    """Writes a text after a prompt.

    Parameters
    ----------
    tensors : mapping
        Tensors by the names of :mod:`.tensors`.
    prompt : sequence of int
        Tokens of the prompt, at least one.
    tokens : int
        Number of tokens to write, unless the text ends before.
    ends : collection of int
        Tokens that end a text.
    capacity : int, optional
        Number of positions for which the cache has room; by default prompt and tokens, as far as the model has
        positions.
    rules : sequence of EngineRule
        Rules that place products on the CIM array or on the NPE.

    Raises
    ------
    ConfigError
        If the prompt is empty or longer than the capacity, or the accelerator cannot run the model.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        model: DecoderConfig,
        tensors: Mapping[str, np.ndarray],
        prompt: Sequence[int],
        *,
        tokens: int,
        ends: frozenset[int] = frozenset(),
        sampling: Sampling | None = None,
        capacity: int | None = None,
        rules: Sequence[EngineRule] = (),
    ):
        if not prompt:
            raise ConfigError("prompt is empty: there must be a token to begin with")
        longest = model.positions
        if capacity is None:
            capacity = min(len(prompt) + tokens, longest)
        elif not 1 <= capacity <= longest:
            raise ConfigError(f"capacity = {capacity} is not allowed: 1 to {longest}, the positions of the model")
        if len(prompt) > capacity:
            raise ConfigError(f"prompt has {len(prompt):,} tokens, and there is room for {capacity:,}")
        self.model, self.prompt, self.limit, self.ends = model, tuple(prompt), tokens, ends
        self.decoder = EveryPositionDecoder(config, model, tensors, capacity=capacity, prompt=len(prompt), rules=rules)
        self.sampler = Sampler(sampling or Sampling())
        self.written: list[int] = []
        """Tokens written so far, the one that ends the text included."""
        self.stop: Stop = "tokens"

    @property
    def memory_bytes(self) -> int:
        """Size of memory with all weights, cache and programs."""
        return self.decoder.memory_bytes

    def image(self) -> np.ndarray:
        """Return memory before the first program, uint8."""
        return self.decoder.image()

    def starts(self) -> Iterator[Start]:
        """Yield the programs in their order; each must have run, and been taken, before the next one."""
        for position, tokens in self.decoder.runs(len(self.prompt)):
            end = position + tokens
            yield self._start(position, self.prompt[position:end], logits=end == len(self.prompt))
        while not self._ended():
            position = len(self.prompt) + len(self.written) - 1
            yield self._start(position, (self.written[-1],), logits=True)

    def write(self, memory: np.ndarray, start: Start) -> None:
        """Write the arguments of a program and its input into memory."""
        self.decoder.write(memory, start.position, start.tokens)

    def take(self, memory: np.ndarray, start: Start) -> int | None:
        """Choose the next token from the logits that a program has left in memory; return it, if there are any."""
        if not start.logits:
            return None
        logits = capped(self.decoder.logits(memory, start.program), self.model.final_logit_softcapping)
        self.written.append(self.sampler.choose(logits))
        return self.written[-1]

    def _ended(self) -> bool:
        if self.written[-1] in self.ends:
            self.stop = "end of text"
        elif len(self.written) < self.limit:
            if len(self.prompt) + len(self.written) <= self.decoder.capacity:
                return False
            self.stop = "capacity"
        return True

    def _start(self, position: int, tokens: tuple[int, ...], *, logits: bool) -> Start:
        program = self.decoder.reusable(position, len(tokens)).program.at(position)
        graph = self.decoder.graph(position, len(tokens), logits=logits)
        return Start(position, tokens, graph, program, logits)
