"""Co-simulation of the CIM array: its configurations and cases."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from tilewright.cocotb_tests.cim.cases import Case, Timing
from tilewright.cocotb_tests.cim.suite import CimSuite, tile_fields
from tilewright.sim.config import CIMArrayConfig
from tilewright.sim.machine.cim.array import block_limits

F = Fraction


def _suite(
    tiles: int, rows: int, columns: int, weights: int | str, input_bits: int, input_bits_per_cycle: int,
    *cases: Case, common: bool = True, **fields: Any,
) -> CimSuite:  # fmt: skip
    tile = tile_fields(rows, columns, weights, input_bits, input_bits_per_cycle, **fields)
    config = CIMArrayConfig.model_validate({"tiles": tiles, "tile": tile})
    own = _common_cases(config) if common else ()
    # Products with narrow weights and others after each other.
    narrow = len(config.tile.weight_formats) > 1
    own = tuple(replace(case, narrow=narrow and index % 3 > 0) for index, case in enumerate(own))
    return CimSuite(config, (*own, *cases))


def _common_cases(config: CIMArrayConfig) -> tuple[Case, ...]:
    """Return cases in both modes that suit every shape: ragged sizes, slow and far memories, many vectors."""
    cases = []
    for reduce in (False, True):
        mode = "reduce" if reduce else "broadcast"
        k, n = block_limits(config, reduce)
        slots = config.tile.accumulator_vectors
        cases += [
            Case(name=f"{mode}, one block", reduce=reduce, m=1, k=k, n=n),
            Case(name=f"{mode}, ragged", reduce=reduce, m=3, k=2 * k + k // 2 + 1, n=n + n // 2 + 1),
            Case(
                name=f"{mode}, far memory", reduce=reduce, m=2, k=3 * k - 1, n=2 * n,
                timing=Timing(weight_latency=100, activation_latency=30),
            ),
            Case(
                name=f"{mode}, slow memory", reduce=reduce, m=5, k=2 * k, n=n + 3,
                timing=Timing(weight_latency=20, weight_rate=F(3, 7), activation_latency=5, activation_rate=F(1, 2)),
            ),
            Case(
                name=f"{mode}, many vectors", reduce=reduce, m=2 * slots + 1, k=2 * k - 3, n=n - 1,
                timing=Timing(weight_latency=7, activation_latency=3, activation_rate=F(5, 6)),
            ),
            Case(name=f"{mode}, late activations", reduce=reduce, m=1, k=4 * k, n=n,
                 timing=Timing(activation_latency=200)),
        ]  # fmt: skip
    return tuple(cases)


ON_CHIP = tuple(
    Case(name=f"{size}x{size}x{size}, {'reduce' if reduce else 'broadcast'}, data on chip",
         reduce=reduce, m=size, k=size, n=size)
    for size in (64, 256)
    for reduce in (False, True)
)  # fmt: skip
"""Square products whose memories answer in a cycle, which show how much of the array is in use."""

SUITES = (
    _suite(2, 16, 16, 4, 8, 1),
    _suite(3, 16, 16, 8, 4, 2, grid_columns=2, input_buffer_vectors=2, result_buffer_vectors=1),
    _suite(4, 16, 16, 4, 4, 4, result_bus_bits=512, command_queue_depth=1),
    _suite(8, 8, 8, 8, 8, 2, accumulator_vectors=5, activation_bus_bits=32, weight_bus_bits=16),
    _suite(2, 16, 16, "fp4", 8, 2, grid_rows=2, group_scale="e8m0", group_rows=32, max_shift=7),
    _suite(3, 16, 16, 4, 8, 4, grid_rows=4, group_scale="uint8", group_rows=32, banks=3, weight_bus_bits=32),
    _suite(5, 16, 16, 4, 4, 4, levels=1, group_scale="uint8", group_rows=64, result_bus_bits=512),
    _suite(1, 16, 16, "fp4", 4, 1),
    _suite(2, 16, 24, 8, 8, 2, narrow_weights="int4"),
    _suite(2, 16, 8, 8, 4, 4, grid_rows=2, group_scale="uint8", group_rows=32, narrow_weights="fp4_e2m1",
           weight_bus_bits=32),
    _suite(
        4, 16, 16, 8, 8, 2, *ON_CHIP,
        common=False, weight_bus_bits=128, activation_bus_bits=128, result_bus_bits=512, accumulator_vectors=256,
        result_buffer_vectors=8,
    ),
)  # fmt: skip
"""The suites of the table."""
