"""The NPE under Verilator: all of memory and all cycles against the exact model."""

from dataclasses import replace

import numpy as np
import pytest

from tilewright.bench.random_programs import with_refresh
from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.harness.job import Job
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.npe import cb_npe_axi, cb_npe_errors, cb_npe_memory
from tilewright.cocotb_tests.npe.harness import DUT
from tilewright.cocotb_tests.npe.suite import DIRECTED, KIB, LIMITS, SPEED, SQUARE, SUITES
from tilewright.hw.names import module_name
from tilewright.sim.formats.simd import ALL_MODES, SumFormat
from tilewright.sim.isa.descriptor import Activation, Along

pytestmark = pytest.mark.cosim

EVERYDAY = SUITES[:1]
SLOW = [pytest.param(suite, marks=pytest.mark.slow) for suite in SUITES[1:]]


@pytest.mark.parametrize("suite", [*EVERYDAY, *SLOW], ids=lambda suite: suite.name)
def test_memory_and_cycles(suite):
    rows = suite.run()
    assert len(rows) == len(suite.starts)
    check_rows(rows)


def test_the_table_covers_what_it_promises():
    jobs = [job for suite in SUITES for case in suite.starts for job in case.jobs]
    assert len(jobs) >= 20
    assert {job.mode for job in jobs} == set(ALL_MODES)
    assert {job.out_format for job in jobs} == {*ALL_MODES, *SumFormat}
    assert {job.scale for job in jobs} == set(Along) == {job.bias for job in jobs}
    assert {job.activation for job in jobs} == set(Activation)
    assert {1, 13, 128} <= {job.m for job in jobs}
    assert (1, 1, 1) in {(job.m, job.n, job.k) for job in jobs}
    assert (128, 2048, 512) in {(job.m, job.n, job.k) for job in jobs}
    for part in ("residual", "transpose", "sum", "squares", "maximum", "chained", "in_place", "specials"):
        assert any(getattr(job, part) for job in jobs), part
    configs = [suite.config for suite in SUITES]
    assert {config.bus_bits for config in configs} == {64, 128, 256, 512}
    assert {config.rows for config in configs} >= {2, 4, 8}
    timings = [case.timing for suite in SUITES for case in suite.starts]
    assert {timing.latency for timing in timings} >= {1, 200}
    assert min(timing.rate for timing in timings) < 1
    assert min(timing.write_rate for timing in timings) < 1


def test_directed_jobs():
    check_rows(SUITES[0].simulate("table", DIRECTED))


@pytest.mark.parametrize("suite", [*EVERYDAY, *SLOW[:2]], ids=lambda suite: suite.name)
@pytest.mark.parametrize("testcase", ["random_jobs", "random_stalls"])
def test_random(suite, testcase):
    suite.simulate(testcase, programs=12)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES[:4], ids=lambda suite: suite.name)
@pytest.mark.parametrize("testcase", ["random_jobs", "random_stalls"])
@pytest.mark.parametrize("seed", [2, 3])
def test_many_at_random(suite, testcase, seed):
    suite.simulate(testcase, programs=150, seed=seed)


PULLED_PLUG = [
    ("errors_of_memory", 24),
    ("addresses_beyond_memory", 0),
    ("bad_descriptors", 0),
    ("refused_starts", 0),
    ("aborts", 16),
    ("reset_in_flight", 12),
    ("registers", 0),
]


@pytest.mark.parametrize("suite", [SUITES[0], *SLOW[:2]], ids=lambda suite: suite.name)
@pytest.mark.parametrize(("testcase", "programs"), PULLED_PLUG)
def test_pulled_plug(suite, testcase, programs):
    suite.simulate(testcase, coroutines=cb_npe_errors.BENCH, programs=programs)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES[:4], ids=lambda suite: suite.name)
@pytest.mark.parametrize("testcase", ["errors_of_memory", "aborts", "reset_in_flight"])
def test_pulled_plug_many_times(suite, testcase):
    suite.simulate(testcase, coroutines=cb_npe_errors.BENCH, programs=200, seed=2)


def axi_cases(suite):
    """Some small cases with more than one tile."""
    return [case for case in suite.starts if case.macs < 20_000][::2][:8]


def refreshed(cases):
    """Return the cases on a memory that is refreshed."""
    rng = np.random.default_rng(20261129)
    return [replace(case, timing=with_refresh(case.timing, rng)) for case in cases]


@pytest.mark.parametrize("suite", [SUITES[0], *SLOW[:2]], ids=lambda suite: suite.name)
def test_on_a_memory_that_is_refreshed(suite):
    check_rows(suite.simulate("table", refreshed(axi_cases(suite))))


# The NPE without its harness has a build of its own. Every day the parts of its bus meet these models and that memory
# in tests of their own.
@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES[:3], ids=lambda suite: suite.name)
def test_with_the_models_of_cocotbext_axi(suite):
    job = Job(
        config=suite.config, cases=axi_cases(suite), options={"memory_bytes": suite.memory_bytes}
    )  # fmt: skip
    # Its module is there in the text of the harness.
    top = module_name(suite.top, DUT)
    runner.run_job(runner.build(suite.verilog(), top), top, cb_npe_axi.BENCH, job, testcase="random_pauses")


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES[:3], ids=lambda suite: suite.name)
def test_on_the_memory_in_python_that_users_have(suite):
    cases = axi_cases(suite)
    cases += refreshed(cases[:4])
    job = Job(config=suite.config, cases=cases, options={"memory_bytes": suite.memory_bytes})
    top = module_name(suite.top, DUT)
    runner.run_job(runner.build(suite.verilog(), top), top, cb_npe_memory.BENCH, job, testcase="cases")


@pytest.mark.slow
def test_the_largest_products():
    rows = replace(SUITES[0], starts=LIMITS, memory_bytes=1024 * KIB).run()
    check_rows(rows)


@pytest.mark.slow
def test_tiles_with_half_as_many_words_as_elements_keep_the_array_busy():
    [suite] = (suite for suite in SUITES if SQUARE in suite.starts)
    [row] = suite.run()
    assert row["rtl_cycles"] == row["model_cycles"], row
    assert row["m"] * row["n"] * row["k"] == 128 * row["busy_cycles"]
    assert row["busy_cycles"] >= 0.91 * row["rtl_cycles"], row


@pytest.mark.slow
def test_the_array_is_busy_and_narrow_formats_are_faster():
    suite = replace(SUITES[-1], starts=SPEED)
    rows = {row["name"].removeprefix(f"{suite.name}: "): row for row in suite.run()}
    attention = rows["128x512x2048 fp4_e2m1"]
    assert attention["busy_cycles"] / attention["rtl_cycles"] >= 0.95, attention
    # Multiply-accumulates in a cycle with a word: 4, 2 and 1 of each MAC.
    rates = {
        name: rows[name]["m"] * rows[name]["n"] * rows[name]["k"] / rows[name]["busy_cycles"]
        for name in ("64x64x1024 fp4_e2m1", "64x64x1024 int8", "64x64x512 bf16")
    }
    assert list(rates.values()) == [256, 128, 64]
    for name in rates:
        assert rows[name]["utilisation"] > 0.9, rows[name]
