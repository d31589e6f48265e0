"""Layers of transformers as cases of the accelerator: compiled, with their operands in memory.

What they must leave behind comes from their steps, run by numpy: compiler and model of the accelerator stand beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.bench.program_cases import Case, Reference, Run
from tilewright.bench.timing import NEAR, Timing
from tilewright.mapping.compile.compiled import Compiled
from tilewright.mapping.compile.compiled_loops import CompiledLoops
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model, write_layers
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.fit_heads import fit_heads
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.lower.lowering import Lowered
from tilewright.mapping.models import bert, llama, minilm
from tilewright.mapping.models.config import BertConfig, DecoderConfig, LlamaConfig
from tilewright.mapping.models.reference import Tensors, decoder_layer, encoder_layer
from tilewright.mapping.models.rows import formats_of
from tilewright.mapping.models.seeded import seeded_decoder, seeded_encoder
from tilewright.mapping.precision.equalisation import precision_of
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.graph.engine_rules import with_engines
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Job, Product
from tilewright.sim.machine.steps import Memory, codes, empty_memory, load, run_steps, store

SENTENCE = "Tiles of weights stay where they are and activations stream by them."
"""Sentence of sixteen tokens."""
DECODER = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=256,
    num_attention_heads=8,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=512,
)
SEED = 7
Rules = Sequence[EngineRule]
NEAR_ENOUGH = {8: 0.999, 4: 0.98}
"""Least cosine between a layer's output and the float64 layer's output, by bits of weights."""


def encoder_case(
    config: AcceleratorConfig,
    *,
    timing: Timing = NEAR,
    sentence: str = SENTENCE,
    rules: Rules = (),
    least: float | None = None,
) -> Case:
    """Return the first layer of MiniLM on the tokens of a sentence; its output must be close to the float64 layer's.

    Parameters
    ----------
    rules, least
        See :func:`decoder_case`.

    Raises
    ------
    ConfigError
        If the model is not installed.
    """
    tensors = minilm.load_tensors()
    x = minilm.embed(tensors, minilm.tokens_of(sentence))
    model = minilm.CONFIG.replace(num_hidden_layers=1)
    return _encoder_case("MiniLM layer", config, model, tensors, x, timing, rules=rules, least=least)


def minilm_layer_case(
    config: AcceleratorConfig, tensors: Tensors, *, layer: int, tokens: int, timing: Timing = NEAR
) -> Case:
    """Return a layer of MiniLM on the first tokens of a sentence, whose input the layers before it make in float64.

    Parameters
    ----------
    tensors : mapping
        Tensors of MiniLM; those of a plan have formats and scales of their own.

    Raises
    ------
    ConfigError
        If the model is not installed, or the sentence has fewer tokens.
    """
    words = minilm.tokens_of(SENTENCE)
    if not 1 <= tokens <= len(words):
        raise ConfigError(f"tokens = {tokens} is not allowed: 1 to {len(words)}, the tokens of the sentence")
    x = minilm.embed(minilm.load_tensors(), words[:tokens])
    for before in range(layer):
        x = encoder_layer(minilm.CONFIG, tensors, bert.layer_name(before), x)
    return _encoder_case(f"layer {layer}", config, minilm.CONFIG, tensors, x, timing, layer=layer, least=-1.0)


def seeded_encoder_case(
    config: AcceleratorConfig,
    model: BertConfig,
    *,
    tokens: int,
    timing: Timing = NEAR,
    rules: Rules = (),
    least: float | None = None,
) -> Case:
    """Return an encoder layer with seeded weights; for rules and the least cosine see :func:`decoder_case`."""
    x = np.random.default_rng(SEED).standard_normal((tokens, model.hidden_size))
    return _encoder_case(
        "encoder layer", config, model, seeded_encoder(model, seed=SEED), x, timing, rules=rules, least=least
    )


def _encoder_case(
    name: str,
    config: AcceleratorConfig,
    model: BertConfig,
    tensors: Tensors,
    x: np.ndarray,
    timing: Timing,
    *,
    layer: int = 0,
    rules: Rules = (),
    least: float | None = None,
) -> Case:
    precision = replace(Precision.of_accelerator(config), by_matrix=formats_of(tensors))

    def graph(tokens: int) -> Graph:
        whole = bert.layers(model, precision, tokens=tokens)
        return with_engines(config, whole.part(each for each in whole if each.layer == layer), rules)

    lowered = lower(graph(len(x)))
    constants = constant_contents(graph(1), tensors)
    compiled = compile_program(config, lowered)
    image = compiled.memory_image(constants)
    compiled.write_input(image, x)
    steps = _steps_memory(lowered, constants, x)
    run = run_of_steps(f"{len(x)} tokens", config, compiled, lowered, steps)
    exact = encoder_layer(model, tensors, bert.layer_name(layer), x)
    return Case(
        name=_named(name, rules),
        memory=image,
        runs=(_near(run, compiled, exact, _least(config, least)),),
        timing=timing,
    )


def whole_encoder_case(
    config: AcceleratorConfig,
    model: BertConfig,
    *,
    tokens: int,
    rows: int | None = None,
    timing: Timing = NEAR,
    rules: Rules = (),
    least: float | None = None,
) -> Case:
    """Return an encoder with seeded weights as ``tilewright map`` compiles it: its layers run in a loop.

    Numpy runs the steps of one layer after the other, without a loop, and all rows together.

    Parameters
    ----------
    rows : int, optional
        Number of rows that go through a layer at a time; by default all.
    rules, least
        See :func:`decoder_case`.
    """
    tensors, precision = seeded_encoder(model, seed=SEED), Precision.of_accelerator(config)
    x = np.random.default_rng(SEED).standard_normal((tokens, model.hidden_size))
    graph = with_engines(config, bert.layers(model, precision, tokens=tokens), rules)
    layers = [graph.part(each for each in graph if each.layer == layer) for layer in range(model.num_hidden_layers)]
    constants = [constant_contents(layer, tensors) for layer in layers]
    program = compile_model(config, graph, rows=rows)
    image = program.empty_memory()
    write_layers(program, image, constants.__getitem__)
    program.write_input(image, x)
    exact = x
    for layer, part in enumerate(layers):
        lowered = lower(part)
        steps = _steps_memory(lowered, constants[layer], x)
        run = run_of_steps(f"{tokens} tokens", config, program, lowered, steps)
        x = load(steps, lowered.output)
        exact = encoder_layer(model, tensors, bert.layer_name(layer), exact)
    run = replace(run, macs=run.macs * len(layers))
    return Case(
        name=_named(f"encoder of {len(layers)} layers", rules),
        memory=image,
        runs=(_near(run, program, exact, _least(config, least)),),
        timing=timing,
    )


def decoder_case(
    config: AcceleratorConfig,
    model: DecoderConfig = DECODER,
    *,
    prompt: int = 16,
    tokens: int = 8,
    timing: Timing = NEAR,
    rules: Rules = (),
    least: float | None = None,
) -> Case:
    """Return a decoder layer with seeded weights: a prompt, then single tokens over the cache that it leaves.

    Parameters
    ----------
    rules : sequence of EngineRule
        Rules that place products.
    least : float, optional
        Least cosine between what each program leaves and the layer in float64, by default that for the array's
        weights.
    """
    tensors = seeded_decoder(model, seed=SEED)
    x = np.random.default_rng(SEED).standard_normal((prompt + tokens, model.hidden_size))
    return layer_case(
        config, model, tensors, x, prompt=prompt, least=_least(config, least), timing=timing,
        name=_named("decoder layer", rules), rules=rules,
    )  # fmt: skip


def _named(name: str, rules: Rules) -> str:
    """Return the name of a case with rules."""
    return ", ".join([name, *map(str, rules)])


def _least(config: AcceleratorConfig, least: float | None) -> float:
    """Return the least cosine to float64, by default that for the weights of the CIM array."""
    return NEAR_ENOUGH[config.cim_array.tile.macro.weight_bits] if least is None else least


def layer_case(
    config: AcceleratorConfig,
    model: DecoderConfig,
    tensors: Tensors,
    x: np.ndarray,
    *,
    layer: int = 0,
    prompt: int,
    least: float,
    timing: Timing,
    name: str,
    rules: Rules = (),
) -> Case:
    """Return a layer of a decoder: a prompt, then single tokens over the cache that it leaves.

    Parameters
    ----------
    x : ndarray, (tokens, hidden)
        Input of the layer for the tokens of the prompt and for those after it.
    prompt : int
        Number of tokens in the prompt.
    least : float
        Least cosine between what each program leaves and the layer in float64.
    rules : sequence of EngineRule
        Rules that place products.
    """
    precision = precision_of(config, model, tensors)
    capacity, memory = len(x), MemoryMap()

    def graph(position: int, tokens: int) -> Graph:
        whole = llama.layers(model, precision, tokens=tokens, position=position, capacity=capacity)
        part = whole.part(each for each in whole if each.layer == layer)
        return fit_heads(config, with_engines(config, part, rules))

    begins = [0, *range(prompt, capacity)]
    parts = list(zip(begins, [*begins[1:], capacity], strict=True))
    graphs = [graph(begin, end - begin) for begin, end in parts]
    all_lowered = [lower(each) for each in graphs]
    # Each program has masks of its own.
    all_constants = [constant_contents(each, tensors) for each in graphs]
    programs = [compile_program(config, lowered, memory) for lowered in all_lowered]
    # The places of all programs are known: whose image it is makes no difference.
    image = programs[-1].memory_image(all_constants[-1])
    exact = decoder_layer(model, tensors, llama.layer_name(layer), x, layer=layer, context=capacity)
    inputs = {f"token {begin}" if begin else f"prompt of {end} tokens": x[begin:end] for begin, end in parts}
    runs = _in_turn(config, image, inputs, programs, all_lowered, all_constants, {})
    near = (
        _near(run, compiled, exact[begin:end], least)
        for run, compiled, (begin, end) in zip(runs, programs, parts, strict=True)
    )
    return Case(name=name, memory=image, runs=tuple(near), timing=timing)


def _in_turn(
    config: AcceleratorConfig,
    image: np.ndarray,
    inputs: Mapping[str, np.ndarray],
    programs: list[Compiled],
    all_lowered: list[Lowered],
    all_constants: list[dict[str, np.ndarray]],
    states: Memory,
) -> list[Run]:
    """Write programs with their inputs, by name, and return their runs, each on the cache that the one before leaves.

    ``states`` is the cache before the first one.
    """
    runs = []
    for (name, x), compiled, lowered, constants in zip(
        inputs.items(), programs, all_lowered, all_constants, strict=True
    ):
        compiled.write_program(image)
        compiled.write_input(image, x)
        for mask in (each for each in compiled.constants if each.startswith(llama.MASK)):
            compiled.write(image, mask, constants[mask])
        steps = _steps_memory(lowered, constants, x, states)
        runs.append(run_of_steps(name, config, compiled, lowered, steps))
        states = {state: steps[state] for state in lowered.states}
    return runs


def cached_case(
    config: AcceleratorConfig, model: DecoderConfig = DECODER, *, positions: int, tokens: int = 1, timing: Timing = NEAR
) -> Case:
    """Return a decoder layer with seeded weights: single tokens over a cache of this many random positions.

    Parameters
    ----------
    positions : int
        An even number, because two keys of four bits share a byte.
    """
    tensors, memory = seeded_decoder(model, seed=SEED), MemoryMap()
    precision = precision_of(config, model, tensors)
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((tokens, model.hidden_size))
    graphs = [
        fit_heads(config, llama.layers(model, precision, tokens=1, position=position, capacity=positions + tokens))
        for position in range(positions, positions + tokens)
    ]
    all_lowered = [lower(graph) for graph in graphs]
    constants = constant_contents(graphs[0], tensors)
    programs = [compile_program(config, lowered, memory) for lowered in all_lowered]
    states: Memory = {}
    for name in all_lowered[0].states:
        buffer = all_lowered[0].buffers[name]
        scales = name.endswith(".scales")
        most = 0.02 if scales else buffer.storage.largest
        values = rng.uniform(0.01 if scales else -most, most, buffer.elements)
        states[name] = buffer.storage.from_fp32(values.astype(np.float32))
    image = programs[-1].memory_image(constants, states)
    inputs = {f"token {position}": row[None] for position, row in enumerate(x, positions)}
    runs = _in_turn(config, image, inputs, programs, all_lowered, [constants] * tokens, states)
    return Case(name=f"decoder layer over {positions} positions", memory=image, runs=tuple(runs), timing=timing)


def network_case(config: AcceleratorConfig, model: LlamaConfig, *, tokens: int, timing: Timing = NEAR) -> Case:
    """Return the gated network of a decoder layer with seeded weights, its norm and its residual included."""
    precision = Precision.of_accelerator(config)
    graph = llama.network(model, precision, tokens=tokens)
    lowered = lower(graph)
    tensors = seeded_decoder(model, seed=SEED)
    constants = constant_contents(graph, tensors)
    compiled = compile_program(config, lowered)
    x = np.random.default_rng(SEED).standard_normal((tokens, model.hidden_size))
    image = compiled.memory_image(constants)
    compiled.write_input(image, x)
    run = run_of_steps(f"{tokens} tokens", config, compiled, lowered, _steps_memory(lowered, constants, x))
    return Case(name=f"SwiGLU {model.hidden_size}-{model.intermediate_size}", memory=image, runs=(run,), timing=timing)


def _steps_memory(
    lowered: Lowered, constants: Mapping[str, np.ndarray], x: np.ndarray, states: Memory | None = None
) -> Memory:
    memory = empty_memory(lowered.buffers.values(), dict(constants) | (states or {}))
    store(memory, lowered.input, x)
    return memory


def _near(run: Run, compiled: Compiled | CompiledLoops, exact: np.ndarray, least: float) -> Run:
    """Return a run whose output must be close to the output of a float64 layer."""
    return replace(run, reference=Reference(output=compiled.output, values=exact, least=least))


def run_of_steps(
    name: str, config: AcceleratorConfig, compiled: Compiled | CompiledLoops, lowered: Lowered, steps: Memory
) -> Run:
    """Run the steps on memory; return the start of the program that must have the same results."""
    run_steps(lowered.steps, steps, lanes=config.vector.lanes)
    rows = codes(steps, lowered.output)
    place = compiled.output
    return Run(
        name=name,
        address=compiled.program_address,
        expected=tuple((place.address + number * place.pitch, row.tobytes()) for number, row in enumerate(rows)),
        macs=sum(
            step.a.rows * step.a.columns * step.out.columns for step in lowered.steps if isinstance(step, Product | Job)
        ),
    )
