"""One set of programs for every position as cases of the accelerator: a text, of which some tokens run in RTL.

The programs of all other tokens run in numpy, command by command, and what they leave in memory is written before the
next one in RTL. The steps say what memory must contain then.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from tilewright.bench.program_cases import Case, Run, changes
from tilewright.bench.timing import NEAR, Timing
from tilewright.cocotb_tests.accelerator.whole_decoder_cases import SEED, expected_layers, expected_logits
from tilewright.mapping.compile.chunks import tokens_name
from tilewright.mapping.compile.every_position import EveryPositionDecoder
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.machine.accelerator.values import AcceleratorValues


def every_position_case(
    config: AcceleratorConfig,
    model: DecoderConfig,
    *,
    positions: Collection[int],
    capacity: int,
    block: int = 0,
    timing: Timing = NEAR,
    rules: Sequence[EngineRule] = (),
) -> Case:
    """Return a decoder with seeded weights that reads random tokens: a chunk of a prompt, then single tokens.

    The single tokens begin with the first one again, whose keys and values are then the same bits.

    Parameters
    ----------
    positions : collection of int
        Positions of the single tokens that run in RTL.
    capacity, block : int
        Size of the cache and of its blocks, see :class:`.EveryPositionDecoder`.
    rules : sequence of EngineRule
        Rules that place products.
    """
    tensors = seeded_model(model, seed=SEED)
    decoder = EveryPositionDecoder(config, model, tensors, capacity=capacity, block=block, rules=rules)
    steps = StepsDecoder(model, tensors, config, context=capacity, every=decoder.every, rules=rules)
    text = np.random.default_rng(SEED).integers(model.vocab_size, size=capacity).tolist()
    image = decoder.image()
    machine, before = AcceleratorValues(config, image.copy()), image

    def runs() -> Iterator[Run]:
        nonlocal before
        for position, tokens in _schedule(decoder, max(positions)):
            if position == 0:
                steps.restart()
            some = text[position : position + tokens]
            decoder.write(machine.memory, position, some)
            program = decoder.reusable(position, tokens).program.at(position)
            in_rtl = tokens > 1 or position in positions
            patches = changes(before, machine.memory) if in_rtl else ()
            machine.run(program.commands)
            last = steps.run_layers(embedded(model, tensors, some))
            if in_rtl:
                before = machine.memory.copy()
                run = Run(
                    name=tokens_name(position, tokens),
                    address=program.program_address,
                    patches=patches,
                    expected=expected_layers(program, last),
                    macs=last.macs,
                )
                if tokens == 1:
                    logits = steps.run_head(last.values)
                    run = replace(run, expected=run.expected + expected_logits(decoder, program, logits))
                yield run

    name = f"decoder of {model.num_hidden_layers} layers, blocks of {decoder.block} positions"
    return Case(name=name, memory=image, runs=tuple(runs()), timing=timing)


def _schedule(decoder: EveryPositionDecoder, last: int) -> Iterator[tuple[int, int]]:
    """Yield position and number of tokens of each program: a chunk, then single tokens up to the last position."""
    if decoder.chunk:
        yield 0, decoder.chunk.tokens
    yield from ((position, 1) for position in range(last + 1))
