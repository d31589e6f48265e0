"""The accelerator under Verilator: all of memory, cycles and counters against its exact model."""

from dataclasses import replace

import pytest

from tilewright.base.errors import ConfigError
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.accelerator import cb_accelerator_memory
from tilewright.cocotb_tests.accelerator import decoder_suite as decoder_layer
from tilewright.cocotb_tests.accelerator import encoder_suite as encoder_layer
from tilewright.cocotb_tests.accelerator.corrupted_programs import corrupted_case
from tilewright.cocotb_tests.accelerator.directed_programs import directed_case
from tilewright.cocotb_tests.accelerator.harness import DUT
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case
from tilewright.cocotb_tests.accelerator.suite import (
    HIGHEST,
    LAYER_BYTES,
    NANO,
    SMALL,
    SUITES,
    WIDEST,
    WITH_NPE,
    AcceleratorSuite,
    failing_cases,
    random_cases,
    random_suite,
    refreshed_cases,
    stalled_cases,
    turning_cases,
)
from tilewright.cocotb_tests.harness.job import Job
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.hw.names import module_name
from tilewright.mapping.models import minilm
from tilewright.mapping.models.config import LlamaConfig

pytestmark = pytest.mark.cosim

EVERYDAY = SUITES[0]
ALL = [
    suite if suite in (EVERYDAY, WITH_NPE[0]) else pytest.param(suite, marks=pytest.mark.slow)
    for suite in (*SUITES, WIDEST)
]
ALONE = [suite if suite is EVERYDAY else pytest.param(suite, marks=pytest.mark.slow) for suite in SUITES]
"""The same; of an accelerator with NPE for slow tests alone."""
LAYERS = AcceleratorSuite(config=SMALL, make_cases=decoder_layer.cases, memory_bytes=LAYER_BYTES, optimisation="-O1")


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_random_programs(suite):
    check_rows(suite.run())


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_random_programs_on_a_memory_that_is_refreshed(suite):
    suite.simulate("right", refreshed_cases(suite.config, seed=8, programs=1))


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_random_programs_on_a_memory_whose_directions_take_turns(suite):
    suite.simulate("right", turning_cases(suite.config, seed=19, programs=1))


@pytest.mark.slow
def test_products_of_4096_rows():
    rows = HIGHEST.run()
    check_rows(rows)
    assert any(f" x {HIGHEST.config.cim_array.rows} x " in row["name"] for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("suite", [EVERYDAY, WITH_NPE[0]], ids=lambda suite: suite.name)
def test_many_random_programs_on_memories_whose_directions_take_turns(suite):
    for seed in range(6000, 6100, 20):
        suite.simulate("right", turning_cases(suite.config, seed=seed, programs=4))


@pytest.mark.slow
@pytest.mark.parametrize("suite", [EVERYDAY, WITH_NPE[0]], ids=lambda suite: suite.name)
def test_many_random_programs_on_memories_that_are_refreshed(suite):
    for seed in range(5000, 5100, 20):
        suite.simulate("right", refreshed_cases(suite.config, seed=seed, programs=4))


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_random_stalls(suite):
    suite.simulate("right", stalled_cases(suite.config, seed=1, cases=3, programs=3))


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_programs_that_are_stopped(suite):
    suite.simulate("right", failing_cases(suite.config, seed=2, share=0.15))


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_directed_programs(suite):
    suite.simulate("right", (directed_case(suite.config),))


@pytest.mark.slow
@pytest.mark.parametrize("suite", [EVERYDAY, WITH_NPE[0]], ids=lambda suite: suite.name)
def test_random_programs_on_the_memory_in_python_that_users_have(suite):
    job = Job(
        config=suite.config,
        cases=(
            *random_cases(suite.config, seed=5, cases=3, programs=3),
            *refreshed_cases(suite.config, seed=5, programs=1),
        ),
        options={"memory_bytes": suite.memory_bytes},
    )
    top = module_name(suite.top, DUT)
    model = runner.build(suite.verilog(), top)
    rows = runner.run_job(model, top, cb_accelerator_memory.BENCH, job, testcase="cases")
    assert len(rows) == 4 * 3 + 7
    cycles, seconds = (sum(row[name] for row in rows if not row["stalled"]) for name in ("cycles", "seconds"))
    print(f"{suite.name}: {cycles / seconds:,.0f} RTL cycles per CPU second")


@pytest.mark.parametrize("suite", [EVERYDAY, WITH_NPE[0]], ids=lambda suite: suite.name)
def test_registers(suite):
    [case] = random_cases(suite.config, seed=3, cases=1, programs=1)
    suite.simulate("registers", (replace(case, timing=Timing(latency=200)),))


@pytest.mark.parametrize("suite", [EVERYDAY, WITH_NPE[0]], ids=lambda suite: suite.name)
def test_reset_in_flight(suite):
    cases = random_cases(suite.config, seed=4, cases=8, programs=1)
    suite.simulate("reset_in_flight", cases)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1020, 10))
def test_two_hundred_random_programs(seed):
    EVERYDAY.simulate("right", random_cases(EVERYDAY.config, seed=seed, cases=10, programs=20))


@pytest.mark.parametrize("suite", ALONE, ids=lambda suite: suite.name)
def test_two_hundred_corrupted_programs(suite):
    suite.simulate("right", tuple(corrupted_case(suite.config, seed=seed, count=50) for seed in range(8, 12)))


@pytest.mark.slow
@pytest.mark.parametrize("suite", [*SUITES[:2], WITH_NPE[0]], ids=lambda suite: suite.name)
def test_every_kind_of_program_that_is_stopped(suite):
    suite.simulate("right", failing_cases(suite.config, seed=5))


@pytest.mark.slow
def test_many_stalls_and_resets():
    EVERYDAY.simulate("right", stalled_cases(EVERYDAY.config, seed=6, cases=20, programs=5))
    EVERYDAY.simulate("reset_in_flight", random_cases(EVERYDAY.config, seed=7, cases=60, programs=1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2000, 2040, 10))
def test_random_programs_with_jobs(seed):
    WITH_NPE[0].simulate("right", random_cases(WITH_NPE[0].config, seed=seed, cases=10, programs=5))


@pytest.mark.slow
@pytest.mark.parametrize("suite", [LAYERS, random_suite(NANO)], ids=lambda suite: suite.name)
def test_a_small_decoder_layer(suite):
    model = LlamaConfig(
        vocab_size=256,
        num_hidden_layers=1,
        hidden_size=64,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        intermediate_size=96,
    )
    check_rows(suite.simulate("table", (decoder_case(suite.config, model, prompt=4, tokens=2),)))


@pytest.mark.slow
def test_a_decoder_layer_of_sixteen_tokens_and_eight_and_over_long_caches():
    check_rows(decoder_layer.SUITES[0].run())


@pytest.mark.slow
@pytest.mark.parametrize("layer", [decoder_layer, encoder_layer])
def test_layers_of_mxfp4(layer):
    check_rows(layer.SUITES[1].run())


@pytest.mark.slow
def test_a_layer_of_minilm():
    try:
        minilm.load_tensors()
    except ConfigError as missing:
        pytest.skip(str(missing))
    check_rows(encoder_layer.SUITES[0].run())
