"""The CIM tile under Verilator: values against numpy, cycles against the model, and faults that must be seen."""

from dataclasses import dataclass

import pytest

from tilewright.cocotb_tests.cim.runs import run_bench, run_table
from tilewright.cocotb_tests.cim.tile_suite import DESIGNS
from tilewright.cocotb_tests.harness.faults import plant
from tilewright.cocotb_tests.runner import BenchError

pytestmark = pytest.mark.cosim

SHAPES = {design.name: design for design in DESIGNS}
SCALED = [design for design in DESIGNS if design.tile.group_rows]
SLOW = {design.name for design in SCALED[:-1]}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in SHAPES])
def test_values_and_cycles(name):
    rows = run_table(SHAPES[name])
    assert len(rows) == len(SHAPES[name].cases)
    for row in rows:
        assert row["mismatches"] == 0, row
        assert row["rtl_cycles"] == row["model_cycles"], row


def test_the_table_covers_what_it_promises():
    configs = [design.tile for design in DESIGNS]
    assert len(configs) >= 12
    assert {c.macro.rows for c in configs} >= {16, 32, 64}
    assert {c.macro.columns for c in configs} >= {16, 32, 64}
    assert {(c.macro.weight_bits, c.macro.input_bits) for c in configs} == {(4, 4), (4, 8), (8, 4), (8, 8)}
    assert {c.macro.weight_format for c in configs} == {"int", "fp4_e2m1"}
    assert {(c.group_scale, c.group_rows) for c in configs} >= {
        ("none", 0),
        ("uint8", 32),
        ("uint8", 128),
        ("e8m0", 64),
    }
    assert {(c.groups, c.group_macros) for c in configs if c.group_rows} >= {(2, 2), (3, 2), (1, 1)}
    assert {c.macro.input_bits_per_cycle for c in configs} == {1, 2, 4}
    assert {(c.grid_rows, c.grid_columns) for c in configs} >= {(1, 1), (2, 1), (1, 2), (2, 2)}
    assert any(case.k == 2048 and case.n == 512 for design in DESIGNS for case in design.cases)


STREAM_SHAPES = [DESIGNS[1], DESIGNS[4], DESIGNS[5], DESIGNS[8], SCALED[-1]]


@pytest.mark.parametrize("design", STREAM_SHAPES, ids=lambda design: design.name)
@pytest.mark.parametrize("testcase", ["random_stalls", "reset_in_flight", "refused_commands"])
def test_streams(design, testcase):
    run_bench(design.config, testcase)


@pytest.mark.parametrize("design", [*DESIGNS[:6], SCALED[-1]], ids=lambda design: design.name)
def test_random_programs(design):
    run_bench(design.config, "random_programs", programs=40)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
@pytest.mark.parametrize("seed", [2, 3])
def test_many_random_programs(design, seed):
    run_bench(design.config, "random_programs", programs=500, seed=seed)


@dataclass(frozen=True)
class Fault:
    """A change of the generated Verilog of a design, and the bench that must see it."""

    name: str
    module: str
    pattern: str
    replacement: str
    design: int
    testcase: str = "table"


FAULTS = [
    Fault("weight sign ignored", "cim_word_line", r"(assign products__0__3 =) ~", r"\1", 0),
    Fault("bank released early", "cim_tile.sequencer", r"(assign released =) computes__ready", r"\1 slice_first", 0),
    Fault("one bank instead of two", "cim_tile.weight_loader", r"2'h2", "2'h1", 0),
    Fault("queue one entry short", "cim_tile.dispatch.computes", r"3'h4", "3'h3", 0),
    Fault(
        "padding not zeroed", "cim_tile.activation_loader", r"= \S+ +\? (activations__payload\S+) : \S+;", r"= \1;", 0,
        "random_programs",
    ),
    Fault(
        "accumulators read before written", "cim_tile.accumulator", r"assign read__data = slots\[\w+\];",
        r"reg [511:0] stale; always @(posedge clk) stale <= slots[next_slot[3:0]]; assign read__data = stale;", 1,
    ),
    Fault(
        "back-pressure of results ignored", "cim_tile.sender", r"(assign sent = results__valid) & results__ready", r"\1", 1,
        "random_stalls",
    ),
    Fault("sequencer not reset", "cim_tile.sequencer", r"if \(rst\)", "if (1'b0)", 0, "reset_in_flight"),
    Fault(
        "columns not checked", "cim_tile.dispatch", r"(commands__payload\[31:16\] >) 5'h10", r"\1 5'h1f", 1,
        "refused_commands",
    ),
    Fault("slot not checked", "cim_tile.dispatch", r"(assign \S+ += \S+ +>) 5'h10", r"\1 20'hfffff", 1, "refused_commands"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_seen(fault):
    design = DESIGNS[fault.design]

    def edit(verilog: str) -> str:
        return plant(verilog, fault.module, fault.pattern, fault.replacement)

    try:
        rows = run_bench(design.config, fault.testcase, cases=design.cases, programs=10, verilog_edit=edit)
    except BenchError:
        return
    assert any(row["mismatches"] or row["rtl_cycles"] != row["model_cycles"] for row in rows), "not seen"
