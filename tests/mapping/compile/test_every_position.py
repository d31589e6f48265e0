"""One set of programs for every position: the bits of each, what a host writes between them, and what that costs."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.every_position_cost import STORIES, costs
from tests.mapping.compile.compiled_layers import INT4, MXFP4, SMALL
from tests.mapping.compile.compiled_runs import Runner, beside_one_another, in_sequence, on_the_model
from tests.mapping.tiny_models import tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile import compiler
from tilewright.mapping.compile.arguments import Formula, Term
from tilewright.mapping.compile.every_position import EveryPositionDecoder, Reusable
from tilewright.mapping.compile.whole_model import LAYERS
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.load import load_model
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.machine.accelerator.values import AcceleratorValues

RUNS = {"one by one": in_sequence, "timed": on_the_model, "mixed": beside_one_another(4)}
ARRAYS = {"INT8": SMALL, "INT4": INT4, "MXFP4": MXFP4}
SHAPE = LlamaConfig(
    vocab_size=200,
    num_hidden_layers=2,
    hidden_size=32,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    intermediate_size=32,
)
CAPACITY = 70
EVERYDAY_PROMPTS = {("INT8", 1), ("INT8", 33), ("INT8", 50), ("INT4", 2), ("INT4", 3), ("INT4", 33)}


def check_text(decoder: EveryPositionDecoder, steps: StepsDecoder, prompt: int, tokens: int, run: Runner) -> None:
    """Run a prompt and what follows; see that every program leaves the bits of the steps."""
    text = np.random.default_rng(1).integers(decoder.model.vocab_size, size=prompt + tokens).tolist()
    machine = AcceleratorValues(decoder.config, decoder.image())
    machine.scratchpad[:] = 255
    runs = [*decoder.runs(prompt), *((position, 1) for position in range(prompt, prompt + tokens))]
    for position, size in runs:
        some = text[position : position + size]
        decoder.write(machine.memory, position, some)
        chosen = decoder.reusable(position, size)
        run(machine, chosen.program.at(position))
        expected = steps.run_layers(embedded(decoder.model, decoder.tensors, some)).values
        found = chosen.program.read_output(machine.memory, LAYERS)
        assert (found[:size] == expected).all(), f"position {position}"


def decoder_and_steps(
    config, model: LlamaConfig, capacity: int, block: int = 0
) -> tuple[EveryPositionDecoder, StepsDecoder]:
    """Return a set of programs, and the steps of the same arithmetic."""
    tensors = seeded_model(model, seed=3)
    decoder = EveryPositionDecoder(config, model, tensors, capacity=capacity, block=block)
    steps = StepsDecoder(model, tensors, config, context=capacity, every=decoder.every)
    return decoder, steps


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("block", [0, 32], ids=["one block", "repeated"])
@pytest.mark.parametrize("config", ARRAYS.values(), ids=ARRAYS)
def test_all_positions(config, block, run):
    decoder, steps = decoder_and_steps(config, SHAPE, CAPACITY, block)
    check_text(decoder, steps, prompt=1, tokens=CAPACITY - 1, run=run)


@pytest.mark.parametrize("block", [0, 32], ids=["one block", "repeated"])
@pytest.mark.parametrize("config", ARRAYS.values(), ids=ARRAYS)
def test_positions_of_two_blocks(config, block):
    decoder, steps = decoder_and_steps(config, SHAPE, CAPACITY, block)
    assert decoder.block == (32 if block else 96 if config is MXFP4 else 80)
    check_text(decoder, steps, prompt=28, tokens=7, run=in_sequence)


@pytest.mark.parametrize("run", [on_the_model, beside_one_another(4)], ids=["timed", "mixed"])
@pytest.mark.parametrize("block", [0, 32], ids=["one block", "repeated"])
def test_units_beside_one_another(block, run):
    decoder, steps = decoder_and_steps(INT4, SHAPE, CAPACITY, block)
    check_text(decoder, steps, prompt=31, tokens=4, run=run)


# Codes of four bits lie two in a byte: a prompt of an odd length ends within one.
@pytest.mark.parametrize(
    ("array", "prompt"),
    [
        pytest.param(array, prompt, marks=[pytest.mark.slow] * ((array, prompt) not in EVERYDAY_PROMPTS))
        for array in ("INT8", "INT4")
        for prompt in (1, 2, 3, 33, 34, 50)
    ],
)
def test_prompts_of_any_length(array, prompt):
    decoder, steps = decoder_and_steps(ARRAYS[array], SHAPE.replace(num_hidden_layers=1), CAPACITY, 32)
    check_text(decoder, steps, prompt, tokens=2, run=in_sequence)


# Windows have masks of their own, layers of two kinds alternate, heads of 12 elements are padded, and keys get offsets.
@pytest.mark.parametrize("family", ["mistral", "gemma3_text", "phi3", "qwen3"])
def test_families(family):
    decoder, steps = decoder_and_steps(SMALL, tiny(family), 60, 16)
    check_text(decoder, steps, prompt=29, tokens=4, run=in_sequence)


@pytest.mark.parametrize("config", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("block", [0, 32], ids=["one block", "repeated"])
def test_a_host_writes_eight_words_at_most_and_nothing_else_changes(config, block):
    decoder, _ = decoder_and_steps(config, SHAPE, CAPACITY, block)
    singles = [each for each in decoder.programs if each.tokens == 1]
    assert len(singles) <= 4
    for each in decoder.programs:
        program, written = each.program, np.zeros(decoder.memory_bytes, bool)
        assert len(program.arguments) <= 8
        for argument in program.arguments:
            first = program.program_address + argument.offset
            written[first : first + 8] = True
        images = []
        positions = range(each.nominal, each.positions, 2 if decoder.packed else 1) if each.tokens == 1 else (0, 32, 64)
        for position in positions:
            memory = np.zeros(decoder.memory_bytes, np.uint8)
            program.write_program(memory)
            program.write_arguments(memory, position)
            at = np.zeros(decoder.memory_bytes, np.uint8)
            program.at(position).write_program(at)
            assert (memory == at).all()
            images.append(memory)
        changed = np.any(np.array(images) != images[0], axis=0)
        assert not (changed & ~written).any()
        assert changed.any() == (len(images) > 1)


def test_new_keys_are_waited_for_although_another_register_leads_to_them(monkeypatch):
    synchronise = compiler.synchronise
    monkeypatch.setattr(compiler, "synchronise", lambda *args, shared, **options: synchronise(*args, **options))
    decoder, steps = decoder_and_steps(SMALL, SHAPE, 40)
    with pytest.raises(AssertionError, match="position"):
        check_text(decoder, steps, prompt=20, tokens=4, run=beside_one_another(0))


def wrong(reusable: Reusable, number: int, change: int) -> Reusable:
    """Return a program with another constant in one of its formulas."""
    arguments = list(reusable.program.arguments)
    formula = arguments[number].formula
    arguments[number] = replace(arguments[number], formula=replace(formula, constant=formula.constant + change))
    return replace(reusable, program=replace(reusable.program, arguments=tuple(arguments)))


@pytest.mark.parametrize("number", range(8))
def test_a_wrong_word_is_seen(number):
    decoder, steps = decoder_and_steps(SMALL, SHAPE, CAPACITY, 32)
    change = {5: 1, 6: 4096}.get(number, 64)
    decoder.single = [
        wrong(each, number, change) if len(each.program.arguments) == 8 else each for each in decoder.single
    ]
    with pytest.raises(AssertionError, match="position"):
        check_text(decoder, steps, prompt=22, tokens=12, run=in_sequence)


def test_formulas_in_words():
    digits = Formula.of(Term(1, 16, 4), Term(16, 4, 64), Term(64, 0, 4096), nominal=1)
    assert str(digits) == "4 * (p % 64) + 4096 * (p // 64) - 4"
    assert [digits.value(position) for position in (1, 2, 65, 130)] == [0, 4, 4096, 8196]
    assert str(Formula((), 7)) == "7"


@pytest.mark.parametrize(
    ("model", "system", "capacity", "contexts", "most"),
    [
        (load_model("llama-3.2-1b"), "edge-int4", 4096, (16, 257, 4096), 1.02),
        pytest.param(load_model("llama-3.2-1b"), "edge-int4", 4096, (100, 1024), 1.02, marks=pytest.mark.slow),
        pytest.param(
            load_model("llama-3.2-1b"), "edge-int4", 8192, (16, 1024, 4096, 8192), 1.02, marks=pytest.mark.slow
        ),
        (STORIES, "small", 512, (16, 100, 257, 512), 1.10),
    ],
    ids=["llama-3.2-1b", "llama-3.2-1b, more contexts", "llama-3.2-1b, repeated", "stories260K"],
)
def test_cost_against_a_program_for_the_position(model, system, capacity, contexts, most):
    for context, one_set, alone in costs(model, system, capacity, contexts):
        assert one_set / alone <= most, (context, one_set, alone)


def test_a_model_without_room_is_refused():
    with pytest.raises(ConfigError, match="no room"):
        EveryPositionDecoder(SMALL, SHAPE.replace(hidden_size=65536, intermediate_size=65536), {}, capacity=32)
