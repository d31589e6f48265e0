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
    pins_uw = FLIP_FLOPS * CLOCK_PJ * EDGES_PER_S * 1e-6
    leakage_uw = FLIP_FLOPS * LEAKAGE_NW / 1000
    assert found.clock_pins_uw == pytest.approx(pins_uw + leakage_uw, rel=1e-4)
    assert found.power_uw >= found.clock_pins_uw
    assert found.clock_tree == "1 BUF"
    net_uw = 0.5 * FLIP_FLOPS * 0.01 * VOLTAGE**2 * EDGES_PER_S * 1e-6
    internal_uw = 0.02 * EDGES_PER_S * 1e-6
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


@pytest.mark.parametrize("part", ["area", "power"])
def test_a_library_whose_flip_flop_is_of_no_use_is_named(tmp_path, part):
    text = SmallLibrary().text().replace('next_state : "D"', 'next_state : "(D CK)"')
    with pytest.raises(ConfigError, match=r"small\.lib: has no cell for \$_DFF_P_"):
        measured(read_library([write(tmp_path, "small.lib", text)]), part)


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


def test_a_packed_file_that_is_too_large_is_not_unpacked(tmp_path, monkeypatch):
    from tilewright.hw.synth import liberty

    text = SmallLibrary().text()
    monkeypatch.setattr(liberty, "MAX_LIBERTY_BYTES", len(text) - 1)
    file = write(tmp_path, "a.lib.gz", gzip.compress(text.encode()))
    with pytest.raises(ConfigError, match=rf"size = {len(text):,} bytes is not allowed: it must be at most"):
        read_library([file])
