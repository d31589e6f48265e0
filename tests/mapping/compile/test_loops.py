"""Layers that are compiled once, against as many layers of steps."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator, beside_one_another, in_sequence, on_the_model, step_memory
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiled_loops import CompiledLoops
from tilewright.mapping.compile.compiler import compile_loops
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.program import Repeated
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import bert, llama
from tilewright.mapping.models.config import BertConfig, LlamaConfig
from tilewright.mapping.models.llama import FINAL_NORM, HEAD, layer_name
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Loop
from tilewright.sim.machine.accelerator.values import AcceleratorValues
from tilewright.sim.machine.steps import load, run_steps

SHAPE = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=3,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=96,
    qkv_bias=True,
)
LAYERS, CAPACITY, RUNS, COLUMNS = SHAPE.num_hidden_layers, 12, 4, 80
PLAIN = Precision()
CONFIG = accelerator()


def compiled(tokens: int, position: int, memory: MemoryMap) -> CompiledLoops:
    layer = lower(
        llama.layers(SHAPE.replace(num_hidden_layers=1), PLAIN, tokens=tokens, position=position, capacity=CAPACITY)
    )
    return compile_loops(
        CONFIG,
        [
            Repeated(name="layers", lowered=layer, count=LAYERS, own=(layer_name(0),)),
            Repeated(
                name="head",
                lowered=lower(llama.head(SHAPE, PLAIN, tokens=tokens, columns=COLUMNS)),
                count=RUNS,
                own=(HEAD,),
                carried=False,
            ),
        ],
        memory,
    )


@pytest.mark.parametrize("run", [in_sequence, beside_one_another(1), beside_one_another(2), on_the_model])
def test_layers_and_head_leave_the_bits_of_their_steps(run):
    rng = np.random.default_rng(1)
    tensors = seeded_decoder(SHAPE, seed=2)
    constants = constant_contents(llama.layers(SHAPE, PLAIN, tokens=1, capacity=CAPACITY), tensors)
    vocabulary = {
        f"{FINAL_NORM}.weight": 1 + 0.2 * rng.standard_normal(64),
        f"{HEAD}.weight": rng.standard_normal((RUNS * COLUMNS, 64)),
    }
    lengths = (5, 1, 1)
    places = MemoryMap()
    programs = [compiled(n, sum(lengths[:index]), places) for index, n in enumerate(lengths)]
    memory = programs[0].empty_memory()
    for layer in range(LAYERS):
        first, this = layer_name(0), layer_name(layer)
        own = {name.replace(this, first): values for name, values in constants.items() if name.startswith(this)}
        shared = {name: constants[name] for name in ("one", "rotary.cos", "rotary.sin")}
        programs[0].write_constants(memory, "layers", layer, own | shared)
    of_head = [
        constant_contents(
            llama.head(SHAPE, PLAIN, tokens=1, columns=COLUMNS),
            vocabulary | {f"{HEAD}.weight": vocabulary[f"{HEAD}.weight"][part * COLUMNS : (part + 1) * COLUMNS]},
        )
        for part in range(RUNS)
    ]
    for part, those in enumerate(of_head):
        programs[0].write_constants(memory, "head", part, those)

    states = None
    for index, (program, tokens) in enumerate(zip(programs, lengths, strict=True)):
        x = rng.standard_normal((tokens, 64))
        program.write_program(memory)
        program.write_input(memory, x)
        run(AcceleratorValues(CONFIG, memory), program)
        lowered = lower(llama.layers(SHAPE, PLAIN, tokens=tokens, position=sum(lengths[:index]), capacity=CAPACITY))
        steps = step_memory(lowered, constants, x, states)
        run_steps(lowered.steps, steps, lanes=16)
        states = {name: steps[name] for name in lowered.states}
        for layer in range(LAYERS):
            for part in ("cache.keys", "cache.values", "cache.keys.scales", "cache.values.scales"):
                got = program.read_state(memory, "layers", layer, layer_name(0, part))
                assert (got == states[layer_name(layer, part)]).all(), (layer, part)
        last = load(steps, lowered.output)
        assert (program.read_output(memory, "layers") == last).all()
        for part, those in enumerate(of_head):
            head = lower(llama.head(SHAPE, PLAIN, tokens=tokens, columns=COLUMNS))
            steps = step_memory(head, those, last)
            run_steps(head.steps, steps, lanes=16)
            assert (program.read_output(memory, "head", part) == load(steps, head.output)).all(), part


def test_a_program_does_not_grow_with_its_layers():
    one = compiled(1, 3, MemoryMap())
    assert [command.count for command in one.commands if isinstance(command, Loop)] == [LAYERS, RUNS]
    assert len(one.commands) < 200


def test_another_shape_over_the_same_memory_is_refused():
    places = MemoryMap()
    compiled(1, 3, places)
    encoder = lower(
        bert.layers(
            BertConfig(
                vocab_size=256, num_hidden_layers=1, hidden_size=64, num_attention_heads=2, intermediate_size=96
            ),
            PLAIN,
            tokens=4,
        )
    )
    with pytest.raises(
        ConfigError, match=r"layers.constants: \d+ bytes, laid out as \(\), are not what another program has"
    ):
        compile_loops(CONFIG, [Repeated(name="layers", lowered=encoder, count=2, own="encoder.layer.0.")], places)


def test_logits_are_those_of_a_norm_and_a_product():
    rng = np.random.default_rng(3)
    tensors = {
        f"{FINAL_NORM}.weight": 1 + 0.2 * rng.standard_normal(64),
        f"{HEAD}.weight": rng.standard_normal((40, 64)),
    }
    lowered = lower(llama.head(SHAPE, PLAIN, tokens=3, columns=40))
    x = rng.standard_normal((3, 64))
    constants = constant_contents(llama.head(SHAPE, PLAIN, tokens=1, columns=40), tensors)
    assert sorted(constants) == sorted(lowered.constants)
    steps = step_memory(lowered, constants, x)
    run_steps(lowered.steps, steps, lanes=16)
    normed = x / np.sqrt((x**2).mean(axis=1, keepdims=True) + SHAPE.rms_norm_eps) * tensors[f"{FINAL_NORM}.weight"]
    expected = normed @ tensors[f"{HEAD}.weight"].T
    assert np.abs(load(steps, lowered.output) - expected).max() < 0.03 * np.abs(expected).max()
