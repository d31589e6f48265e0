"""Co-simulation of the CIM tile: which shapes and which cases, and how they are run."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.cb_cim_tile import BENCH, Case, Timing
from tilewright.cocotb_tests.tile_harness import TOP, harness_verilog
from tilewright.sim.config import MacroConfig, TileConfig

F = Fraction


@dataclass(frozen=True)
class Design:
    """One tile and the cases to run on it."""

    config: TileConfig
    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        """Shape in short: rows x columns of the macro, grid, bits of weights and inputs, bits a cycle."""
        macro, tile = self.config.macro, self.config
        return (
            f"{macro.rows}x{macro.columns} {tile.grid_rows}x{tile.grid_columns} "
            f"w{macro.weight_bits} i{macro.input_bits}/{macro.input_bits_per_cycle}"
        )


def _design(
    rows: int, columns: int, weight_bits: int, input_bits: int, input_bits_per_cycle: int,
    *cases: Case, banks: int = 2, **tile: int,
) -> Design:  # fmt: skip
    macro = MacroConfig(
        rows=rows,
        columns=columns,
        weight_bits=weight_bits,  # type: ignore[arg-type]
        input_bits=input_bits,  # type: ignore[arg-type]
        input_bits_per_cycle=input_bits_per_cycle,  # type: ignore[arg-type]
        weight_banks=banks,
    )
    config = TileConfig(macro=macro, **tile)
    return Design(config, (*_common_cases(config), *cases))


def _common_cases(config: TileConfig) -> tuple[Case, ...]:
    """Return cases that suit every shape: ragged sizes, slow and far memories, many vectors."""
    k, n = config.rows, config.columns
    return (
        Case(name="one block", m=1, k=k, n=n),
        Case(name="ragged", m=3, k=2 * k + k // 2 + 1, n=n + n // 2 + 1),
        Case(
            name="far memory", m=2, k=3 * k - 1, n=2 * n,
            timing=Timing(weight_latency=100, activation_latency=30),
        ),
        Case(
            name="slow memory", m=5, k=2 * k, n=2 * n + 3,
            timing=Timing(weight_latency=20, weight_rate=F(3, 7), activation_latency=5, activation_rate=F(1, 2)),
        ),
        Case(
            name="many vectors", m=3 * config.accumulator_vectors + 1, k=2 * k - 3, n=n - 1,
            timing=Timing(weight_latency=7, activation_latency=3, activation_rate=F(5, 6)),
        ),
        # Activations come late, so that both banks wait and blocks are computed back to back.
        Case(name="late activations", m=1, k=6 * k, n=n, timing=Timing(activation_latency=200)),
    )  # fmt: skip


# The keys and values of Llama-3.2-1B: hidden size 2048, eight heads of 64.
PROJECTION = {"m": 1, "k": 2048, "n": 512}

DESIGNS = (
    _design(16, 16, 4, 8, 1),
    _design(16, 16, 4, 4, 4, result_bus_bits=512),
    _design(16, 16, 8, 8, 2, weight_bus_bits=128, activation_bus_bits=128),
    _design(16, 16, 4, 4, 1, grid_rows=2, accumulator_bits=16, result_bus_bits=16),
    _design(16, 16, 8, 4, 2, grid_columns=2, input_buffer_vectors=2, result_buffer_vectors=1),
    _design(16, 16, 4, 8, 4, grid_rows=2, grid_columns=2, command_queue_depth=1),
    _design(16, 32, 8, 8, 4, weight_bus_bits=256, result_bus_bits=256),
    _design(32, 16, 4, 8, 2, accumulator_vectors=5, input_buffer_vectors=9),
    _design(16, 16, 8, 4, 4, banks=3, command_queue_depth=2),
    _design(32, 32, 4, 8, 1, grid_rows=2, weight_bus_bits=128),
    _design(32, 32, 8, 8, 1, activation_bus_bits=8, accumulator_bits=48, result_bus_bits=96),
    _design(24, 16, 4, 8, 1, grid_rows=3, weight_bus_bits=32),
    _design(64, 32, 4, 4, 2, activation_bus_bits=256),
    _design(
        64, 64, 4, 8, 1,
        Case(name="2048x512 projection", **PROJECTION, timing=Timing(weight_latency=60)),
        Case(
            name="2048x512 projection, 2/5 bandwidth", **PROJECTION,
            timing=Timing(weight_latency=150, weight_rate=F(2, 5), activation_latency=4),
        ),
    ),
)  # fmt: skip
"""The designs of the table."""


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
    config: TileConfig,
    testcase: str,
    *,
    cases: tuple[Case, ...] = (),
    seed: int = 1,
    programs: int = 0,
    verilog_edit: Callable[[str], str] | None = None,
) -> list[dict]:
    """Build a tile and run one cocotb test of its bench; return the rows that it wrote, if any."""
    verilog = harness_verilog(config)
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
