"""The analytic core model: what must hold for any run and any clocks."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.gem5_configs.core_model import predict, predict_at
from tilewright.gem5_configs.core_stack import PARTS, Stack
from tilewright.gem5_configs.memory_times import answered, memory_times
from tilewright.gem5_configs.runs import BASELINE, PUBLISHED, MeasuredRun, published_host, read_runs
from tilewright.sim.config.host_clocks import HostClocks, domain_clocks

RUNS = [run for run in read_runs(PUBLISHED) if run.domains == "all-cryo"]
CLOCKS = list(HostClocks.model_fields)

ghz = st.floats(0.5, 200)
any_clocks = st.builds(HostClocks, **dict.fromkeys(CLOCKS, ghz))
counts = st.integers(0, 10**8)
# Any counts at all, also such as no program has.
any_run = st.builds(
    MeasuredRun,
    core=st.sampled_from(["o3", "minor"]),
    domains=st.just("any"),
    workload=st.just("any"),
    **dict.fromkeys(("core_ghz", "l1d_ghz", "l2_ghz", "l3_ghz", "board_ghz"), ghz),
    sim_seconds=st.floats(1e-6, 1),
    sim_insts=st.integers(1, 10**9),
    ipc=st.floats(0.01, 8),
    l1i_accesses=st.integers(1, 10**8),
    dram_access_latency_ps=st.floats(0, 1e6),
    **dict.fromkeys(
        [
            name
            for name in MeasuredRun.model_fields
            if name.startswith(
                (
                    "core_cycles",
                    "cond_",
                    "l1d_a",
                    "l1d_m",
                    "l1i_m",
                    "l2_a",
                    "l2_m",
                    "l3_a",
                    "l3_m",
                    "dram_r",
                    "dram_w",
                    "dram_b",
                )
            )
        ],
        counts,
    ),
)
some_run = st.sampled_from(RUNS) | any_run


@settings(deadline=None, max_examples=300)
@given(some_run)
def test_at_its_own_clocks_the_prediction_is_the_run(run):
    found = predict(run, run.clocks)
    assert found.seconds == pytest.approx(run.sim_seconds, rel=1e-9)
    assert found.ipc == pytest.approx(run.ipc, rel=1e-9)


@settings(deadline=None, max_examples=300)
@given(some_run, any_clocks)
def test_the_stack_adds_up_and_has_nothing_below_zero(run, clocks):
    found = predict(run, clocks)
    assert list(found.cpi_stack) == list(PARTS)
    assert min(found.cpi_stack.values()) >= 0
    assert sum(found.cpi_stack.values()) == pytest.approx(1 / found.ipc, rel=1e-9)


@settings(deadline=None, max_examples=500)
@given(some_run, any_clocks, st.sampled_from(CLOCKS), st.floats(1, 50))
def test_a_faster_clock_never_makes_it_longer(run, clocks, part, factor):
    faster = clocks.replace(**{part: min(getattr(clocks, part) * factor, 1000)})
    assert predict(run, faster).seconds <= predict(run, clocks).seconds * (1 + 1e-9)


def test_what_is_fast_costs_less():
    for run in RUNS:
        check_what_is_fast_costs_less(run)


def check_what_is_fast_costs_less(run: MeasuredRun) -> None:
    before = predict(run, BASELINE).cpi_stack
    # A core 25 times as fast waits as long, or longer, in its own cycles.
    after = predict(run, domain_clocks("super-core", 100)).cpi_stack
    assert after["base"] <= before["base"] * (1 + 1e-9)
    assert after["l1d"] + after["l1i"] > before["l1d"] + before["l1i"]
    everything = predict(run, domain_clocks("super-everything", 100)).seconds
    assert run.sim_seconds / 25 < everything < predict(run, domain_clocks("super-core-l1-l2-l3", 100)).seconds


def test_times_of_the_published_host():
    times = memory_times(published_host(), BASELINE)
    assert (times.core, times.l1_hit, times.l2, times.l3_hit, times.l3_miss) == (0.25, 0.75, 4.0, 6.75, 4.25)
    assert (times.l2_line, times.l3_line, times.dram, times.dram_line) == (0.75, 0.75, 32, 5)


def test_a_fast_core_waits_for_an_edge_of_the_cache():
    assert answered(0.5, 0.25, 0.01) == 0.75
    assert answered(0.5, 0.25, 1.0) == 1.5


def test_times_that_no_clock_gives():
    run = next(run for run in RUNS if (run.core, run.workload) == ("o3", "npb-ft-size-s"))
    clocks = domain_clocks("super-core-l1", 100)
    times = memory_times(published_host(), clocks)
    assert predict_at(run, times) == predict(run, clocks)
    # What waits for the crossbar gains from a faster one, not from a nearer cache.
    assert predict_at(run, replace(times, l2_line=times.l2_line / 2)).seconds < 0.8 * predict(run, clocks).seconds
    assert predict_at(run, replace(times, l2=times.l2 / 2)).seconds == predict(run, clocks).seconds
    core = replace(times, core=times.core / 2)
    assert predict_at(run, core).ipc == pytest.approx(1 / sum(predict_at(run, core).cpi_stack.values()))


def test_stacks_add_and_scale():
    stack = Stack(base=1, l2=2) + Stack(l2=1, dram=4)
    assert (stack.total, stack.scaled(0.5).l2) == (8, 1.5)


def test_a_prediction_takes_less_than_a_millisecond():
    clocks = [domain_clocks("super-core-l1", value) for value in range(5, 105)]
    took = []
    for _ in range(3):
        start = time.process_time()
        for run in RUNS:
            for each in clocks:
                predict(run, each)
        took.append((time.process_time() - start) / len(clocks) / len(RUNS))
    assert min(took) < 1e-3, took
