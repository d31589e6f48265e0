"""Co-simulation of the CIM tile: its shapes and cases, and how they are run."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from tilewright.cocotb_tests.cim.cases import Case, Timing
from tilewright.cocotb_tests.cim.suite import CimSuite, tile_fields
from tilewright.sim.config import TileConfig

F = Fraction


def _suite(
    rows: int, columns: int, weights: int | str, input_bits: int, input_bits_per_cycle: int,
    *cases: Case, **fields: Any,
) -> CimSuite:  # fmt: skip
    config = TileConfig.model_validate(
        tile_fields(rows, columns, weights, input_bits, input_bits_per_cycle, **fields)
    )  # fmt: skip
    return CimSuite(config, (*_common_cases(config), *cases))


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
PROJECTION = Case(name="2048x512 projection", m=1, k=2048, n=512)

SUITES = (
    _suite(16, 16, 4, 8, 1),
    _suite(16, 16, 4, 4, 4, result_bus_bits=512),
    _suite(16, 16, 8, 8, 2, weight_bus_bits=128, activation_bus_bits=128),
    _suite(16, 16, 4, 4, 1, grid_rows=2, accumulator_bits=16, result_bus_bits=16),
    _suite(16, 16, 8, 4, 2, grid_columns=2, input_buffer_vectors=2, result_buffer_vectors=1),
    _suite(16, 16, 4, 8, 4, grid_rows=2, grid_columns=2, command_queue_depth=1),
    _suite(16, 32, 8, 8, 4, weight_bus_bits=256, result_bus_bits=256),
    _suite(32, 16, 4, 8, 2, accumulator_vectors=5, input_buffer_vectors=9),
    _suite(16, 16, 8, 4, 4, banks=3, command_queue_depth=2),
    _suite(32, 32, 4, 8, 1, grid_rows=2, weight_bus_bits=128),
    _suite(32, 32, 8, 8, 1, activation_bus_bits=8, accumulator_bits=48, result_bus_bits=96),
    _suite(24, 16, 4, 8, 1, grid_rows=3, weight_bus_bits=32),
    _suite(64, 32, 4, 4, 2, activation_bus_bits=256),
    _suite(16, 16, "fp4", 4, 2, grid_columns=2),
    _suite(16, 16, "fp4", 8, 1, grid_rows=4, group_scale="e8m0", group_rows=32, max_shift=7),
    _suite(16, 16, 4, 8, 2, grid_rows=4, group_scale="uint8", group_rows=32, banks=3, weight_bus_bits=32),
    _suite(32, 16, 8, 4, 4, grid_columns=2, group_scale="uint8", group_rows=128),
    _suite(
        32, 16, "fp4", 8, 4, grid_rows=6, group_scale="e8m0", group_rows=64, accumulator_bits=48, result_bus_bits=96,
    ),
    # Scales are used long after the last slice, and a further block could be there after few cycles.
    _suite(16, 16, 4, 4, 4, grid_rows=2, levels=1, group_scale="uint8", group_rows=32, result_bus_bits=512),
    _suite(
        64, 64, 4, 8, 1,
        replace(PROJECTION, timing=Timing(weight_latency=60)),
        replace(
            PROJECTION, name="2048x512 projection, 2/5 bandwidth",
            timing=Timing(weight_latency=150, weight_rate=F(2, 5), activation_latency=4),
        ),
    ),
)  # fmt: skip
"""The suites of the table."""
