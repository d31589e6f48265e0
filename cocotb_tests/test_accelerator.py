"""The accelerator under Verilator: all of memory, cycles and counters against its exact model."""

from dataclasses import replace

import pytest

from tilewright.cocotb_tests import decoder_layer, encoder_layer
from tilewright.cocotb_tests.accelerator import (
    DESIGNS,
    LAYER_BYTES,
    SMALL,
    Design,
    failing_cases,
    random_cases,
    run,
    run_table,
    stalled_cases,
)
from tilewright.cocotb_tests.accelerator_layers import decoder_case
from tilewright.cocotb_tests.npe_cases import Timing
from tilewright.mapping.program import minilm
from tilewright.mapping.program.decoder import DecoderShape
from tilewright.sim.config.errors import ConfigError

pytestmark = pytest.mark.cosim

EVERYDAY, *OTHERS = DESIGNS
ALL = [EVERYDAY, *(pytest.param(design, marks=pytest.mark.slow) for design in OTHERS)]
LAYERS = Design(config=SMALL, make_cases=decoder_layer.cases, memory_bytes=LAYER_BYTES)


def check(rows: list[dict]) -> None:
    """See that rows of a table are right in every byte, cycle and counter."""
    assert rows
    for row in rows:
        assert not row["found"], f"{row['name']}: {row['found']}"
        assert row["mismatches"] == 0, row
        assert row["rtl_cycles"] == row["model_cycles"], row


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_random_programs(design):
    check(run_table(design))


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_random_stalls(design):
    run(design, stalled_cases(design.config, seed=1, cases=3, programs=3))


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_programs_that_are_stopped(design):
    run(design, failing_cases(design.config, seed=2, share=0.15))


def test_registers():
    [case] = random_cases(EVERYDAY.config, seed=3, cases=1, programs=1)
    run(EVERYDAY, (replace(case, timing=Timing(latency=200)),), testcase="registers")


def test_reset_in_flight():
    cases = random_cases(EVERYDAY.config, seed=4, cases=8, programs=1)
    run(EVERYDAY, cases, testcase="reset_in_flight")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1020, 10))
def test_two_hundred_random_programs(seed):
    run(EVERYDAY, random_cases(EVERYDAY.config, seed=seed, cases=10, programs=20))


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS[:2], ids=lambda design: design.name)
def test_every_kind_of_program_that_is_stopped(design):
    run(design, failing_cases(design.config, seed=5))


@pytest.mark.slow
def test_many_stalls_and_resets():
    run(EVERYDAY, stalled_cases(EVERYDAY.config, seed=6, cases=20, programs=5))
    run(EVERYDAY, random_cases(EVERYDAY.config, seed=7, cases=60, programs=1), testcase="reset_in_flight")


@pytest.mark.slow
@pytest.mark.parametrize("design", [LAYERS, DESIGNS[-1]], ids=lambda design: design.name)
def test_a_small_decoder_layer(design):
    shape = DecoderShape(hidden=64, heads=4, kv_heads=2, head=32, ffn=96)
    check(run(design, (decoder_case(design.config, shape, prompt=4, tokens=2),), testcase="table"))


@pytest.mark.slow
def test_a_decoder_layer_of_sixteen_tokens_and_eight():
    check(run_table(decoder_layer.DESIGNS[0]))


@pytest.mark.slow
def test_a_layer_of_minilm():
    try:
        minilm.load_tensors()
    except ConfigError as missing:
        pytest.skip(str(missing))
    check(run_table(encoder_layer.DESIGNS[0]))
