"""Whole decoders as cases of the accelerator: the programs that ``tilewright map`` times, from embeddings to logits.

Layers run in a loop with address registers, and so do the parts of the vocabulary. A prompt comes in chunks, of which
only the last makes logits; then come single tokens, each the most probable one after those before. The steps, run by
numpy layer by layer without a loop, say what memory must contain; a model in float64 says what logits come near to.
"""

from dataclasses import dataclass, replace

import numpy as np

from tilewright.bench.program_cases import Case, Reference, Run
from tilewright.bench.timing import NEAR, Timing
from tilewright.mapping.compile.compiled_loops import CompiledLoops
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_decoder import LAYERS, compile_decoder, head_parts
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.llama import HEAD, layer_name
from tilewright.mapping.models.reference import Tensors, decoder_logits
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.config.accelerator import AcceleratorConfig

SEED = 7
LEAST_COSINE = 0.999
"""Least cosine of the angle between logits and the float64 logits, with weights of eight bits."""


@dataclass(frozen=True)
class Chunk:
    """Tokens that one program takes."""

    position: int
    tokens: int
    logits: bool

    @property
    def name(self) -> str:
        """Name of the program in a table."""
        last = self.position + self.tokens - 1
        where = f"token {last}" if self.tokens == 1 else f"tokens {self.position} to {last}"
        return where if self.logits else f"{where}, without logits"


@dataclass
class _Decoder:
    """A model with seeded weights, and its constants."""

    config: AcceleratorConfig
    model: LlamaConfig
    capacity: int

    def __post_init__(self) -> None:
        self.tensors = seeded_model(self.model, seed=SEED)
        self.steps = StepsDecoder(self.model, self.tensors, self.config, context=self.capacity)
        self.parts, self.columns = head_parts(self.config, self.model.vocab_size)
        self.heads = [self._head(part) for part in range(self.parts)]

    def _head(self, part: int) -> dict[str, np.ndarray]:
        """Return the constants of one part of the vocabulary, zeros after its end."""
        name = f"{HEAD}.weight"
        rows = self.tensors[name][part * self.columns : (part + 1) * self.columns]
        tensors: Tensors = {**self.tensors, name: np.pad(rows, ((0, self.columns - len(rows)), (0, 0)))}
        return constant_contents(llama.head(self.model, self.steps.precision, tokens=1, columns=self.columns), tensors)

    def write_constants(self, program: CompiledLoops, memory: np.ndarray) -> None:
        """Write the weights of every layer and of every part of the vocabulary."""
        first, constants = layer_name(0), self.steps.constants
        for layer in range(self.model.num_hidden_layers):
            name = layer_name(layer)
            own = {first + key.removeprefix(name): each for key, each in constants.items() if key.startswith(name)}
            program.write_constants(memory, LAYERS, layer, constants | own)
        for part, each in enumerate(self.heads):
            program.write_constants(memory, HEAD, part, each)

    def compiled(self, chunk: Chunk, memory: MemoryMap) -> CompiledLoops:
        """Return the program of a chunk."""
        graph = llama.tokens_graph(
            self.model, self.steps.precision, tokens=chunk.tokens, position=chunk.position, capacity=self.capacity,
            logits=chunk.logits,
        )  # fmt: skip
        return compile_decoder(self.config, graph, memory)

    def in_parts(self, logits: np.ndarray) -> np.ndarray:
        """Return logits as (parts, columns), with zeros after the end of the vocabulary."""
        return np.pad(logits, (0, self.parts * self.columns - len(logits))).reshape(self.parts, -1)


def whole_decoder_case(
    config: AcceleratorConfig, model: LlamaConfig, *, prompt: tuple[int, ...], tokens: int, timing: Timing = NEAR
) -> Case:
    """Return a decoder with seeded weights: the chunks of a prompt, then single tokens that follow it.

    Parameters
    ----------
    prompt : tuple of int
        Tokens of each chunk.
    tokens : int
        Single tokens after the prompt.
    """
    length = sum(prompt)
    chunks = [Chunk(sum(prompt[:index]), each, index == len(prompt) - 1) for index, each in enumerate(prompt)]
    chunks += [Chunk(position, 1, True) for position in range(length, length + tokens)]
    decoder = _Decoder(config, model, capacity=length + tokens)
    places = MemoryMap()
    programs = [decoder.compiled(chunk, places) for chunk in chunks]
    image = programs[-1].empty_memory()
    decoder.write_constants(programs[-1], image)

    text = [int(token) for token in np.random.default_rng(SEED).integers(model.vocab_size, size=length)]
    runs, steps = [], decoder.steps
    for chunk, program in zip(chunks, programs, strict=True):
        x = steps.embedded(text[chunk.position : chunk.position + chunk.tokens])
        program.write_program(image)
        program.write_input(image, x)
        last = steps.run_layers(x)
        expected = [
            (program.input.address + row * program.input.pitch, each.tobytes()) for row, each in enumerate(last.stored)
        ]
        run = Run(name=chunk.name, address=program.program_address, macs=last.macs)
        if chunk.logits:
            logits = steps.run_head(last.values[-1:])
            place = program.output_rows(HEAD)
            parts = decoder.in_parts(logits.stored[0])
            expected += [(place.address + part * place.pitch, each.tobytes()) for part, each in enumerate(parts)]
            exact = decoder_logits(model, decoder.tensors, text)[-1]
            reference = Reference(output=place, values=decoder.in_parts(exact), least=LEAST_COSINE)
            head_macs = logits.macs // model.vocab_size * decoder.parts * decoder.columns
            run = replace(run, macs=last.macs + head_macs, reference=reference)
            text.append(int(np.argmax(logits.values[0])))
        runs.append(replace(run, expected=tuple(expected)))
    name = f"decoder of {model.num_hidden_layers} layers, {decoder.parts} parts of a vocabulary of {model.vocab_size}"
    return Case(name=name, memory=image, runs=tuple(runs), timing=timing)
