"""Suites of CIM tile and array: a configuration in the harness, and the products that run on it."""

from dataclasses import dataclass, replace

from tilewright.cocotb_tests.cim.cases import Case
from tilewright.cocotb_tests.cim.cb_cim import BENCH
from tilewright.cocotb_tests.cim.harness import TOP, harness_verilog
from tilewright.cocotb_tests.cim.subject import subject
from tilewright.cocotb_tests.harness.suite import HarnessSuite
from tilewright.sim.config import CIMArrayConfig, TileConfig


def tile_fields(
    rows: int, columns: int, weights: int | str, input_bits: int, input_bits_per_cycle: int,
    *, banks: int = 2, levels: int = 5, **tile: int | str,
) -> dict:  # fmt: skip
    """Return the fields of a tile's configuration; ``weights``: bits of integers, or fp4."""
    macro = {
        "rows": rows,
        "columns": columns,
        "weight_bits": 4 if weights == "fp4" else weights,
        "weight_format": "fp4_e2m1" if weights == "fp4" else "int",
        "input_bits": input_bits,
        "input_bits_per_cycle": input_bits_per_cycle,
        "weight_banks": banks,
        "tree_levels_per_stage": levels,
    }
    return {"macro": macro, **tile}


@dataclass(frozen=True)
class CimSuite(HarnessSuite):
    """A tile or an array, and the products that run on it."""

    config: TileConfig | CIMArrayConfig
    products: tuple[Case, ...]
    optimisation = "-O0"
    top = TOP
    coroutines = BENCH

    @property
    def circuit(self) -> str:  # type: ignore[override]
        return subject(self.config).name

    @property
    def tile(self) -> TileConfig:
        """The tile, or one of the tiles."""
        return subject(self.config).tile

    @property
    def name(self) -> str:
        """Shape in short: tiles, macro, grid, weights, inputs/bits of them a cycle, scales/rows of a group."""
        tile = self.tile
        macro = tile.macro
        tiles = f"{self.config.tiles} x " if isinstance(self.config, CIMArrayConfig) else ""
        weights = "fp4" if macro.weight_format == "fp4_e2m1" else f"w{macro.weight_bits}"
        scales = f" {tile.group_scale}/{tile.group_rows}" if tile.group_rows else ""
        narrow = "" if tile.narrow_weights == "none" else f"+{tile.narrow_weights.removesuffix('_e2m1')}"
        return (
            f"{tiles}{macro.rows}x{macro.columns} {tile.grid_rows}x{tile.grid_columns} "
            f"{weights}{narrow} i{macro.input_bits}/{macro.input_bits_per_cycle}{scales}"
        )

    @property
    def effort(self) -> float:
        return self.config.rows * self.config.columns

    def verilog(self) -> str:
        return harness_verilog(subject(self.config))

    def cases(self) -> tuple[Case, ...]:
        return self.products

    def seeded(self, seed: int) -> "CimSuite":
        return replace(self, products=tuple(replace(case, seed=seed) for case in self.products))
