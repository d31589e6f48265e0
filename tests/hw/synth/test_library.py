"""Liberty files: units, conditions, files that belong together, files that are refused."""

import gzip
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hw.synth.small_library import CLOCK_PJ, LEAKAGE_NW, VOLTAGE, SmallLibrary
from tilewright.base.errors import ConfigError
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.flow import Cost, cost
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.power import Conditions

TOOLS = find_synthesis_tools()
needs_abc = pytest.mark.skipif(TOOLS.abc is None, reason="needs berkeley-abc")
needs_sta = pytest.mark.skipif(TOOLS.sta is None, reason="needs opensta")
SUM = "module sum(input clk, input [7:0] a, b, output reg [7:0] s); always @(posedge clk) s <= a + b; endmodule\n"
FLIP_FLOPS = 8
EDGES_PER_S = 2 * 100e6
OPENSTA_INTERNAL = 2
"""Factor by which OpenSTA 2.0.17 exceeds the tables of internal power: it adds the energies of a rise and of a fall at
every transition. docs/synth.md says so; another version may be right."""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def library(folder: Path, **about: object) -> Library:
    return read_library([write(folder, "small.lib", SmallLibrary(**about).text())])


def measured(library: Library, *parts: str, **about: float) -> Cost:
    return cost(SUM, "sum", replace(TOOLS, liberty=library.files), parts=parts, conditions=Conditions(**about))


def test_units_and_conditions_are_read(tmp_path):
    found = library(tmp_path, time=("10ps", 0.01), capacitance=("1, ff", 1e-3)).to_dict()
    assert found == {
        "names": ["small"], "cells": 4, "time_unit": "10ps", "voltage_unit": "1V", "capacitive_load_unit": "1ff",
        "leakage_power_unit": "1nW", "process": 1, "voltage_v": VOLTAGE, "temperature_c": 85,
    }  # fmt: skip


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> Cost:
    """Return the figures of the small library in ns, pF and nW, at the usual conditions."""
    return measured(library(tmp_path_factory.mktemp("usual")), "timing", "power")


@needs_abc
@needs_sta
def test_figures_do_not_depend_on_the_units_of_the_library(usual, tmp_path):
    in_ps = measured(
        library(tmp_path, time=("1ps", 1e-3), capacitance=("1,ff", 1e-3), leakage=("1pW", 1e-3)), "timing", "power"
    )
    assert not usual.failed
    assert usual == in_ps
    assert 1 < usual.path_ns < 10
    assert usual.power_uw == pytest.approx(usual.internal_uw + usual.switching_uw + usual.leakage_uw, rel=1e-5)


@needs_sta
def test_power_is_what_the_tables_state(tmp_path):
    # Only the clock moves: its pins take energy at each edge, and one buffer drives all of them.
    found = measured(library(tmp_path, time=("1ps", 1e-3)), "power", activity=0)
    pins_uw = FLIP_FLOPS * CLOCK_PJ * EDGES_PER_S * 1e-6 * OPENSTA_INTERNAL
    leakage_uw = FLIP_FLOPS * LEAKAGE_NW / 1000
    assert found.clock_pins_uw == pytest.approx(pins_uw + leakage_uw, rel=1e-4)
    assert found.power_uw >= found.clock_pins_uw
    assert found.clock_tree == "1 BUF"
    net_uw = 0.5 * FLIP_FLOPS * 0.01 * VOLTAGE**2 * EDGES_PER_S * 1e-6
    internal_uw = 0.02 * EDGES_PER_S * 1e-6 * OPENSTA_INTERNAL
    assert found.clock_tree_uw == pytest.approx(net_uw + internal_uw + LEAKAGE_NW / 1000, rel=1e-4)


@needs_sta
def test_power_follows_clock_activity_and_load(usual, tmp_path):
    cells = library(tmp_path)
    faster = measured(cells, "power", clock_mhz=200)
    pins_uw = usual.clock_pins_uw - FLIP_FLOPS * LEAKAGE_NW / 1000
    assert faster.clock_pins_uw - usual.clock_pins_uw == pytest.approx(pins_uw, rel=1e-3)
    loaded = measured(cells, "power", output_load_ff=1000)
    nets_uw = 0.5 * FLIP_FLOPS * 1 * VOLTAGE**2 * 100e6 * 1e-6
    assert 0.1 * nets_uw < loaded.switching_uw - usual.switching_uw < nets_uw


@needs_sta
@pytest.mark.parametrize("part", ["internal", "leakage"])
def test_a_part_of_the_power_that_the_library_does_not_state_is_none(tmp_path, part):
    name = {"internal": "with_internal_power", "leakage": "with_leakage"}[part]
    found = measured(library(tmp_path, **{name: False}), "power")
    assert found.power_lacks == {f"{part}_uw": ["DFF", "INV", "NAND"]}
    assert getattr(found, f"{part}_uw") is None
    assert found.switching_uw > 1


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"clock_mhz": 0}, "clock_mhz = 0 is not allowed: it must be 0.001 to 100,000"),
        ({"clock_mhz": float("nan")}, "clock_mhz = nan is not allowed"),
        ({"activity": 1.5}, "activity = 1.5 is not allowed: it must be 0 to 1"),
        ({"output_load_ff": -1}, "output_load_ff = -1 is not allowed: it must be 0 to 1,000,000"),
    ],
)
def test_conditions_out_of_range_are_refused(about, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        Conditions(**about)


def test_results_are_kept_by_conditions_and_library(tmp_path):
    asked = []

    def remember(inputs, make):
        asked.append(tuple(inputs))
        return {}

    for about in ({}, {"leakage": ("1pW", 1e-3)}):
        for conditions in (Conditions(), Conditions(clock_mhz=50)):
            tools = replace(TOOLS, liberty=library(tmp_path, **about).files, sta=TOOLS.yosys)
            cost(SUM, "sum", tools, parts=["power", "area"], conditions=conditions, remember=remember)
    power, area = asked[::2], asked[1::2]
    assert len(set(power)) == 4
    assert len(set(area)) == 2


def parts(folder: Path) -> list[Path]:
    """Return the small library as two files that belong together."""
    gates, rest = SmallLibrary(name="a_gates", cells=("INV", "NAND")), SmallLibrary(name="b_rest", cells=("BUF", "DFF"))
    return [write(folder, "rest.lib.gz", gzip.compress(rest.text().encode())), write(folder, "gates.lib", gates.text())]


def test_files_that_belong_together_are_one_library(tmp_path):
    files = parts(tmp_path)
    both = read_library(files)
    assert both.names == ("a_gates", "b_rest")
    assert list(both.cells) == ["INV", "NAND", "BUF", "DFF"]
    assert both.content.count(b"library (") == 1
    assert both.content.count(b"lu_table_template") == 1
    assert both.content == read_library(files[::-1]).content
    again = read_library([write(tmp_path, "both.lib", both.content)])
    assert list(again.cells) == list(both.cells)
    assert again.content == both.content


@needs_abc
@needs_sta
def test_files_that_belong_together_cost_what_one_file_does(usual, tmp_path):
    assert measured(read_library(parts(tmp_path)), "timing", "power") == usual


def test_one_file_is_left_as_it_is(tmp_path):
    text = (
        SmallLibrary()
        .text()
        .replace(
            "  default_max",
            "  operating_conditions (x) { voltage : 1.5; }\n  default_operating_conditions : x;\n  default_max",
        )
    )
    plain, packed = write(tmp_path, "a.lib", text), write(tmp_path, "b.lib.gz", gzip.compress(text.encode()))
    assert read_library([plain]).content == read_library([packed]).content == text.encode()


def test_braces_in_strings_and_comments_are_text(tmp_path):
    text = "/* library (x) {{{ */\n// }\n" + SmallLibrary().text().replace(
        "  nom_process", '  comment : "}} \\" {";\n  /* } */ // }\n  nom_process'
    )
    found = read_library([write(tmp_path, "a.lib", text + "/* } */\n")])
    assert list(found.cells) == ["INV", "NAND", "BUF", "DFF"]


SMALL = SmallLibrary().text()
REFUSED = [
    ("", "a.lib: not a liberty file: it must start with 'library (name) {'"),
    ("[library]\n", "a.lib: not a liberty file"),
    ("/* library(x) { */ module x; endmodule", "a.lib: not a liberty file"),
    (b"\x00" * 1000, "a.lib: not a liberty file"),
    ("library (x) {}", "a.lib: time_unit is missing: it must be a number and one of s, ms, us, ns, ps, fs"),
    (SMALL[:-3], "a.lib: is cut off: 'library (small) {' of line 1 is not closed"),
    (SMALL[: len(SMALL) // 2], "is cut off"),
    (SMALL[:400], "is cut off"),
    (SMALL.replace('index_1 ("', 'index_1 (""', 1), "is cut off"),
    (SMALL + SMALL, "text after the end of library 'small' is not allowed: one library a file"),
    (SMALL.replace("  time_unit", "  other"), "a.lib: time_unit is missing"),
    (
        SMALL.replace("  voltage_unit", "  other"),
        "a.lib: voltage_unit is missing: it must be a number and one of V, mV",
    ),
    (SMALL.replace("  capacitive_load_unit", "  other"), "a.lib: capacitive_load_unit is missing"),
    (SMALL.replace("  leakage_power_unit", "  other"), "a.lib: leakage_power_unit is missing"),
    (
        SMALL.replace('"1ns"', '"1 hour"'),
        "a.lib: time_unit = '1 hour' is not allowed: it must be a number and one of s",
    ),
    (SMALL.replace('"1ns"', '"0ns"'), "a.lib: time_unit = '0ns' is not allowed"),
    (SMALL.replace("  nom_voltage", "  other"), "a.lib: nom_voltage is missing: it must be above 0"),
    (
        SMALL.replace("nom_voltage : 1.5", "nom_voltage : 0"),
        "a.lib: nom_voltage = 0 is not allowed: it must be above 0",
    ),
    (SMALL.replace("nom_temperature : 85", "nom_temperature : hot"), "a.lib: nom_temperature = 'hot' is not allowed"),
    (
        SMALL.replace(
            "  nom_v", "  operating_conditions (low) { voltage : 1.2; }\n  default_operating_conditions : low;\n  nom_v"
        ),
        "a.lib: nom_voltage = 1.5, and voltage = 1.2 of the default 'low': they must be equal",
    ),
    (SmallLibrary(cells=("INV", "NAND")).text(), "a.lib: no flip-flop among 2 cells"),
    (SmallLibrary(cells=("BUF", "NAND", "DFF")).text(), "a.lib: no inverter among 3 cells"),
    (SmallLibrary(cells=("INV", "NAND", "DFF")).text(), "a.lib: no buffer among 3 cells"),
    (SmallLibrary(cells=("INV", "BUF", "DFF")).text(), "a.lib: no gate of two inputs among 3 cells"),
    (SmallLibrary(cells=("INV", "NAND", "DFF", "INV")).text(), "a.lib: cell 'INV' is there twice"),
    (gzip.compress(SMALL.encode())[:-200], "liberty file a.lib: cannot be unpacked: Compressed file ended"),
    (gzip.compress(SMALL.encode())[:8], "liberty file a.lib: cannot be unpacked"),
    (b"\x1f\x8b" + b"x" * 300, "liberty file a.lib: cannot be unpacked"),
]


@pytest.mark.parametrize(("content", "said"), REFUSED, ids=range(len(REFUSED)))
def test_a_bad_file_is_refused_in_one_line(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a.lib", content)
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        read_library([Path("a.lib")])
    assert len(str(caught.value).splitlines()) == 1


REST = SmallLibrary(name="rest", cells=("BUF", "DFF"))
APART = [
    (replace(REST, time=("1ps", 1e-3)).text(), "b.lib: time_unit is '1ps', and in a.lib it is '1ns'"),
    (replace(REST, leakage=("1pW", 1e-3)).text(), "b.lib: leakage_power_unit is '1pW', and in a.lib it is '1nW'"),
    (REST.text().replace("nom_voltage : 1.5", "nom_voltage : 1.2"), "b.lib: nom_voltage is '1.2', and in a.lib it is '1.5'"),
    (REST.text().replace("nom_process : 1", "nom_process : 2"), "b.lib: nom_process is '2', and in a.lib it is '1'"),
    (REST.text().replace("nom_temperature : 85;", ""), "b.lib: nom_temperature is missing, and in a.lib it is '85'"),
    (REST.text().replace('index_1 ("1, 2, 3, 4")', 'index_1 ("1, 2, 3, 5")', 1), "b.lib: lu_table_template 'delay' is not the one in a.lib"),
    (replace(REST, cells=("NAND", "DFF")).text(), "b.lib: cell 'NAND' is in a.lib, too: each cell is allowed once"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), APART, ids=range(len(APART)))
def test_files_that_do_not_belong_together_are_refused(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a.lib", SmallLibrary(name="gates", cells=("INV", "NAND")).text())
    write(tmp_path, "b.lib", text)
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_library([Path("b.lib"), Path("a.lib")])


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    file = write(tmp_path, "a.lib", SMALL)
    with pytest.raises(ConfigError, match="is named twice: each file is allowed once"):
        read_library([file, file])


def test_a_packed_file_that_is_too_large_is_not_unpacked(tmp_path, monkeypatch):
    from tilewright.hw.synth import liberty

    monkeypatch.setattr(liberty, "MAX_LIBERTY_BYTES", len(SMALL) - 1)
    file = write(tmp_path, "a.lib.gz", gzip.compress(SMALL.encode()))
    with pytest.raises(ConfigError, match=rf"size = {len(SMALL):,} bytes is not allowed: it must be at most"):
        read_library([file])
