"""Whole decoders as cases of the accelerator: the programs that ``tilewright map`` times, from embeddings to logits.

Layers run in a loop with address registers, and so do the parts of the vocabulary. A prompt comes in chunks, of which
only the last makes logits; then come single tokens, each the most probable one after those before. The steps, run by
numpy layer by layer without a loop, say what memory must contain; a model in float64 says what logits come near to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tilewright.bench.program_cases import Case, Reference, Run
from tilewright.bench.timing import NEAR, Timing
from tilewright.mapping.compile.chunks import tokens_name
from tilewright.mapping.compile.compiled_loops import CompiledLoops
from tilewright.mapping.compile.decoder_data import DecoderData
from tilewright.mapping.compile.mapping import DEFAULT_MAPPING, Mapping
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.lower.steps_decoder import StepsDecoder, StepsResult
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.llama import HEAD
from tilewright.mapping.models.reference import Tensors, decoder_logits
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule

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
        where = tokens_name(self.position, self.tokens)
        return where if self.logits else f"{where}, without logits"


def whole_decoder_case(
    config: AcceleratorConfig,
    model: DecoderConfig,
    *,
    prompt: tuple[int, ...],
    tokens: int,
    timing: Timing = NEAR,
    tensors: Tensors | None = None,
    least: float = LEAST_COSINE,
    rules: Sequence[EngineRule] = (),
    mapping: Mapping = DEFAULT_MAPPING,
) -> Case:
    """Return a decoder: the chunks of a prompt of random tokens, then single tokens that follow it.

    Parameters
    ----------
    prompt : tuple of int
        Tokens of each chunk.
    tokens : int
        Single tokens after the prompt.
    tensors : mapping, optional
        Weights; seeded ones if there are none.
    least : float
        Least cosine of the angle between logits and the float64 logits.
    rules : sequence of EngineRule
        Rules that place products.
    mapping : Mapping
        Choices for the programs, with the fewest parts of the vocabulary.
    """
    length = sum(prompt)
    chunks = [Chunk(sum(prompt[:index]), each, index == len(prompt) - 1) for index, each in enumerate(prompt)]
    chunks += [Chunk(position, 1, True) for position in range(length, length + tokens)]
    tensors, capacity = tensors or seeded_model(model, seed=SEED), length + tokens
    decoder = DecoderData(config, model, tensors, capacity=capacity, rules=rules)
    places = MemoryMap()
    programs = [
        compile_model(
            config,
            decoder.graph(chunk.position, chunk.tokens, logits=chunk.logits),
            places,
            layout=mapping.layout,
            schedules=mapping.schedules(number),
        )
        for number, chunk in enumerate(chunks)
    ]
    image = programs[-1].empty_memory()
    decoder.write_weights(image, programs[-1])

    text = [int(token) for token in np.random.default_rng(SEED).integers(model.vocab_size, size=length)]
    runs, steps = [], StepsDecoder(model, tensors, config, context=capacity, rules=rules)

    for chunk, program in zip(chunks, programs, strict=True):
        x = embedded(model, tensors, text[chunk.position : chunk.position + chunk.tokens])
        program.write_program(image)
        program.write_input(image, x)
        last = steps.run_layers(x)
        expected = expected_layers(program, last)
        run = Run(name=chunk.name, address=program.program_address, macs=last.macs)
        if chunk.logits:
            logits = steps.run_head(last.values[-1:])
            expected += expected_logits(decoder, program, logits)
            exact = _in_parts(decoder, decoder_logits(model, tensors, text)[-1])
            reference = Reference(output=program.output_rows(HEAD), values=exact, least=least)
            head_macs = logits.macs // model.vocab_size * decoder.parts * decoder.columns
            run = replace(run, macs=last.macs + head_macs, reference=reference)
            text.append(int(np.argmax(logits.values[0])))
        runs.append(replace(run, expected=expected))
    name = f"decoder of {model.num_hidden_layers} layers, {decoder.parts} parts of a vocabulary of {model.vocab_size}"
    name = ", ".join([name, *map(str, rules)])
    return Case(name=name, memory=image, runs=tuple(runs), timing=timing)


def expected_layers(program: CompiledLoops, last: StepsResult) -> tuple[tuple[int, bytes], ...]:
    """Return addresses and bytes of the output of the last layer, in the place of the input of the first one."""
    place = program.input
    return tuple((place.address + row * place.pitch, each.tobytes()) for row, each in enumerate(last.stored))


def expected_logits(decoder: DecoderData, program: CompiledLoops, logits: StepsResult) -> tuple[tuple[int, bytes], ...]:
    """Return addresses and bytes of the logits of one token, a row for each part of the vocabulary."""
    place, parts = program.output_rows(HEAD), _in_parts(decoder, logits.stored[0])
    return tuple((place.address + part * place.pitch, each.tobytes()) for part, each in enumerate(parts))


def _in_parts(decoder: DecoderData, logits: np.ndarray) -> np.ndarray:
    return np.pad(logits, (0, decoder.parts * decoder.columns - len(logits))).reshape(decoder.parts, -1)
