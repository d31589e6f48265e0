"""Layers of transformers as cases of the accelerator: compiled, with their operands in memory.

What they must leave behind comes from their steps, run by numpy: compiler and model of the accelerator stand beside it.
"""

from collections.abc import Mapping

import numpy as np

from tilewright.cocotb_tests.accelerator_cases import NEAR, Case, Run
from tilewright.cocotb_tests.npe_cases import Timing
from tilewright.mapping.program import minilm
from tilewright.mapping.program.compiled import Compiled
from tilewright.mapping.program.compiler import compile_program
from tilewright.mapping.program.decoder import DecoderShape, decoder_constants, lower_decoder
from tilewright.mapping.program.encoder import encoder_constants, lower_encoder
from tilewright.mapping.program.lowering import Arithmetic, Lowered
from tilewright.mapping.program.memory_map import MemoryMap
from tilewright.mapping.program.seeded import seeded_decoder
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.machine.step_values import Memory, codes, empty_memory, run_steps, store
from tilewright.sim.machine.steps import Product

SENTENCE = "Tiles of weights stay where they are and activations stream by them."
"""Of sixteen tokens."""
DECODER = DecoderShape(hidden=256, heads=8, kv_heads=2, head=32, ffn=512)
SEED = 7


def encoder_case(config: AcceleratorConfig, *, timing: Timing = NEAR) -> Case:
    """Return the first layer of MiniLM on the tokens of a sentence.

    Raises
    ------
    ConfigError
        If the model is not installed.
    """
    tensors, arithmetic = minilm.load_tensors(), Arithmetic()
    tokens = minilm.tokens_of(SENTENCE)
    lowered = lower_encoder(minilm.SHAPE, len(tokens), 1, arithmetic)
    constants = encoder_constants(minilm.SHAPE, tensors, 1, arithmetic)
    compiled = compile_program(config, lowered)
    x = minilm.embed(tensors, tokens)
    image = compiled.memory_image(constants)
    compiled.write_input(image, x)
    steps = _steps_memory(lowered, constants, x)
    run = _run(f"{len(tokens)} tokens", config, compiled, lowered, steps)
    return Case(name="MiniLM layer", memory=image, runs=(run,), timing=timing)


def decoder_case(
    config: AcceleratorConfig,
    shape: DecoderShape = DECODER,
    *,
    prompt: int = 16,
    tokens: int = 8,
    timing: Timing = NEAR,
) -> Case:
    """Return a decoder layer with seeded weights: a prompt, then single tokens over the cache that it leaves.

    Weights, keys and values have as many bits as the macros' weights.
    """
    bits = config.cim.tile.macro.weight_bits
    arithmetic, capacity, memory = Arithmetic(weight_bits=bits, cache_bits=bits), prompt + tokens, MemoryMap()
    constants = decoder_constants(shape, seeded_decoder(shape, layers=1, seed=SEED), 1, arithmetic, capacity=capacity)
    x = np.random.default_rng(SEED).standard_normal((capacity, shape.hidden))
    begins = [0, *range(prompt, capacity)]
    parts = list(zip(begins, [*begins[1:], capacity], strict=True))
    all_lowered = [lower_decoder(shape, end - begin, begin, 1, arithmetic, capacity=capacity) for begin, end in parts]
    programs = [compile_program(config, lowered, memory) for lowered in all_lowered]
    # The places of all programs are known: whose image it is makes no difference.
    image = programs[-1].memory_image(constants)
    states: Memory = {}
    runs = []
    for (begin, end), lowered, compiled in zip(parts, all_lowered, programs, strict=True):
        compiled.write_program(image)
        compiled.write_input(image, x[begin:end])
        steps = _steps_memory(lowered, constants, x[begin:end], states)
        name = f"prompt of {end} tokens" if begin == 0 else f"token {begin}"
        runs.append(_run(name, config, compiled, lowered, steps))
        states = {state: steps[state] for state in lowered.states}
    return Case(name="decoder layer", memory=image, runs=tuple(runs), timing=timing)


def _steps_memory(
    lowered: Lowered, constants: Mapping[str, np.ndarray], x: np.ndarray, states: Memory | None = None
) -> Memory:
    memory = empty_memory(lowered.buffers.values(), dict(constants) | (states or {}))
    store(memory, lowered.input, x)
    return memory


def _run(name: str, config: AcceleratorConfig, compiled: Compiled, lowered: Lowered, steps: Memory) -> Run:
    """Run the steps; return the start of the program that must do the same."""
    run_steps(lowered.steps, steps, lanes=config.vector.lanes)
    rows = codes(steps, lowered.output)
    place = compiled.output
    return Run(
        name=name,
        address=compiled.program_address,
        expected=tuple((place.address + number * place.pitch, row.tobytes()) for number, row in enumerate(rows)),
        macs=sum(
            step.a.rows * step.a.columns * step.out.columns for step in lowered.steps if isinstance(step, Product)
        ),
    )
