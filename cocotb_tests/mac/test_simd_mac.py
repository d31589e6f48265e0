"""The SIMD MAC under Verilator, against sim.formats: every pair of codes, dot products, edges, streams."""

import functools

import numpy as np
import pytest

from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.mac.dots import dots_vectors
from tilewright.cocotb_tests.mac.suite import (
    CASES,
    MOST_STAGES,
    SUITES,
    MacSuite,
    build_bench,
    case_vectors,
    cases,
    mixed_vectors,
)
from tilewright.cocotb_tests.mac.vectors import long_dots, most_words, random_dots
from tilewright.sim.formats import ALL_MODES, XR_NPE_MODES, Mode

pytestmark = pytest.mark.cosim

FOUR_BITS = (Mode.FP4_E2M1, Mode.POSIT4_1, Mode.INT4)


@functools.cache
def everything() -> UnitsBench:
    """Return the MAC of all modes with all registers, built."""
    return MacSuite().bench()


def test_the_everyday_table_has_a_million_dot_products_and_no_mismatch():
    rows = SUITES[0].run()
    assert [row["name"] for row in rows] == [f"all modes, {MOST_STAGES} stages: {name}" for name in CASES]
    check_rows(rows)
    values = {row["name"].split(": ")[1]: row["values"] for row in rows}
    # Every pair in every lane, and once more in two words: 4-bit modes, 8-bit modes; and in all lanes at once.
    assert values["pairs"] > 3 * (4 + 1) * 2**8 + 4 * (2 + 1) * 2**16 + 7 * 2**16
    assert values["random"] > 80_000
    assert sum(values.values()) > 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("design", SUITES[1:], ids=lambda design: design.name)
def test_the_table_has_no_mismatch(design):
    check_rows(design.run())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_many_random_dot_products(seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    groups = [dots for mode in ALL_MODES for dots in random_dots(ALL_MODES, mode, 110_000, rng)]
    [row] = everything().run(dots_vectors(groups, rng))
    assert row["values"] > 900_000


def test_the_longest_sums_hold():
    # The largest products of one sign, as many as are promised; and random ones.
    rng = np.random.default_rng(1)
    groups = []
    for mode in ALL_MODES:
        groups += long_dots(ALL_MODES, mode, (most_words(mode),), rng, extreme=True)
        groups += long_dots(ALL_MODES, mode, (5000,), rng)
    [row] = everything().run(dots_vectors(groups))
    assert row["values"] == 2 * len(ALL_MODES)


@pytest.mark.parametrize(
    "modes",
    # Streams are the same for all formats, and the table has all formats every day.
    [FOUR_BITS, *(pytest.param(modes, marks=pytest.mark.slow) for modes in (XR_NPE_MODES, ALL_MODES))],
    ids=lambda modes: ",".join(mode.label for mode in modes),
)
def test_streams(modes):
    # Gaps, stalls, resets in any cycle, capacity; without registers, with some and with all, without back-pressure.
    designs = [MacSuite(modes, stages) for stages in (0, 3, MOST_STAGES)]
    designs.append(MacSuite(modes, MOST_STAGES, back_pressure=False))
    rows = build_bench(designs).run(mixed_vectors(modes, 2000), None)
    assert len(rows) == len(designs)


@pytest.mark.slow
@pytest.mark.parametrize("stages", range(MOST_STAGES + 1))
def test_streams_of_every_pipeline(stages):
    designs = [
        MacSuite(ALL_MODES, stages, gated=gated, back_pressure=wait)
        for gated in (True, False)
        for wait in (True, False)
    ]
    build_bench(designs).run(mixed_vectors(ALL_MODES, 3000), None)


@pytest.mark.slow
def test_without_gates_the_results_are_the_same():
    [row] = MacSuite(gated=False, stages=2).bench().run(case_vectors(ALL_MODES, "random"))
    assert row["values"] > 80_000


@pytest.mark.slow
@pytest.mark.parametrize("mode", ALL_MODES, ids=lambda mode: mode.label)
def test_each_mode_alone(mode):
    designs = [MacSuite((mode,), stages, gated=gated) for stages in (0, MOST_STAGES) for gated in (True, False)]
    bench = build_bench(designs)
    for name in cases((mode,)):
        bench.run(case_vectors((mode,), name))
    bench.run(mixed_vectors((mode,), 3000), None)
