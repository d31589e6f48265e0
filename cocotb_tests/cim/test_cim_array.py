"""The CIM array under Verilator: values against numpy, cycles against the model, use, and faults that must be seen."""

import pytest

from tilewright.cocotb_tests.cim.array_suite import DESIGNS, ON_CHIP
from tilewright.cocotb_tests.cim.runs import Design, run_bench, run_table
from tilewright.cocotb_tests.harness.faults import plant
from tilewright.cocotb_tests.runner import BenchError
from tilewright.sim.config import CIMArrayConfig

pytestmark = pytest.mark.cosim

PLAIN, SCALED = DESIGNS[0], DESIGNS[4]
EVERYDAY = (PLAIN, SCALED)


def name(design: Design) -> str:
    return design.name


def check(design: Design) -> list[dict]:
    rows = run_table(design)
    assert len(rows) == len(design.cases)
    for row in rows:
        assert row["mismatches"] == 0, row
        assert row["rtl_cycles"] == row["model_cycles"], row
    return rows


@pytest.mark.parametrize(
    "design",
    [pytest.param(d, marks=[] if d in EVERYDAY else [pytest.mark.slow], id=d.name) for d in DESIGNS[:-1]],
)
def test_values_and_cycles(design):
    check(design)


@pytest.mark.parametrize("size", [64, pytest.param(256, marks=pytest.mark.slow)])
def test_at_least_four_fifths_are_in_use_on_square_products(size):
    rows = check(Design(DESIGNS[-1].config, tuple(case for case in ON_CHIP if case.m == case.k == case.n == size)))
    assert len(rows) == 2
    assert DESIGNS[-1].config.macs_per_cycle == 16 * 16
    assert all(row["utilisation"] >= 0.8 for row in rows), rows


def test_the_table_covers_what_it_promises():
    tile_counts = {design.config.tiles for design in DESIGNS if isinstance(design.config, CIMArrayConfig)}
    assert tile_counts >= {1, 2, 3, 4, 5, 8}
    tiles = [design.tile for design in DESIGNS]
    assert {tile.macro.weight_format for tile in tiles} == {"int", "fp4_e2m1"}
    assert {tile.macro.weight_bits for tile in tiles} == {4, 8}
    assert {tile.group_scale for tile in tiles} == {"none", "uint8", "e8m0"}
    assert {case.reduce for design in DESIGNS for case in design.cases} == {False, True}


@pytest.mark.parametrize("testcase", ["random_stalls", "reset_in_flight", "refused_commands"])
def test_streams(testcase):
    run_bench(SCALED.config, testcase)


@pytest.mark.parametrize("design", EVERYDAY, ids=name)
def test_random_programs(design):
    run_bench(design.config, "random_programs", programs=40)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS, ids=name)
def test_many_random_programs(design):
    run_bench(design.config, "random_programs", programs=300, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS[1:], ids=name)
@pytest.mark.parametrize("testcase", ["random_stalls", "reset_in_flight", "refused_commands"])
def test_more_streams(design, testcase):
    run_bench(design.config, testcase, seed=2)


FAULTS = {
    "every tile takes its own activations": (
        "cim_array", r"= vector_1\[\d+\] \?", "= 1'b1 ?", "random_programs",
    ),
    "tiles not added": ("cim_array", r"vector_(?!1\[)\d+\[34\] \?", "1'b0 ?", "random_programs"),
    "scales of the other bank": ("cim_core.scales", r"(scale_0_0 = )bank0_0_0", r"\1bank1_0_0", "random_programs"),
    "largest weight too large": ("cim_core", r"4'hc", "4'he", "random_programs"),
    "weight loader not reset": ("cim_array.weight_loader", r"if \(rst\)", "if (1'b0)", "reset_in_flight"),
    "mode ignored in the check": (
        "cim_array.dispatch", r"commands__payload\[63\] \? 6'h10 : 6'h20", "6'h20", "refused_commands",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    # Each is a model of its own to build.
    [pytest.param(key, marks=[] if index == 0 else [pytest.mark.slow]) for index, key in enumerate(FAULTS)],
)
def test_a_planted_fault_is_seen(fault):
    *place, testcase = FAULTS[fault]
    with pytest.raises(BenchError):
        run_bench(SCALED.config, testcase, programs=20, verilog_edit=lambda verilog: plant(verilog, *place))
