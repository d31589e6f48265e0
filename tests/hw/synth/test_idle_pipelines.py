"""Pipelines stand still while nothing is in them: all their registers have an enable, of which synthesis makes a clock
gate."""

from pathlib import Path

import pytest

from tests.hw.synth.small_library import SmallLibrary
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.cim.core import TileCore
from tilewright.hw.definition import Definition
from tilewright.hw.synth.library import Library, read_library
from tilewright.hw.synth.parts import PartClock, part_clock, parts
from tilewright.hw.vector.unit import common_parts
from tilewright.hw.verilog import convert
from tilewright.sim.config import MacroConfig, TileConfig

TILE = TileConfig(
    macro=MacroConfig(rows=16, columns=4, weight_bits=4, input_bits=8, input_bits_per_cycle=2, tree_levels_per_stage=2),
    grid_rows=4, grid_columns=1, weight_bus_bits=16, activation_bus_bits=64, result_bus_bits=32,
)  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    file: Path = tmp_path_factory.mktemp("library") / "small.lib"
    file.write_text(SmallLibrary(cells=("INV", "NAND", "BUF", "DFF", "ICG")).text())
    return read_library([file])


def clocks(library: Library, verilog: str, top: str, *others: str) -> dict[str, PartClock]:
    yosys = find_synthesis_tools().yosys
    return {part.module: part_clock(part, yosys, library) for part in parts(verilog, top, others)}


LANE, *SMALL = common_parts()


@pytest.mark.parametrize(
    "definition", [pytest.param(LANE, marks=pytest.mark.slow), *SMALL], ids=lambda each: each.module
)
def test_lanes_adders_and_multipliers_of_the_vector_unit_stand_still(library, definition: Definition):
    [found] = clocks(library, convert(definition.component, definition.module), definition.module).values()
    assert found.flip_flops > 200
    assert found.gated_flip_flops == found.flip_flops


def test_adder_trees_of_a_tile_stand_still(library):
    macro = "core__cim_macro"
    found = clocks(library, convert(TileCore(config=TILE), "core"), "core", macro)
    # A macro keeps whether a slice is there, first and last in each stage, and whether a result is; a tile, whether sums are.
    assert found[macro].flip_flops - found[macro].gated_flip_flops == 3 * TILE.macro.tree_stages + 1
    assert found["core"].flip_flops - found["core"].gated_flip_flops == TILE.grid_stages
    assert min(each.gated_flip_flops for each in found.values()) > 100
