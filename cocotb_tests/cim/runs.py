"""Running the benches of CIM tile and array: build a design, run its cases or one test of the bench."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.cim.cases import Case
from tilewright.cocotb_tests.cim.cb_cim import BENCH
from tilewright.cocotb_tests.cim.harness import TOP, harness_verilog
from tilewright.cocotb_tests.cim.subject import subject
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
class Design:
    """One tile or array and the cases to run on it."""

    config: TileConfig | CIMArrayConfig
    cases: tuple[Case, ...]

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
        return (
            f"{tiles}{macro.rows}x{macro.columns} {tile.grid_rows}x{tile.grid_columns} "
            f"{weights} i{macro.input_bits}/{macro.input_bits_per_cycle}{scales}"
        )


def run_table(design: Design, *, verilog_edit: Callable[[str], str] | None = None) -> list[dict]:
    """Build one design and run its cases; return a row for each.

    ``verilog_edit`` plants a fault in the Verilog before it is built.

    Raises
    ------
    BenchError
        If a run does not end, or a stream breaks its contract.
    """
    rows = run_bench(design.config, "table", cases=design.cases, verilog_edit=verilog_edit)
    for row in rows:
        row["name"] = f"{design.name}: {row['name']}"
    return rows


def run_bench(
    config: TileConfig | CIMArrayConfig,
    testcase: str,
    *,
    cases: tuple[Case, ...] = (),
    seed: int = 1,
    programs: int = 0,
    verilog_edit: Callable[[str], str] | None = None,
) -> list[dict]:
    """Build a tile or array and run one cocotb test of its bench; return the rows that it wrote, if any."""
    verilog = harness_verilog(subject(config))
    if verilog_edit:
        verilog = verilog_edit(verilog)
    model = runner.build(verilog, TOP)
    with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
        folder = Path(name)
        job, rows = folder / "job.json", folder / "rows.json"
        job.write_text(
            json.dumps(
                {
                    "config": config.model_dump(),
                    "cases": [asdict(case) for case in cases],
                    "seed": seed,
                    "programs": programs,
                    "rows": str(rows),
                },
                default=str,
            )
        )
        runner.run(model, TOP, BENCH, folder=folder, env={"TILEWRIGHT_JOB": str(job)}, testcase=testcase)
        return json.loads(rows.read_text()) if rows.exists() else []


def cosim(designs: tuple[Design, ...], jobs: int) -> Iterator[tuple[Design, list[dict]]]:
    """Run designs, ``jobs`` at a time; yield each with its rows as it ends."""
    # The largest take longest: first.
    yield from runner.side_by_side(
        run_table, sorted(designs, key=lambda design: -design.config.rows * design.config.columns), jobs
    )
