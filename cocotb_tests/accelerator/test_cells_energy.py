"""Energy of parts of an accelerator as cells of osu018: it grows with the events, and cells that err are found."""

import re
from dataclasses import replace

import pytest

from tilewright.base.tools import OSU018, find_synthesis_tools
from tilewright.bench.random_programs import Areas
from tilewright.cocotb_tests.accelerator.cells import CellsSuite
from tilewright.cocotb_tests.accelerator.energy_programs import energy_programs
from tilewright.cocotb_tests.accelerator.suite import TINY
from tilewright.hw.synth.library import read_library

STA = find_synthesis_tools().sta
pytestmark = [
    pytest.mark.cosim,
    pytest.mark.slow,
    pytest.mark.skipif(STA is None or not OSU018.is_file(), reason="needs opensta and qflow-tech-osu018"),
]
PARTS = ("reader", "weight buffer", "scratchpad", "input buffer")


@pytest.fixture(scope="module")
def suite() -> CellsSuite:
    library = read_library([OSU018])
    return CellsSuite(
        config=TINY, memory_bytes=Areas(TINY).memory_bytes, library=library, parts=PARTS
    )  # fmt: skip


def programs(*names: str):
    every = {each.name: each for each in energy_programs(TINY)}
    return [every[name].case for name in names]


def test_energy_of_a_part_grows_with_its_events(suite):
    assert STA
    # The first program leaves the same values in all registers.
    _, nothing, loads, few, many, again = suite.work(
        STA, programs("nothing", "nothing", "loads", "few vectors", "one block", "nothing")
    )
    assert again.event_pj == pytest.approx(nothing.event_pj, rel=0.02, abs=10)
    assert loads.event_pj["reader"] > 2 * nothing.event_pj["reader"]
    assert loads.event_pj["scratchpad"] > 1.5 * nothing.event_pj["scratchpad"]
    assert few.event_pj["weight buffer"] > nothing.event_pj["weight buffer"]
    assert many.event_pj["weight buffer"] == pytest.approx(few.event_pj["weight buffer"], rel=0.1)
    assert many.event_pj["input buffer"] > 2 * few.event_pj["input buffer"]
    for part in PARTS:
        assert (many.clock_pj[part] > 0) == (part != "scratchpad"), "the scratchpad without its banks has no registers"


@pytest.mark.parametrize("part", ["weight buffer", "input buffer"])
def test_cells_that_compute_something_else_are_found(suite, part):
    assert STA
    netlist = suite.netlists[part]
    # A gate of another function in the place of one in the middle of the netlist.
    gates = [*re.finditer(r"(?m)^  NAND2X1 ", netlist.netlist)]
    at = gates[len(gates) // 2]
    text = netlist.netlist[: at.start()] + "  NOR2X1 " + netlist.netlist[at.end() :]
    broken = replace(suite)
    broken.__dict__["netlists"] = {**suite.netlists, part: replace(netlist, netlist=text)}
    with pytest.raises(AssertionError, match="outputs of cells are not those of the RTL"):
        broken.work(STA, programs("nothing", "one block", "one block", "few vectors"))
