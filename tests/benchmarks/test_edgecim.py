"""The page beside EdgeCIM: a row of it is measured again, and what it says of averages follows from its rows."""

import statistics

import pytest

import tilewright as tw
from benchmarks.edgecim import CONTEXT, FAST_SYSTEM, MODELS, PAGE, SYSTEMS, TOKENS_PER_S, with_bandwidth
from tilewright.sim.config import load_system

ROWS = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.split(" ")[1:2] != []]
TABLES = [[row for row in ROWS if row[0] == name] for name in MODELS]


def test_every_model_of_the_paper_has_a_row_for_each_precision():
    assert [len(rows) for rows in TABLES] == [len(SYSTEMS) + 1] * 12


def test_a_token_takes_what_the_page_says():
    at, name = MODELS.index("qwen2.5-0.5b"), "qwen2.5-0.5b"
    run = tw.map(name, "edge-int4", context=CONTEXT)
    assert TABLES[at][0][1:3] == [f"{run.memory_bytes / 1e6:,.1f}", f"{run.tokens_per_s:.1f}"]
    fast = tw.map(name, FAST_SYSTEM, context=CONTEXT)
    assert TABLES[at][-1][1] == f"{fast.tokens_per_s:.1f}"


@pytest.mark.parametrize("precision", [0, 1])
def test_runs_keep_to_their_bounds_and_reach_the_rate_of_the_paper(precision):
    rates, bounds, needed, by_bound, reached = (
        [float(rows[precision][column].replace(",", "")) for rows in TABLES] for column in (2, 3, 8, 9, 10)
    )
    assert all(rate <= bound for rate, bound in zip(rates, bounds, strict=True))
    assert all(least < most for least, most in zip(by_bound, needed, strict=True))
    assert all(abs(rate / TOKENS_PER_S - 1) <= 0.0011 for rate in reached)
    assert f"On average {statistics.mean(rates):.1f} tokens/s" in PAGE.read_text()


def test_the_preset_with_the_bandwidth_has_the_rate_of_the_paper():
    rates, bounds = ([float(rows[-1][column]) for rows in TABLES] for column in (1, 2))
    assert all(rate <= bound for rate, bound in zip(rates, bounds, strict=True))
    assert statistics.mean(rates) > TOKENS_PER_S
    assert f"On average {statistics.mean(rates):.1f} tokens/s, of a bound of {statistics.mean(bounds):.1f}" in (
        PAGE.read_text()
    )


def test_a_faster_memory_fills_as_much_of_the_bus():
    system = with_bandwidth(load_system("edge-int4"), 213_400)
    assert system.clock_mhz == 2084
    assert float(system.memory_beats_per_cycle) == pytest.approx(0.8, rel=1e-3)
