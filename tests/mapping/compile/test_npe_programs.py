"""Programs whose products run on the NPE, on the exact model beside the steps in numpy and the layer in float64."""

import random
from dataclasses import replace

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import wrong_bytes
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator.every_position_cases import every_position_case
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case, seeded_encoder_case
from tilewright.cocotb_tests.accelerator.npe_layers_suite import ALONE, BOTH, FORMATS, SHAPE, random_rules
from tilewright.cocotb_tests.accelerator.whole_decoder_cases import whole_decoder_case
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import BertConfig
from tilewright.sim.config.engine_rule import parse_rule
from tilewright.sim.graph.engine_rules import with_engines
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Jobs, Product
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES

ENCODER = BertConfig(
    vocab_size=96, hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=2, layer_norm_eps=1e-12
)  # fmt: skip
SLOW = pytest.mark.slow
EVERYDAY = ("int8", "fp4_e2m1", "bf16")
"""Formats of tests every day; all are in the benches in RTL, too."""
SEEDS = (0, *(pytest.param(seed, marks=SLOW) for seed in range(1, 8)))


@pytest.mark.parametrize("form", [pytest.param(each, marks=[] if each in EVERYDAY else SLOW) for each in FORMATS])
def test_a_decoder_layer_on_the_npe_alone(form):
    case = decoder_case(ALONE, SHAPE, prompt=4, tokens=1, rules=(parse_rule(f"npe:{form}"),), least=FORMATS[form])
    assert wrong_bytes(ALONE, case) == []


@pytest.mark.parametrize("form", ["posit8_0", *(pytest.param(each, marks=SLOW) for each in EVERYDAY)])
def test_an_encoder_layer_on_the_npe_alone(form):
    rules = (parse_rule(f"npe:{form}"),)
    case = seeded_encoder_case(ALONE, ENCODER, tokens=6, rules=rules, least=FORMATS[form] - 0.01)
    assert wrong_bytes(ALONE, case) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_any_placement_of_products(seed):
    rules = random_rules(random.Random(seed))
    case = decoder_case(BOTH, SHAPE, prompt=4, tokens=1, rules=rules, least=0.8)
    assert wrong_bytes(BOTH, case) == [], ", ".join(map(str, rules))


def test_attention_on_the_npe_and_network_on_the_array():
    rules = tuple(map(parse_rule, ("attention=npe:bf16", "self_attn.*=npe:bf16")))
    graph = with_engines(BOTH, llama.layers(SHAPE, Precision.of_accelerator(BOTH), tokens=1, capacity=1), rules)
    program = compile_program(BOTH, lower(graph))
    units = {command.operator.row for command in program.commands if isinstance(command, Jobs)}
    assert units == {"attention", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"}
    rows = {command.operator.row for command in program.commands if isinstance(command, Product)}
    assert rows == {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}


@SLOW
def test_a_whole_decoder_and_every_position():
    model = SHAPE.replace(num_hidden_layers=2, vocab_size=100)
    whole = whole_decoder_case(ALONE, model, prompt=(3,), tokens=1, least=0.99)
    assert wrong_bytes(ALONE, whole) == []
    every = every_position_case(
        ALONE, model, positions=(0, 9), capacity=16, block=8, rules=(parse_rule("npe:posit16_1"),)
    )
    assert wrong_bytes(ALONE, every) == []


def test_a_wrong_job_is_found():
    case = decoder_case(ALONE, SHAPE, prompt=4, tokens=0, rules=(parse_rule("npe:bf16"),), least=0.9999)
    graph = with_engines(ALONE, llama.layers(SHAPE, Precision.of_accelerator(ALONE), tokens=4, capacity=4))
    first = min(compile_program(ALONE, lower(graph)).jobs)
    memory = case.memory.copy()
    image = memory.tobytes()
    places = [at for at in range(0, len(memory), DESCRIPTOR_BYTES) if _is_projection(image[at : at + DESCRIPTOR_BYTES])]
    assert first % DESCRIPTOR_BYTES == 0
    assert len(places) >= 5
    job = Descriptor.decode(image[places[0] : places[0] + DESCRIPTOR_BYTES])
    changed = replace(job, k=job.k - 1).encode()
    memory[places[0] : places[0] + DESCRIPTOR_BYTES] = np.frombuffer(changed, np.uint8)
    assert wrong_bytes(ALONE, case, memory) == [run.name for run in case.runs]


def _is_projection(content: bytes) -> bool:
    """Return whether 128 bytes are a job that multiplies four tokens with weights."""
    job = Descriptor.decode(content)
    return job.check(ALONE.npe) is None and (job.m, job.k) in ((4, 64), (4, 128))


def test_what_the_npe_cannot_take_is_refused():
    model = SHAPE.replace(head_dim=8, num_attention_heads=8)
    graph = with_engines(ALONE, llama.layers(model, Precision.of_accelerator(ALONE), tokens=2, capacity=2))
    with pytest.raises(ConfigError, match=r"half a rotary block"):
        compile_program(ALONE, lower(graph))
    graph = with_engines(BOTH, llama.layers(SHAPE, Precision.of_accelerator(BOTH), tokens=2, capacity=2))
    with pytest.raises(ConfigError, match="a product of the CIM array, and the accelerator has none"):
        compile_program(ALONE, lower(graph))
