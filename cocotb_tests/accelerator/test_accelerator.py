"""The accelerator under Verilator: all of memory, cycles and counters against its exact model."""

from dataclasses import replace

import pytest

from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator import decoder_suite as decoder_layer
from tilewright.cocotb_tests.accelerator import encoder_suite as encoder_layer
from tilewright.cocotb_tests.accelerator.corrupted_programs import corrupted_case
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case
from tilewright.cocotb_tests.accelerator.suite import (
    DESIGNS,
    LAYER_BYTES,
    NANO,
    SMALL,
    WITH_NPE,
    Design,
    failing_cases,
    random_cases,
    random_design,
    run,
    run_table,
    stalled_cases,
)
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.npe.cases import Timing
from tilewright.mapping.models import minilm
from tilewright.mapping.models.config import LlamaConfig

pytestmark = pytest.mark.cosim

EVERYDAY = DESIGNS[0]
ALL = [
    design if design in (EVERYDAY, WITH_NPE[0]) else pytest.param(design, marks=pytest.mark.slow) for design in DESIGNS
]
LAYERS = Design(config=SMALL, make_cases=decoder_layer.cases, memory_bytes=LAYER_BYTES)


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_random_programs(design):
    check_rows(run_table(design))


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_random_stalls(design):
    run(design, stalled_cases(design.config, seed=1, cases=3, programs=3))


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_programs_that_are_stopped(design):
    run(design, failing_cases(design.config, seed=2, share=0.15))


@pytest.mark.parametrize("design", [EVERYDAY, WITH_NPE[0]], ids=lambda design: design.name)
def test_registers(design):
    [case] = random_cases(design.config, seed=3, cases=1, programs=1)
    run(design, (replace(case, timing=Timing(latency=200)),), testcase="registers")


@pytest.mark.parametrize("design", [EVERYDAY, WITH_NPE[0]], ids=lambda design: design.name)
def test_reset_in_flight(design):
    cases = random_cases(design.config, seed=4, cases=8, programs=1)
    run(design, cases, testcase="reset_in_flight")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1020, 10))
def test_two_hundred_random_programs(seed):
    run(EVERYDAY, random_cases(EVERYDAY.config, seed=seed, cases=10, programs=20))


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_two_hundred_corrupted_programs(design):
    run(design, tuple(corrupted_case(design.config, seed=seed, count=50) for seed in range(8, 12)))


@pytest.mark.slow
@pytest.mark.parametrize("design", [*DESIGNS[:2], WITH_NPE[0]], ids=lambda design: design.name)
def test_every_kind_of_program_that_is_stopped(design):
    run(design, failing_cases(design.config, seed=5))


@pytest.mark.slow
def test_many_stalls_and_resets():
    run(EVERYDAY, stalled_cases(EVERYDAY.config, seed=6, cases=20, programs=5))
    run(EVERYDAY, random_cases(EVERYDAY.config, seed=7, cases=60, programs=1), testcase="reset_in_flight")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2000, 2040, 10))
def test_random_programs_with_jobs(seed):
    run(WITH_NPE[0], random_cases(WITH_NPE[0].config, seed=seed, cases=10, programs=5))


@pytest.mark.slow
@pytest.mark.parametrize("design", [LAYERS, random_design(NANO)], ids=lambda design: design.name)
def test_a_small_decoder_layer(design):
    model = LlamaConfig(
        vocab_size=256,
        num_hidden_layers=1,
        hidden_size=64,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        intermediate_size=96,
    )
    check_rows(run(design, (decoder_case(design.config, model, prompt=4, tokens=2),), testcase="table"))


@pytest.mark.slow
def test_a_decoder_layer_of_sixteen_tokens_and_eight():
    check_rows(run_table(decoder_layer.DESIGNS[0]))


@pytest.mark.slow
@pytest.mark.parametrize("layer", [decoder_layer, encoder_layer])
def test_layers_of_mxfp4(layer):
    check_rows(run_table(layer.DESIGNS[1]))


@pytest.mark.slow
def test_a_layer_of_minilm():
    try:
        minilm.load_tensors()
    except ConfigError as missing:
        pytest.skip(str(missing))
    check_rows(run_table(encoder_layer.DESIGNS[0]))
