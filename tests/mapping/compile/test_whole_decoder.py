"""A whole decoder as one program: prompt and tokens, from embeddings to logits."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator, in_sequence, on_the_model, step_memory
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.weight_layout import constant_bytes
from tilewright.mapping.compile.whole_model import LAYERS, compile_model, head_parts
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.llama import FINAL_NORM, HEAD, layer_name
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Weights
from tilewright.sim.machine.accelerator.values import AcceleratorValues, in_order
from tilewright.sim.machine.steps import load, run_steps

SHAPE = LlamaConfig(
    vocab_size=2500,
    num_hidden_layers=3,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=96,
)
VOCABULARY, COUNT, CAPACITY = SHAPE.vocab_size, SHAPE.num_hidden_layers, 12


def test_parts_of_a_vocabulary_fit_into_a_bank():
    config = accelerator(address_bits=8)
    parts, columns = head_parts(config, VOCABULARY)
    assert (parts, columns) == (3, 896)
    assert columns % config.cim.columns == 0
    assert parts * columns >= VOCABULARY > (parts - 1) * columns
    assert 4 * columns <= config.bank_bytes
    assert head_parts(accelerator(), 64) == (1, 64)


MXFP4 = {
    "weight_bits": 4, "weight_format": "fp4_e2m1", "rows": 32, "columns": 32, "group_rows": 32, "group_scale": "e8m0"
}  # fmt: skip


@pytest.mark.parametrize("run", [in_sequence, on_the_model])
@pytest.mark.parametrize("fields", [{}, MXFP4], ids=["int8", "mxfp4"])
def test_logits_of_the_last_token(fields, run):
    config = accelerator(address_bits=8, **fields)
    plain = Precision.of(config.cim.tile)
    rng = np.random.default_rng(1)
    constants = constant_contents(
        llama.layers(SHAPE, plain, tokens=1, capacity=CAPACITY), seeded_decoder(SHAPE, seed=2)
    )
    parts, columns = head_parts(config, VOCABULARY)
    weights = np.zeros((parts * columns, 64))
    weights[:VOCABULARY] = rng.standard_normal((VOCABULARY, 64))
    of_head = [
        constant_contents(
            llama.head(SHAPE, plain, tokens=1, columns=columns),
            {f"{FINAL_NORM}.weight": np.ones(64), f"{HEAD}.weight": part},
        )
        for part in np.split(weights, parts)
    ]
    places = MemoryMap()
    lengths = (5, 1)
    programs = [
        compile_model(
            config,
            llama.tokens_graph(SHAPE, plain, tokens=n, position=sum(lengths[:index]), capacity=CAPACITY),
            places,
        )
        for index, n in enumerate(lengths)
    ]  # fmt: skip
    memory = programs[0].empty_memory()
    for layer in range(COUNT):
        own = {
            name.replace(layer_name(layer), layer_name(0)): values
            for name, values in constants.items()
            if name.startswith(layer_name(layer))
        }
        programs[0].write_constants(memory, LAYERS, layer, constants | own)
    for part, those in enumerate(of_head):
        programs[0].write_constants(memory, HEAD, part, those)
    states = None
    for index, (program, tokens) in enumerate(zip(programs, lengths, strict=True)):
        x = rng.standard_normal((tokens, 64))
        program.write_program(memory)
        program.write_input(memory, x)
        run(AcceleratorValues(config, memory), program)
        lowered = lower(llama.layers(SHAPE, plain, tokens=tokens, position=sum(lengths[:index]), capacity=CAPACITY))
        steps = step_memory(lowered, constants, x, states)
        run_steps(lowered.steps, steps, lanes=16)
        states = {name: steps[name] for name in lowered.states}
        last = load(steps, lowered.output)[-1:]
        for part, those in enumerate(of_head):
            head = lower(llama.head(SHAPE, plain, tokens=1, columns=columns))
            of_part = step_memory(head, those, last)
            run_steps(head.steps, of_part, lanes=16)
            assert (program.read_output(memory, HEAD, part) == load(of_part, head.output)).all()
        assert not program.read_output(memory, HEAD, parts - 1)[:, VOCABULARY - (parts - 1) * columns :].any()


def test_a_program_may_end_with_its_layers():
    program = compile_model(accelerator(), llama.tokens_graph(SHAPE, Precision(), tokens=2, capacity=4, logits=False))
    assert list(program.loops) == [LAYERS]


def test_layers_that_differ_have_loops_of_their_own():
    graph = llama.tokens_graph(SHAPE, Precision(), tokens=2, capacity=4, logits=False)
    name = layer_name(1, "mlp.up_proj")
    other = [
        replace(operator, precision=Precision(weights=stored.INT4)) if operator.name == name else operator
        for operator in graph
    ]
    program = compile_model(accelerator(), Graph(tuple(other)))
    assert [(section.loop.layers, section.loop.count) for section in program.loops.values()] == [
        ((0,), 1), ((1,), 1), ((2,), 1)
    ]  # fmt: skip


def test_every_beat_of_weights_is_read_once():
    config = accelerator(address_bits=8)
    program = compile_model(config, llama.tokens_graph(SHAPE, Precision(), tokens=1, position=8, capacity=9))
    beats = Counter()
    for command, register in in_order(program.commands):
        if isinstance(command, Weights):
            for plane in range(command.planes):
                for row in range(command.rows):
                    begin = command.address + register + plane * command.plane_stride + row * command.stride
                    beats.update(range(begin, begin + command.beats * config.bus_bytes, config.bus_bytes))
    for section in program.loops.values():
        for weights in section.survey.weights.values():
            size = constant_bytes(config.cim, weights.k, weights.n, weights.reduce)
            stride = next(each.per_run for each in section.regions if each.first <= weights.address < each.end)
            for run in range(section.loop.count):
                begin = weights.address + run * stride
                assert {beats.pop(each) for each in range(begin, begin + size, config.bus_bytes)} == {1}
    # What is left are keys and values.
    stored = {buffer.operands[0].bytes for buffer in program.loops[LAYERS].survey.stored.values()}
    assert 0 < len(beats) * config.bus_bytes <= COUNT * 2 * SHAPE.num_key_value_heads * max(stored)
