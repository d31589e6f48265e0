"""The study of high frequencies against the runs as they are, and what it claims in words."""

import re
from itertools import product

import pytest

from benchmarks.high_frequency import study
from benchmarks.high_frequency.bandwidth import Floor, saved
from benchmarks.high_frequency.figures import CORE, EVERYTHING, L1, L2, L3, floors, in_order_over_baseline, share_errors
from benchmarks.high_frequency.kernels import once
from benchmarks.high_frequency.tables import (
    HEADINGS,
    break_even_ghz,
    labelled_stacks,
    needed_variant,
    speedups,
)
from tests.pictures import text_problems
from tilewright.gem5_configs.build import WORKLOADS
from tilewright.gem5_configs.needed_clock import needed_ghz
from tilewright.gem5_configs.runs import BASELINE, KERNELS, PUBLISHED, read_runs
from tilewright.sim.config.host import CORES
from tilewright.sim.config.host_clocks import DOMAINS, domain_clocks

ALL = study.Everything.read()
RUNS = ALL.published
OUT_OF_ORDER = RUNS.baselines["o3"]


def test_the_docs_are_as_the_command_writes_them():
    text = ALL.text()
    assert text == study.DOCS.read_text()
    assert not re.search(r"[{}]", text), "a name of the template without a figure"


def test_every_picture_is_there_and_shown():
    shown = set(re.findall(r"\(images/([^)]+)\)", study.DOCS.read_text()))
    assert shown == set(ALL.pictures())
    for name in shown:
        picture = (study.IMAGES / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 150_000


@pytest.mark.parametrize("name", ["kernels-speedup.png", "high-frequency-in-order.png"])
def test_numbers_of_bars_do_not_lie_on_one_another(tmp_path, name):
    with text_problems() as problems:
        ALL.pictures()[name](tmp_path / name)
    assert problems == []


def test_pictures_are_the_same_each_time(tmp_path):
    drawing = study.pictures(RUNS)["high-frequency-cpi-minor.png"]
    for name in ("one.png", "two.png"):
        drawing(tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_what_does_not_scale_is_that_of_a_sum():
    at = {
        ghz: RUNS.runs[0].replace(core_ghz=ghz, sim_seconds=2e-3 + 30e-3 / ghz)
        for ghz in (50, 100)
    }  # fmt: skip
    left = Floor(at[100], at[50])
    assert left.seconds == pytest.approx(2e-3)
    assert left.share == pytest.approx(2 / 2.3)


def test_levels_that_workloads_need_are_measured_as_predicted():
    needs = {}
    for workload in OUT_OF_ORDER:
        found = speedups(RUNS, "o3", workload)
        needs[workload] = needed_variant(found, measured=True)
        assert needs[workload] == needed_variant(found, measured=False)
    assert needs == {
        "gapbs-bfs": EVERYTHING,
        "npb-bt-size-s": L2,
        "npb-cg-size-s": L3,
        "npb-ft-size-s": L3,
        "npb-is-size-s": L3,
    }


def test_fetch_is_what_a_fast_core_alone_waits_for():
    busy = {workload: left.busy.fetch for workload, left in floors(RUNS, CORE).items()}
    assert min(busy["npb-bt-size-s"], busy["npb-ft-size-s"]) > 0.95
    assert busy["npb-cg-size-s"] < 0.4
    assert min(share for workload, share in busy.items() if workload != "npb-cg-size-s") > 0.75


def test_no_crossbar_is_full_on_average():
    assert max(left.busy.l2 for left in floors(RUNS, L1).values()) < 0.65
    assert max(left.busy.l3 for left in floors(RUNS, L2).values()) < 0.75


def test_latency_costs_more_than_bandwidth_but_in_ft_and_a_little_in_cg():
    for workload, start in OUT_OF_ORDER.items():
        bandwidth, latency = saved(start, L1)
        if workload == "npb-ft-size-s":
            assert bandwidth > 0.5
            assert latency == 0
        elif workload == "npb-cg-size-s":
            assert 0.05 < latency < bandwidth < 0.15
        else:
            assert bandwidth == 0
            assert latency > 0.1


def test_largest_parts_are_those_in_the_words():
    largest = {
        workload: [max(stack, key=lambda part: stack[part]) for stack in labels.values()]
        for workload, labels in labelled_stacks(OUT_OF_ORDER).items()
    }
    assert [name for name, parts in largest.items() if parts[1] != "l1i"] == ["npb-cg-size-s"]
    last = {name: parts[-1] for name, parts in largest.items()}
    assert [name for name, part in last.items() if part == "base"] == ["npb-bt-size-s", "npb-cg-size-s"]
    assert [name for name, part in last.items() if part == "dram"] == ["gapbs-bfs", "npb-ft-size-s", "npb-is-size-s"]


def test_clocks_that_are_needed_are_those_in_the_words():
    third = [needed_ghz(run, ("l3",), 0.9, 100, 4) for run in OUT_OF_ORDER.values()]
    assert sum(ghz is None or ghz <= 4.1 for ghz in third) == 3
    board = [needed_ghz(run, ("board",), 0.9, 100, 1) or 1 for run in OUT_OF_ORDER.values()]
    assert max(board) < 1.5


def test_predicted_shares_are_off_most_where_the_words_say_so():
    errors = share_errors(RUNS)
    assert len(errors) == 20
    assert max(errors, key=lambda key: errors[key]) == ("gapbs-bfs", L1)
    assert sorted(errors.values())[-2] < 0.08


def test_in_order_cores_with_slow_caches_lose_in_three_workloads():
    ratios = in_order_over_baseline(RUNS)
    assert sorted(name for name, ratio in ratios.items() if ratio > 1) == [
        "npb-bt-size-s",
        "npb-cg-size-s",
        "npb-ft-size-s",
    ]


def test_a_clock_that_never_draws_level_is_told():
    run = RUNS.baselines["minor"]["npb-ft-size-s"]
    assert break_even_ghz(run, 1e-9) == "> 100"
    assert break_even_ghz(run, 1) == "<= 4"


def test_all_variants_ran_all_workloads_on_both_cores():
    rows = read_runs(KERNELS)
    assert {run.host for run in rows if run.domains == "baseline"} == {"baseline"}
    ran = {(run.core, run.domains, run.workload) for run in rows}
    assert ran == set(product(CORES, DOMAINS, (f"{name}-{size}" for name in WORKLOADS for size in ("l1", "l2"))))
    assert len(rows) == len(ran)


def test_kernels_alone_are_what_repetitions_add():
    run = read_runs(PUBLISHED)[0].replace(host="cryogenic")
    pair = [
        run.replace(workload=f"gemv-l1-x{n}", sim_seconds=1e-3 + n * 2e-4, core_cycles=n, sim_insts=3 * n)
        for n in (4, 12)
    ]
    found = once(pair, BASELINE)["gemv"]
    assert (found.sim_seconds, found.ipc) == (pytest.approx(2e-4), 3)
    assert once(pair, BASELINE, size="l2") == once(pair, BASELINE, host="baseline") == {}


def test_every_variant_has_a_heading():
    assert [domain_clocks(name, 100).board_ghz for name in HEADINGS] == [1, 1, 1, 1, 100]
