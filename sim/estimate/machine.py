"""Numbers of many designs that follow from their fields: sizes, rates and latencies, by the names of the configs."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tilewright.sim.config.cim import GROUP_SCALE_LATENCY
from tilewright.sim.isa.widths import COMMAND_BYTES, PAGE_BYTES

from .designs import Designs
from .legality import MACRO, TILE, bit_length, refresh_cycles, up, weights_of

Number = Any
"""A number for each design, float64, or one for all of them."""


def dadda_levels(height: Number) -> Number:
    """Return the number of full-adder levels that reduce so many bits of equal weight to two."""
    levels, reachable = height * 0.0, 2
    while np.any(height > reachable):
        levels = levels + (height > reachable)
        reachable = reachable * 3 // 2
    return levels


@dataclass(frozen=True, eq=False)
class Machine:
    """Derived numbers of designs; each is computed once, and only where it is needed."""

    designs: Designs
    shared: dict[Any, Any] = field(default_factory=dict)
    """Results that several closed forms need, by their names."""

    def once(self, key: tuple[Hashable | Number, ...], compute: Callable[[], Any]) -> Any:
        """Return a result that is computed when it is first needed; anew each time if an array is part of the key."""
        try:
            return self.shared[key]
        except TypeError:  # an array is no key
            return compute()
        except KeyError:
            found = self.shared[key] = compute()
            return found

    def __getattr__(self, name: str) -> Number:
        """Return the values of a field by its name in :data:`FIELDS`."""
        if name not in FIELDS:
            raise AttributeError(name)
        return self.designs.number(FIELDS[name])

    # Array.

    @cached_property
    def rows(self) -> Number:
        """Number of rows of a tile."""
        return self.grid_rows * self.macro_rows

    @cached_property
    def columns(self) -> Number:
        """Number of columns of a tile."""
        return self.grid_columns * self.macro_columns

    @cached_property
    def slices(self) -> Number:
        """Number of cycles for which a vector occupies the macros."""
        return self.input_bits / self.input_bits_per_cycle

    @cached_property
    def results_per_beat(self) -> Number:
        """Number of results in a beat of the result stream."""
        return self.result_bus_bits / 32

    @cached_property
    def reduce_stages(self) -> Number:
        """Number of pipeline registers of the adder tree over the tiles."""
        return bit_length(self.tiles - 1)

    @cached_property
    def macro_latency(self) -> Number:
        """Cycles from the last slice of a vector to its dot products."""
        levels = dadda_levels(self.macro_rows) + dadda_levels(2 * self.input_bits_per_cycle + 1)
        return up(levels, self.tree_levels_per_stage) + 1

    @cached_property
    def groups(self) -> Number:
        """Number of row groups of a tile with a scale of their own; 1 if there are no scales."""
        if not self.grouped:
            return 1.0
        return np.where(self.group_rows > 0, up(self.rows, np.maximum(self.group_rows, 1)), 1.0)

    @cached_property
    def group_stages(self) -> Number:
        """Number of pipeline registers of the adder trees over the rows of a group."""
        return bit_length(np.floor(self.grid_rows / self.groups) - 1)

    @cached_property
    def sum_latency(self) -> Number:
        """Cycles from the start of a vector's last slice to its sums at the accumulators."""
        plain = bit_length(self.grid_rows - 1)
        if not self.grouped:
            return 2 + self.macro_latency + plain + self.reduce_stages
        scaled = self.group_stages + GROUP_SCALE_LATENCY + bit_length(self.groups - 1)
        grid = np.where(self.group_rows > 0, scaled, plain)
        return 2 + self.macro_latency + grid + self.reduce_stages

    @cached_property
    def release_latency(self) -> Number:
        """Cycles from the last slice of a bank to the first cycle in which the bank may be loaded again."""
        if not self.grouped:
            return 0.0
        return np.where(self.group_rows > 0, self.macro_latency + self.group_stages - 1, 0.0)

    @cached_property
    def weight_bits(self) -> Number:
        """Width of a weight in memory."""
        return weights_of(self.designs, "bits")

    @cached_property
    def weight_bytes_on_chip(self) -> Number:
        """Bytes of an element of the cache as the vector unit leaves it."""
        return weights_of(self.designs, "scratchpad_bytes")

    @cached_property
    def two_passes(self) -> Number:
        """1 where numbers of the cache are made in two passes, as E2M1 is."""
        return np.equal(self.weight_bytes_on_chip, 4) * 1.0

    @cached_property
    def weights_per_beat(self) -> Number:
        """Number of weights in a beat."""
        return self.bus_bits / self.weight_bits

    def row_beats(self, columns: Number) -> Number:
        """Return the beats of a row of so many weights."""
        return up(columns, self.weights_per_beat)

    @cached_property
    def tile_row_beats(self) -> Number:
        """Beats of a row of weights of a tile."""
        return self.row_beats(self.columns)

    @cached_property
    def all_rows(self) -> Number:
        """Number of rows of all tiles, below one another."""
        return self.tiles * self.rows

    @cached_property
    def all_columns(self) -> Number:
        """Number of columns of all tiles, side by side."""
        return self.tiles * self.columns

    @cached_property
    def grouped(self) -> bool:
        """Whether a design has scales of groups."""
        return bool(np.any(self.group_rows))

    def scale_beats(self, columns: Number) -> Number:
        """Return the beats of the scales of a group of so many columns."""
        if not self.grouped:
            return 0.0
        return np.where(self.group_rows > 0, up(8 * columns, self.bus_bits), 0.0)

    def block_groups(self, rows: Number) -> Number:
        """Return the number of groups of rows that are stored, tile by tile, with scales; 0 if there are none."""
        if not self.grouped:
            return 0.0
        size = np.maximum(self.group_rows, 1)
        full = np.floor(rows / self.rows)
        number = full * up(self.rows, size) + up(rows - full * self.rows, size)
        return np.where(self.group_rows > 0, number, 0.0)

    # Memory and scratchpad.

    @cached_property
    def bus_bytes(self) -> Number:
        """Bytes of a beat."""
        return self.bus_bits / 8

    @cached_property
    def command_beats(self) -> Number:
        """Beats that are read for a command."""
        return up(COMMAND_BYTES, self.bus_bytes)

    @cached_property
    def word_bytes(self) -> Number:
        """Bytes of a word of the scratchpad."""
        return 4 * self.lanes

    @cached_property
    def bank_bytes(self) -> Number:
        """Size of a bank."""
        return np.ldexp(self.lanes, np.asarray(self.address_bits, np.int64))

    @cached_property
    def burst_beats(self) -> Number:
        """Beats of the longest burst."""
        return np.minimum(self.max_burst, PAGE_BYTES / self.bus_bytes)

    @cached_property
    def latency(self) -> Number:
        """Latency of memory in cycles."""
        return -np.floor_divide(-self.latency_ns * self.clock_mhz, 1000)

    @cached_property
    def refresh(self) -> tuple[Number, Number]:
        """Cycles from a refresh of memory to the next, and cycles that one takes."""
        return refresh_cycles(self.designs)

    @cached_property
    def share(self) -> Number:
        """Share of the time in which memory is not refreshed."""
        period, pause = self.refresh
        return (period - pause) / period

    @cached_property
    def peak_rate(self) -> Number:
        """Beats that memory delivers in a cycle between refreshes."""
        return self.bandwidth / self.clock_mhz / self.bus_bytes

    @cached_property
    def word_beats(self) -> Number:
        """Beats of a word of the scratchpad."""
        return self.word_bytes / self.bus_bytes

    def beats(self, elements: Number, size: Number) -> Number:
        """Return the beats of a row of whole words."""
        return self.once(("beats", elements, size), lambda: up(elements * size, self.word_bytes) * self.word_beats)

    def result_columns(self, columns: Number) -> Number:
        """Return the columns of a product that computes so many: whole beats of results."""
        beat = self.results_per_beat
        return self.once(("result columns", columns), lambda: up(columns, beat) * beat)


FIELDS = {
    "clock_mhz": "clock_mhz",
    "bandwidth": "memory.bandwidth_mb_per_s",
    "latency_ns": "memory.latency_ns",
    "tiles": "cim.tiles",
    "macro_rows": f"{MACRO}.rows",
    "macro_columns": f"{MACRO}.columns",
    "input_bits": f"{MACRO}.input_bits",
    "input_bits_per_cycle": f"{MACRO}.input_bits_per_cycle",
    "weight_banks": f"{MACRO}.weight_banks",
    "tree_levels_per_stage": f"{MACRO}.tree_levels_per_stage",
    "grid_rows": f"{TILE}.grid_rows",
    "grid_columns": f"{TILE}.grid_columns",
    "activation_bus_bits": f"{TILE}.activation_bus_bits",
    "result_bus_bits": f"{TILE}.result_bus_bits",
    "input_buffer_vectors": f"{TILE}.input_buffer_vectors",
    "accumulator_vectors": f"{TILE}.accumulator_vectors",
    "accumulator_bits": f"{TILE}.accumulator_bits",
    "result_buffer_vectors": f"{TILE}.result_buffer_vectors",
    "command_queue_depth": f"{TILE}.command_queue_depth",
    "group_rows": f"{TILE}.group_rows",
    "lanes": "vector.lanes",
    "scalars": "vector.scalars",
    "address_bits": "vector.address_bits",
    "banks": "fabric.banks",
    "memory_address_bits": "fabric.address_bits",
    "bus_bits": "fabric.bus_bits",
    "outstanding": "fabric.outstanding",
    "max_burst": "fabric.max_burst",
    "weight_buffer_beats": "fabric.weight_buffer_beats",
    "queue_depth": "fabric.queue_depth",
    "fetch_depth": "fabric.fetch_depth",
}
"""Fields of systems by the names of their values in a :class:`Machine`."""
