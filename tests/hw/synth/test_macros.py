"""SRAM macros: what liberty files say of them, and which memories of a design become macros."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hw.synth.small_library import SmallLibrary
from tests.hw.synth.small_macro import SmallMacro
from tilewright.base.errors import ConfigError
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.flow import Cost, cost
from tilewright.hw.synth.library import Library, read_library

TOOLS = find_synthesis_tools()
MEMORY = """\
module store(input clk, input [{top}:0] ra, wa, input we, input [{high}:0] d, output reg [{high}:0] q);
  reg [{high}:0] words [{last}:0];
  always @(posedge clk) begin
    if (we) words[wa]{part} <= d{part};
    q <= words[ra];
  end
endmodule
"""
TABLE = """\
module store(input clk, input [3:0] ra, output reg [7:0] q);
  reg [7:0] words [15:0];
  integer i;
  initial for (i = 0; i < 16; i = i + 1) words[i] = 37 * i;
  always @(posedge clk) q <= words[ra];
endmodule
"""


def memory(width: int, depth: int, part: str = "") -> str:
    """Return a memory with a read port and a write port, of which a part of a word may be written."""
    return MEMORY.format(top=(depth - 1).bit_length() - 1, high=width - 1, last=depth - 1, part=part)


def library(folder: Path, *macros: SmallMacro) -> Library:
    files = [folder / "cells.lib", *(folder / f"{macro.name}.lib" for macro in macros)]
    for file, text in zip(files, (SmallLibrary().text(), *(macro.text() for macro in macros)), strict=True):
        file.write_text(text)
    return read_library(files)


def measured(verilog: str, library: Library, *parts: str) -> Cost:
    return cost(verilog, "store", replace(TOOLS, liberty=library.files), parts=parts or ("area",), library=library)


@pytest.mark.parametrize("macro", [
    SmallMacro(), SmallMacro(time=("1ps", 1e-3), capacitance=("1, ff", 1e-3)), SmallMacro(two_ports=False, mask=True),
])  # fmt: skip
def test_figures_are_those_of_the_file_whatever_its_units(tmp_path, macro):
    # One volt is the unit of voltage, so that energies are in units of capacitance.
    found = library(tmp_path, macro)
    assert list(found.cells) == ["INV", "NAND", "BUF", "DFF"]
    [stated] = found.to_dict()["macros"]
    assert stated == {
        "name": "RAM", "words": 16, "width": 8, "two_ports": macro.two_ports, "mask": macro.mask, "area_um2": 100,
        "leakage_uw": pytest.approx(0.007), "read_pj": pytest.approx(3), "write_pj": pytest.approx(5),
        "setup_ns": pytest.approx(0.25), "access_ns": pytest.approx(2),
    }  # fmt: skip


def test_what_a_library_does_not_state_is_none(tmp_path):
    macro = library(tmp_path, SmallMacro(leakage_nw=None, energies_named=False)).macros["RAM"]
    assert macro.leakage_uw is macro.read_pj is macro.write_pj is None


@pytest.mark.parametrize(
    ("width", "depth", "counts"),
    [(8, 16, {"RAM": 1}), (8, 32, {"RAM": 2}), (20, 16, {"RAM": 3}), (20, 33, {"RAM": 9}), (4, 4, {})],
)
def test_a_memory_becomes_as_many_macros_as_cover_it_or_stays_flip_flops(tmp_path, width, depth, counts):
    # A bit in flip-flops counts 10.5, so that 16 bits take less than a macro of 1,000.
    found = measured(memory(width, depth), library(tmp_path, SmallMacro(area=100 if counts else 1000)))
    assert found.macros == counts
    assert found.macros_um2 == sum(counts.values()) * 100
    assert found.macros_leakage_uw == pytest.approx(sum(counts.values()) * 0.007)
    assert found.area_um2 >= found.macros_um2
    if counts == {"RAM": 1}:
        assert found.area_um2 == 100, "there is no logic around it"


def test_the_shape_that_takes_the_least_area_is_chosen(tmp_path):
    large = SmallMacro(name="LARGE", address_bits=6, area=250)
    both = library(tmp_path, SmallMacro(), large)
    assert measured(memory(8, 64), both).macros == {"LARGE": 1}
    assert measured(memory(8, 16), both).macros == {"RAM": 1}


def test_a_macro_with_one_port_is_not_used(tmp_path):
    one_port = library(tmp_path, SmallMacro(two_ports=False))
    found = measured(memory(8, 16), one_port)
    assert found.macros_um2 is None
    assert not found.macros
    assert found.area_um2 > 8 * 16 * 6, "a flip-flop has an area of 6"


def test_parts_of_words_are_written_by_the_mask_or_in_macros_of_their_own(tmp_path):
    masked, whole = SmallMacro(mask=True), SmallMacro()
    low = memory(8, 16, "[3:0]")
    text = low.replace(
        "if (we) words[wa][3:0] <= d[3:0];",
        "if (we) words[wa][3:0] <= d[3:0];\n    if (ra[0]) words[wa][7:4] <= d[7:4];",
    )
    assert measured(text, library(tmp_path, masked)).macros == {"RAM": 1}
    assert measured(text, library(tmp_path, whole)).macros == {"RAM": 2}


def test_a_table_stays_logic(tmp_path):
    found = measured(TABLE, library(tmp_path, SmallMacro(area=0.1)))
    assert not found.macros


@pytest.mark.skipif(TOOLS.abc is None or TOOLS.sta is None, reason="needs berkeley-abc and opensta")
def test_path_and_power_are_of_the_logic_around_the_macros(tmp_path):
    cells = library(tmp_path, SmallMacro())
    found = measured(memory(8, 32), cells, "timing", "power")
    assert not found.failed
    assert 0 < found.path_ns < 1, "one multiplexer"
    assert found.switching_uw > 0, "words that the macros give change, too"


def test_cells_and_memories_have_the_same_conditions(tmp_path):
    with pytest.raises(ConfigError, match=r"RAM\.lib: nom_voltage is '?1\.2'?, and in .*cells\.lib it is '?1\.5'?"):
        library(tmp_path, SmallMacro(voltage=1.2))


def test_memories_alone_are_refused(tmp_path):
    file = tmp_path / "RAM.lib"
    file.write_text(SmallMacro().text())
    with pytest.raises(ConfigError, match="has memories alone: name the liberty files of the cells, too"):
        read_library([file])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("area : 100;", "", "cell 'RAM': area is absent: it must be above 0"),
        ("area : 100;", "area : -1;", "cell 'RAM': area is -1: it must be above 0"),
        ("word_width : 8;", "", "memory.word_width is absent: it must be a whole number from 1 to 4096"),
        ("address_width : 4;", "address_width : 60;", "memory.address_width is 60: it must be a whole number from 1"),
        ('"1ns"', '"1"', "time_unit"),
    ],
)
def test_a_macro_without_size_area_or_units_is_refused(tmp_path, old, new, said):
    cells, file = tmp_path / "cells.lib", tmp_path / "RAM.lib"
    cells.write_text(SmallLibrary().text())
    text = SmallMacro().text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_library([cells, file])
