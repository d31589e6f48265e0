"""Area, leakage and clock energy of systems that name a process: sums, directions, ranges, and the RTL beside them."""

import io
import re

import pytest

from benchmarks.area_grid import COMPONENTS, HELD_OUT
from benchmarks.area_table import PAGE
from benchmarks.open_processes import PROCESSES
from tests.mapping.small_models import EDGE, THIN
from tilewright.base.cache import remember
from tilewright.base.errors import ConfigError
from tilewright.base.terminal import Terminal
from tilewright.base.tools import find_synthesis_tools
from tilewright.cli.tables import print_map
from tilewright.hw.cim.macro import Macro
from tilewright.hw.synth.library import read_library
from tilewright.hw.synth.parts import part_cost
from tilewright.hw.synth.parts import parts as parts_of
from tilewright.hw.verilog import convert
from tilewright.mapping.map import map_model
from tilewright.sim.config import MacroConfig, load_system
from tilewright.sim.config.process import FOLDER
from tilewright.sim.energy.adder_tree import tree_size
from tilewright.sim.energy.area import (
    MacroFigures,
    load_area_model,
    memory_macros,
    outside,
    part_area,
    unit_areas,
)
from tilewright.sim.energy.clock_gates import load_clock_model
from tilewright.sim.energy.structure import UNITS, MemoryShape, parts
from tilewright.sim.energy.system_area import system_area

PROCESS = "SG13G2"
MODEL = load_area_model(PROCESS)
TINY = load_system("tiny").with_(process=PROCESS)


def areas(system, **changes) -> dict[str, float]:
    """Return the area of each unit of a system with some changes."""
    return {each.unit: each.area_um2 for each in unit_areas(system.with_(changes).accelerator, MODEL)}


def test_a_system_without_a_process_has_no_area():
    assert system_area(load_system("tiny")) is None


def test_units_add_up():
    found = system_area(TINY)
    assert [each.unit for each in found.units] == list(UNITS)
    assert found.area_mm2 == pytest.approx(sum(each.area_um2 for each in found.units) / 1e6)
    assert found.leakage_mw == pytest.approx(sum(each.leakage_uw for each in found.units) / 1e3)
    flip_flops = sum(each.flip_flops for each in found.units)
    assert found.clock_mw == pytest.approx(flip_flops * MODEL.clock_pj * TINY.clock_mhz / 1e3, rel=1e-3)
    gated, gates = (sum(getattr(each, name) for each in found.units) for name in ("gated_flip_flops", "clock_gates"))
    idle_pj = (flip_flops - gated) * MODEL.clock_pj + gates * load_clock_model(PROCESS).gate_pj
    assert found.idle_clock_mw == pytest.approx(idle_pj * TINY.clock_mhz / 1e3, rel=1e-3)
    assert 0 < gates < gated < flip_flops
    for each in found.units:
        assert 0 <= each.macros_um2 <= each.area_um2
        assert each.area_um2 > 1000
        assert each.leakage_uw > 0


def test_twice_the_tiles_take_twice_the_macros():
    one, two = areas(TINY), areas(TINY, **{"cim.tiles": 2})
    assert two["CIM macros"] == pytest.approx(2 * one["CIM macros"])
    assert 1.8 < two["accumulators"] / one["accumulators"] < 2.1
    assert one["array"] < two["array"]
    for unit in ("weight buffer", "scratchpad", "vector unit", "command processor", "DMA and AXI"):
        assert two[unit] == one[unit], unit


def test_twice_the_weight_bits_take_nearly_twice_the_macros():
    int4, int8 = areas(TINY), areas(TINY, **{"cim.tile.macro.weight_bits": 8})
    assert 1.7 < int8["CIM macros"] / int4["CIM macros"] < 2.1


def test_one_more_bank_of_weights_takes_its_flip_flops():
    two, three = areas(TINY), areas(TINY, **{"cim.tile.macro.weight_banks": 3})
    bits = 32 * 32 * 4
    flip_flop = 47  # the smallest of the library has 47.2 um2
    assert bits * flip_flop < three["CIM macros"] - two["CIM macros"] < 2 * bits * flip_flop


def test_twice_the_scratchpad_takes_nearly_twice_its_area():
    # Words that fill the largest macro; fewer take small ones, which are less dense.
    once, twice = (areas(TINY, **{"vector.address_bits": bits})["scratchpad"] for bits in (12, 13))
    assert 1.8 < twice / once < 2


def test_twice_the_lanes_take_nearly_twice_the_vector_unit():
    four, eight = areas(TINY), areas(TINY, **{"vector.lanes": 8})
    assert 1.7 < eight["vector unit"] / four["vector unit"] < 2


def test_memories_become_macros_where_these_take_less():
    macro = MacroFigures(words=64, width=32, mask=False, area_um2=1000, leakage_uw=1)
    wide = replace_macros({"A": macro, "B": macro.model_copy(update={"words": 256, "mask": True, "area_um2": 3000})})
    assert memory_macros(MemoryShape(32, 4), wide) == (None, 0)
    assert memory_macros(MemoryShape(32, 64), wide) == ("A", 1)
    assert memory_macros(MemoryShape(33, 65), wide) == ("A", 4)
    assert memory_macros(MemoryShape(32, 256), wide) == ("B", 1)
    # Without a mask a macro holds one byte of each word.
    assert memory_macros(MemoryShape(32, 64, mask_bits=8), wide) == ("B", 1)
    assert memory_macros(MemoryShape(32, 64, copies=2), wide) == ("A", 2)


def replace_macros(macros):
    return MODEL.model_copy(update={"macros": macros, "bit_area_um2": 5})


def test_what_was_synthesised_is_not_extrapolated_and_more_is():
    for name, point in HELD_OUT.items():
        assert not [text for part in parts(point.system.accelerator) for text in outside(part, MODEL)], name
    large = system_area(load_system("edge-int4").with_(process=PROCESS))
    assert any(text.startswith("cim_macro: full adders") for text in large.extrapolated)
    marked = {each.unit for each in large.units if each.extrapolated}
    assert "CIM macros" in marked


def test_a_map_result_carries_the_area_by_unit():
    plain, result = (
        map_model("x", THIN, system, phase="decode", context=64) for system in (EDGE, EDGE.with_(process=PROCESS))
    )
    assert not {"area", "area_mm2", "leakage_mw", "clock_mw", "idle_clock_mw"} & plain.to_dict().keys()
    data = result.to_dict()
    assert data["cycles"] == plain.cycles
    assert data["area_mm2"] == pytest.approx(sum(unit["area_um2"] for unit in data["area"]["units"]) / 1e6)
    printed = io.StringIO()
    print_map(Terminal(file=printed, width=160), data)
    text = " ".join(printed.getvalue().split())
    assert f"area in {PROCESS}: {data['area_mm2']:.4g} mm2 without wires" in text
    for unit in data["area"]["units"]:
        assert f"{unit['area_um2'] / 1e6 / data['area_mm2']:.1%}" in text, unit["unit"]
    assert "* extrapolated beyond what was synthesised: cim_" in text


def test_an_npe_is_named_as_not_counted():
    found = system_area(TINY.with_(npe={"rows": 2, "columns": 2, "bus_bits": 64}))
    assert found.not_counted == ("NPE",)
    assert found.area_mm2 > system_area(TINY).area_mm2, "a fifth unit takes a queue"


def test_a_process_without_areas_is_refused(monkeypatch, tmp_path):
    folder = tmp_path / "NEW"
    folder.mkdir()
    (folder / "process.toml").write_bytes((FOLDER / PROCESS / "process.toml").read_bytes())
    monkeypatch.setattr("tilewright.sim.config.process.FOLDER", tmp_path)
    with pytest.raises(ConfigError, match="process = 'NEW' is not allowed: its area was not measured"):
        load_area_model("NEW")


@pytest.mark.parametrize("changes", [
    {}, {"rows": 16, "columns": 3, "input_bits_per_cycle": 2}, {"rows": 5, "weight_bits": 8, "input_bits_per_cycle": 4},
    {"rows": 24, "weight_format": "fp4_e2m1", "tree_levels_per_stage": 2},
])  # fmt: skip
def test_adders_and_registers_of_a_macro_are_those_of_the_rtl(changes):
    config = MacroConfig.model_validate({"rows": 8, "columns": 4, "weight_bits": 4, "input_bits": 8, **changes})
    verilog, size = convert(Macro(config=config), "macro"), tree_size(config)
    # A full adder has a signal for half a sum, and every adder one for its sum.
    full = set(re.findall(r"\b(?:l\d+_tree\d+|m\d+)_h\d+_\d+\b", verilog))
    every = set(re.findall(r"\b(?:l\d+_tree\d+|m\d+)_s\d+_\d+\b", verilog))
    assert (len(full), len(every)) == (size.full_adders, size.full_adders + size.half_adders)
    registers = set(re.findall(r"\b(?:stage|merge)\d+_tree\d+_w\d+_\d+\b", verilog))
    shared = len(registers) - size.registers
    assert 0 <= shared <= config.result_bits, "words of the correction alone are one for all columns"


def test_the_page_says_what_the_check_has_found():
    page = PAGE.read_text()
    worst, median = map(float, re.search(r"is ([\d.]+)% off at worst, ([\d.]+)% in the middle", page).groups())
    rows = re.findall(r"(?m)^\| ([^|]+) \| [\d.]+ \| [\d.]+ \| ([-+][\d.]+)% \|", page)
    assert [name for name, _ in rows] == [*HELD_OUT]
    errors = sorted(abs(float(error)) for _, error in rows)
    assert worst == errors[-1] < 10
    assert median == pytest.approx((errors[(len(errors) - 1) // 2] + errors[len(errors) // 2]) / 2, abs=0.06)


def test_a_tile_that_was_synthesised_flat_takes_little_less_than_its_parts():
    flat = re.search(r"`synth (cim-tile [^`]*)` \| SG13G2 \| ([\d,]+) ", (PAGE.parent / "processes.md").read_text())
    assert flat
    assert flat[1] == (
        "cim-tile --rows 8 --columns 8 --weight-bits 4 --input-bits 4 --weight-bus-bits 32 --activation-bus-bits 32"
    )
    changes = {"macro.input_bits": 4, "input_buffer_vectors": 4, "result_bus_bits": 64}
    config = load_system("nano").with_({f"cim.tile.{name}": value for name, value in changes.items()}).accelerator
    without_macros = replace_macros({}).model_copy(update={"bit_area_um2": MODEL.bit_area_um2})
    tile = sum(
        part.count * part_area(part, without_macros).cells_um2 for part in parts(config) if part.name.startswith("cim_")
    )
    assert 1 < tile / float(flat[2].replace(",", "")) < 1.06


@pytest.mark.slow
def test_parts_are_modules_of_the_rtl_as_often_as_the_model_says():
    config = load_system("nano").with_(**{"cim.tiles": 2, "cim.tile.grid_rows": 2}).accelerator
    known = parts(config)
    verilog = convert(COMPONENTS["accelerator"](config), "accelerator")
    modules = re.findall(r"(?m)^module (\w+)", verilog)
    names = {
        module: part.name
        for module in modules
        for part in known
        if module == part.name or module.endswith(f"__{part.name}")
    }
    found = {names[each.module]: each.count for each in parts_of(verilog, "accelerator", names)}
    assert found == {part.name: part.count for part in known}


@pytest.fixture(scope="module")
def library():
    process = PROCESSES[PROCESS]
    if not process.complete:
        pytest.skip(f"the liberty files of {PROCESS} are not here: shared/pdk beside the checkout")
    return read_library((*process.files, *process.macros))


def test_macros_are_those_of_the_liberty_files(library):
    assert list(MODEL.macros) == [macro.name for macro in library.usable_macros]
    for macro in library.usable_macros:
        kept = MODEL.macros[macro.name]
        assert (kept.words, kept.width, kept.mask) == (macro.words, macro.width, macro.mask)
        assert kept.area_um2 == pytest.approx(macro.area_um2, rel=1e-4)
    assert pytest.approx(library.bit_area, rel=1e-4) == MODEL.bit_area_um2


def test_a_macro_that_was_not_fitted_takes_what_the_model_says(library):
    config = load_system("nano").with_(**{"cim.tile.macro.rows": 4, "cim.tile.macro.columns": 16}).accelerator
    verilog, yosys = convert(Macro(config=config.cim.tile.macro), "cim_macro"), find_synthesis_tools().yosys
    known = {part.name: part for part in parts(config)}
    modules = {"cim_macro": "cim_macro", "cim_macro__cim_word_line": "cim_word_line"}
    for found in parts_of(verilog, "cim_macro", modules):
        cost = part_cost(found, yosys, library, clock_gates=False, remember=remember("synth"))
        said = part_area(known[modules[found.module]], MODEL)
        assert said.cells_um2 == pytest.approx(cost.cells_um2, rel=0.1), found.module
        assert said.flip_flops == pytest.approx(sum(cost.flip_flops(library).values()), rel=0.1)
        assert said.leakage_uw == pytest.approx(cost.cells_leakage_uw(library), rel=0.1)
        # The check can fail: a column more or less is outside of it.
        assert said.cells_um2 != pytest.approx(cost.cells_um2 * 17 / 15, rel=0.1)
