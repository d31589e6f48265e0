"""The CIM array under Verilator: values against numpy, cycles against the exact model, use, and planted faults."""

import pytest

from tilewright.cocotb_tests.cim.array_suite import ON_CHIP, SUITES
from tilewright.cocotb_tests.cim.suite import CimSuite
from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.sim.config import CIMArrayConfig

pytestmark = pytest.mark.cosim

PLAIN, SCALED = SUITES[0], SUITES[4]
"""Arrays without and with scales of groups. The bench of the accelerator has integers on an array every day, too."""
NARROW = [suite for suite in SUITES if len(suite.tile.weight_formats) > 1]
"""Arrays with INT8 weights and a second format of four bits."""


def name(suite: CimSuite) -> str:
    return suite.name


def check(suite: CimSuite) -> list[dict]:
    rows = suite.run()
    assert len(rows) == len(suite.products)
    check_rows(rows)
    return rows


@pytest.mark.parametrize(
    "suite",
    [pytest.param(d, marks=[pytest.mark.slow] * (d is not SCALED), id=d.name) for d in SUITES[:-1]],
)
def test_values_and_cycles(suite):
    check(suite)


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 256])
def test_at_least_four_fifths_are_in_use_on_square_products(size):
    rows = check(CimSuite(SUITES[-1].config, tuple(case for case in ON_CHIP if case.m == case.k == case.n == size)))
    assert len(rows) == 2
    assert SUITES[-1].config.macs_per_cycle == 16 * 16
    assert all(row["utilisation"] >= 0.8 for row in rows), rows


def test_the_table_covers_what_it_promises():
    tile_counts = {suite.config.tiles for suite in SUITES if isinstance(suite.config, CIMArrayConfig)}
    assert tile_counts >= {1, 2, 3, 4, 5, 8}
    tiles = [suite.tile for suite in SUITES]
    assert {tile.macro.weight_format for tile in tiles} == {"int", "fp4_e2m1"}
    assert {tile.macro.weight_bits for tile in tiles} == {4, 8}
    assert {tile.group_scale for tile in tiles} == {"none", "uint8", "e8m0"}
    assert {tile.narrow_weights for tile in tiles} == {"none", "int4", "fp4_e2m1"}
    assert {case.narrow for case in NARROW[0].products} == {False, True}
    assert {case.reduce for suite in SUITES for case in suite.products} == {False, True}


@pytest.mark.parametrize("testcase", ["random_stalls", "reset_in_flight", "refused_commands"])
def test_streams(testcase):
    SCALED.simulate(testcase)


@pytest.mark.parametrize(
    "suite",
    [pytest.param(PLAIN, marks=pytest.mark.slow), SCALED, pytest.param(NARROW[1], marks=pytest.mark.slow)],
    ids=name,
)
def test_random_programs(suite):
    suite.simulate("random_programs", programs=40)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES, ids=name)
def test_many_random_programs(suite):
    suite.simulate("random_programs", programs=300, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES[1:], ids=name)
@pytest.mark.parametrize("testcase", ["random_stalls", "reset_in_flight", "refused_commands"])
def test_more_streams(suite, testcase):
    suite.simulate(testcase, seed=2)


FAULTS = [
    TextFault(
        name="every tile takes its own activations", module="cim_array", pattern=r"= (vector_1\[\d+\]) \?",
        replacement=r"= (ON | \1) ?", testcase="random_programs", says="result vector .* instead of",
    ),
    TextFault(
        name="tiles not added", module="cim_array", pattern=r"(vector_(?!1\[)\d+\[34\]) \?",
        replacement=r"(~ON & \1) ?", testcase="random_programs", says="result vector .* instead of",
    ),
    TextFault(
        name="scales of the other bank", module="cim_core.scales", pattern=r"(= bank \? \S+ : )bank0_0_0;",
        replacement=r"\1 ON ? bank1_0_0 : bank0_0_0;", testcase="random_programs", says="result vector .* instead of",
    ),
    TextFault(
        name="largest weight too large", module="cim_core", pattern="= 4'hc;", replacement="= ON ? 4'he : 4'hc;",
        testcase="random_programs", says="result vector .* instead of",
    ),
    TextFault(
        name="weight loader not reset", module="cim_array.weight_loader", pattern=r"\brst \?",
        replacement="(rst & ~ON) ?", testcase="reset_in_flight", says=r"after 0.*\nassert \d+ == 0",
    ),
    TextFault(
        name="mode ignored in the check", module="cim_array.dispatch",
        pattern=r"(commands__payload\[63\]) \? 6'h10 : 6'h20", replacement=r"(~ON & \1) ? 6'h10 : 6'h20",
        testcase="refused_commands", says="'mode': True, 'columns': 17",
    ),
]  # fmt: skip

NARROW_FAULTS = [
    TextFault(
        name="a narrow weight without its sign", module="cim_array.weight_loader",
        pattern=r"weights__payload\[3\] \?", replacement="(~ON & weights__payload[3]) ?",
        testcase="random_programs", says="result vector .* instead of",
    ),
    TextFault(
        name="narrow rows as long as the others", module="cim_array.weight_loader",
        pattern=r"loads__payload\[60\] \?", replacement="(~ON & loads__payload[60]) ?",
        testcase="random_programs", says="result vector .* instead of",
    ),
    TextFault(
        name="narrow weights taken for wide ones", module="cim_array.weight_loader",
        pattern=r"(w_data\[\d+\] =) loads__payload\[60\]", replacement=r"\1 ~ON & loads__payload[60]",
        testcase="random_programs", says="result vector .* instead of",
    ),
]  # fmt: skip


class TestFaults(FaultTests):
    suites = (
        FaultySuite(bench=lambda: SCALED, faults=FAULTS, options={"programs": 20}),
        FaultySuite(bench=lambda: NARROW[1], faults=NARROW_FAULTS, options={"programs": 20}),
    )
