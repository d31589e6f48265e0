"""Layers of every family as steps and as programs: a prompt and single tokens, against float64."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator, on_the_model
from tests.mapping.tiny_models import OPTIONS, tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import LAYERS, compile_model, write_layers
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.padding import with_padded_heads
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models import llama
from tilewright.mapping.models.llama import layer_name
from tilewright.mapping.models.reference import cosine, decoder_layer
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.accelerator.values import AcceleratorValues

WITHOUT_CAPS = {"gemma2": {"attn_logit_softcapping": None}}
"""Options of models that the accelerator can run: it has no unit for soft caps of scores."""
PROMPT, TOKENS = 11, 3


WIDE, INT4 = {"columns": 32}, {"weight_bits": 4, "columns": 32}
CASES = [*((family, {}, {}) for family in OPTIONS), ("mistral", {}, WIDE), ("phi3", {}, WIDE), ("mistral", {}, INT4)]
"""Families, changes of their tiny models, and of the accelerator."""
SIZES = [
    # Heads that fill no step of 16 lanes, with hidden and network sizes of any multiple of 2.
    {"head_dim": 6, "hidden_size": 50, "intermediate_size": 94},
    {"head_dim": 20, "hidden_size": 66, "intermediate_size": 34},
    {"head_dim": 48},
    {"head_dim": 100, "num_hidden_layers": 1},
    {"head_dim": 256, "num_hidden_layers": 1},
]
TOGETHER = [
    # Halves of heads of whole steps and a rest that two heads, or four, share a step for; nothing is padded.
    ("mistral", {"head_dim": 48}, {}),
    ("phi3", {"head_dim": 80, "rope_scaling": None}, {}),
    ("llama", {"head_dim": 48, "num_attention_heads": 4, "num_key_value_heads": 4}, INT4),
    ("llama", {"head_dim": 40, "num_attention_heads": 8, "num_key_value_heads": 4, "hidden_size": 64}, {}),
]


SLOW = [("phi3", {}, WIDE), TOGETHER[1], *(("qwen3", {"rope_scaling": None, **sizes}, {}) for sizes in SIZES[3:])]
"""Cases that combine once more what others have."""


@pytest.mark.parametrize(
    ("family", "changes", "fields"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] * (case in SLOW))
        for case in (*CASES, *TOGETHER, *(("qwen3", {"rope_scaling": None, **sizes}, {}) for sizes in SIZES))
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_a_prompt_and_tokens_come_near_to_float64_and_programs_have_the_bits_of_steps(family, changes, fields):
    model = tiny(family, **WITHOUT_CAPS.get(family, {}), **changes)
    config = accelerator(**fields)
    precision = Precision.of(config.cim.tile, config.vector.lanes)
    total = PROMPT + TOKENS
    rng = np.random.default_rng(3)
    tensors, x = seeded_model(model, seed=2), rng.standard_normal((total, model.hidden_size))
    steps = StepsDecoder(model, tensors, config, context=total)
    places, outputs, constants, memory = MemoryMap(), [], {}, None
    lengths = [PROMPT] + [1] * TOKENS
    graphs = [
        with_padded_heads(
            config, llama.layers(model, precision, tokens=n, position=sum(lengths[:index]), capacity=total)
        )
        for index, n in enumerate(lengths)
    ]  # fmt: skip
    programs = [compile_model(config, graph, places) for graph in graphs]
    first = 0
    for graph, program in zip(graphs, programs, strict=True):
        constants = constant_contents(graph, tensors)
        rows = x[first : first + graph.operators[0].m]
        outputs.append(steps.run_layers(rows).values)
        if memory is None:
            memory = programs[-1].empty_memory()
        write_layers(program, memory, lambda layer, constants=constants: constants)
        program.write_program(memory)
        program.write_input(memory, rows)
        on_the_model(AcceleratorValues(config, memory), program)
        last = [name for name in program.loops if name.startswith(LAYERS)][-1]
        assert (program.read_output(memory, last) == outputs[-1]).all()
        first += len(rows)
    exact = x
    for layer in range(model.num_hidden_layers):
        exact = decoder_layer(model, tensors, layer_name(layer), exact, layer=layer, context=total)
    cosines = [cosine(*pair) for pair in zip(np.concatenate(outputs), exact, strict=True)]
    assert min(cosines) > (0.9 if fields == INT4 else 0.998), cosines


def test_a_soft_cap_of_scores_is_refused():
    graph = llama.tokens_graph(tiny("gemma2"), Precision(), tokens=1, capacity=4)
    with pytest.raises(ConfigError, match=r"layers\.0\.self_attn\.capped: no unit .* can compute a soft cap"):
        compile_model(accelerator(), graph)
