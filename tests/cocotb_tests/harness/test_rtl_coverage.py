"""Coverage of RTL: what Verilator counts, read back and summed up."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tilewright.api.cosim import run_options, suites
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.harness.rtl_coverage import (
    Record,
    is_below,
    lcov,
    modules_below,
    read_points,
    with_stream_counts,
)
from tilewright.cocotb_tests.harness.run_options import CoverageFiles, RunOptions

VERILOG = """module top(clk);
  input clk;
  wire clk;
  part one (
    .clk(clk)
  );
  other two (
    .clk(clk)
  );
endmodule

module part(clk, i__valid, i__ready, i__payload, o__valid, o__payload);
  input clk;
  wire clk;
  wire i__valid;
  wire i__ready;
  wire [3:0] i__payload;
  wire o__valid;
  wire o__payload;
endmodule

module other(clk);
  input clk;
  wire clk;
endmodule
"""


def point(kind: str, module: str, line: int, text: str, instance: str, count: int, lines: str = "") -> str:
    """Return a line as Verilator writes it."""
    fields = {"f": "top.v", "l": line, "n": 3, "t": kind, "page": f"v_{kind}/{module}", "o": text}
    fields |= {"S": lines} if lines else {}
    return "C '" + "".join(f"\1{name}\2{value}" for name, value in (fields | {"h": instance}).items()) + f"' {count}\n"


COUNTS = "# SystemC::Coverage-3\n" + "".join([
    point("branch", "part", 20, "if", "TOP.top.one", 3, "20-21"),
    point("branch", "part", 20, "else", "TOP.top.one", 0, "23"),
    point("toggle", "part", 13, "i__valid:0->1", "top.one", 2),
    point("toggle", "other", 30, "clk:0->1", "top.two", 9),
    point("user", "part", 24, "stream___05Fi___05Fmoves", "top.one.stream", 5),
    point("user", "part", 25, "stream___05Fi___05Fwaits", "top.one.stream", 0),
    point("line", "part", 26, "block", "top.*", 0, "26,28"),
])  # fmt: skip


def test_streams_of_a_module_are_counted():
    text = with_stream_counts(VERILOG)
    added = [line.strip() for line in text.splitlines() if "cover property" in line]
    assert added == [
        "stream__i__moves: cover property (@(posedge clk) i__valid & i__ready);",
        "stream__i__waits: cover property (@(posedge clk) i__valid & ~i__ready);",
        "stream__o__moves: cover property (@(posedge clk) o__valid);",
    ]
    assert [line for line in text.splitlines() if "cover property" not in line] == VERILOG.splitlines()


def test_a_record_counts_what_is_below_the_circuit(tmp_path):
    record = Record("a design", tmp_path / "coverage-x-1.5")
    for _ in range(2):
        record.add(COUNTS, VERILOG, [("top", "one")])
    data = json.loads((tmp_path / "coverage-x-1.5.json").read_text())
    assert data["blocks"] == {"points": 3, "hit": 1}
    assert data["toggles"] == {"points": 1, "hit": 1}
    assert data["streams_moved"] == {"points": 1, "hit": 1}
    assert data["streams_waited"] == {"points": 1, "hit": 0}
    assert (data["never_moved"], data["never_waited"]) == ([], ["part: i"])
    assert list(data["modules"]) == ["part"]
    assert (tmp_path / "coverage-x-1.5.v").read_text() == VERILOG
    info = (tmp_path / "coverage-x-1.5.info").read_text().splitlines()
    assert info[:2] == ["TN:", f"SF:{tmp_path / 'coverage-x-1.5.v'}"]
    assert info[2:] == [
        "BRDA:20,0,0,0",
        "BRDA:20,0,1,6",
        "DA:20,6",
        "DA:21,6",
        "DA:23,0",
        "DA:26,0",
        "DA:28,0",
        "end_of_record",
    ]


def test_points_are_read_whole():
    points = read_points(COUNTS)
    assert len(points) == 7
    assert sum(points.values()) == 3 + 2 + 9 + 5
    assert {each.stream for each in points} == {None, ("part: i", "moves"), ("part: i", "waits")}
    assert list(lcov(Counter(), Path("/x.v"))) == ["TN:\nSF:/x.v\n", "end_of_record\n"]


def test_instances_below_a_path():
    assert modules_below(VERILOG, "top", [("top", "one")]) == {"part"}
    assert modules_below(VERILOG, "top", [("top",)]) == {"top", "part", "other"}
    assert is_below("top.one.x", ("top", "one"))
    assert not is_below("top.two", ("top", "one"))
    assert not is_below("top.*", ("top", "one"))


def test_coverage_and_waves_do_not_go_together(tmp_path):
    with pytest.raises(ConfigError, match=r"coverage: .* is not allowed with waves"):
        run_options("arith", suites("arith"), waves=tmp_path, coverage=tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"coverage: .*file/x cannot be written"):
        run_options("arith", suites("arith"), coverage=tmp_path / "file" / "x")


@pytest.mark.cosim
@pytest.mark.slow
def test_an_npe_whose_bus_waits(tmp_path):
    [suite] = suites("npe", "2x2")
    rows = suite.run(RunOptions(case="rate 1/3", coverage=CoverageFiles(tmp_path, "npe")))
    check_rows(rows)
    [summary] = tmp_path.glob("*.json")
    assert {row["coverage"] for row in rows} == {str(summary)}
    data = json.loads(summary.read_text())
    assert data["blocks"]["hit"] > 0.5 * data["blocks"]["points"]
    assert data["toggles"]["hit"] > 0.3 * data["toggles"]["points"]
    assert 0 < data["streams_waited"]["hit"] < data["streams_moved"]["hit"] <= data["streams_moved"]["points"]
    assert all("npe_harness__dut" in name or "simd_mac" in name or "npe" in name for name in data["modules"])
