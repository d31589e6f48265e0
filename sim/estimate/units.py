"""Cycles of the units of many machines: passes of the vector unit, products, loads and stores."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tilewright.sim.config import vector
from tilewright.sim.config.fp32 import ADD, MULTIPLY
from tilewright.sim.isa.depths import INTERVAL, START
from tilewright.sim.machine.accelerator.product import BUFFER_LATENCY, REQUEST_LATENCY
from tilewright.sim.machine.accelerator.program_run import CHECK_CYCLES
from tilewright.sim.machine.cim.tile import DISPATCH_LATENCY, FREE_LATENCY, LOADED_LATENCY, SENDER_LATENCY

from .cache_loads import reduces
from .legality import bit_length, up
from .machine import Machine, Number
from .traffic import weight_beats

VALUE_LATENCY = vector.READ + vector.CONVERT + ADD + MULTIPLY + vector.FUNCTION + MULTIPLY + ADD + vector.MASK
"""Cycles from the address of A to y."""
PLAIN_TAIL = VALUE_LATENCY + vector.ENCODE
LINEAR = MULTIPLY + ADD
FIRST_BEAT = 1 + DISPATCH_LATENCY + REQUEST_LATENCY
"""Cycles from the begin of a product to the first beat of weights that it takes."""
REQUEST = 3
"""Cycles from the begin of a load to the slot of its first beat."""


@dataclass(frozen=True, eq=False)
class Units:
    """Units of machines."""

    machine: Machine

    # Vector unit.

    @cached_property
    def _levels(self) -> Number:
        return bit_length(self.machine.lanes) - 1

    @cached_property
    def _maximum_tail(self) -> Number:
        return START + VALUE_LATENCY + self._levels + 2 + LINEAR

    @cached_property
    def _sum_tail(self) -> Number:
        return START + VALUE_LATENCY + ADD * (self._levels + 1) + 3 * ADD - 1 + LINEAR

    def _steps(self, rows: Number, columns: Number, least: int) -> Number:
        """Return the cycles in which the steps of all rows begin."""
        return self.machine.once(
            ("steps", rows, columns, least), lambda: rows * np.maximum(up(columns, self.machine.lanes), least)
        )

    def plain(self, rows: Number, columns: Number) -> Number:
        """Return the cycles of a pass that reduces nothing."""
        return self._steps(rows, columns, 1) + (START + PLAIN_TAIL)

    def maximum(self, rows: Number, columns: Number, *, inverse: bool = False) -> Number:
        """Return the cycles of a pass that finds the maximum, or the largest magnitude, of each row."""
        return self._steps(rows, columns, INTERVAL) + self._maximum_tail + (vector.INVERSE if inverse else 0)

    def sum(self, rows: Number, columns: Number, *, inverse: bool = False) -> Number:
        """Return the cycles of a pass that adds each row up."""
        return self._steps(rows, columns, INTERVAL) + self._sum_tail + (vector.INVERSE if inverse else 0)

    def quantised(self, rows: Number, columns: Number) -> Number:
        """Return the cycles of the passes that measure rows and make them numbers of the array."""
        return self.machine.once(
            ("quantised", rows, columns),
            lambda: self.maximum(rows, columns, inverse=True) + self.plain(rows, columns),
        )

    # Main memory.

    @cached_property
    def round_trip(self) -> Number:
        """Cycles from the request of a burst to the request that takes its place in flight."""
        machine = self.machine
        slot = 1 / machine.peak_rate
        # Beats come a slot apart; the first waits for its slot.
        return machine.latency + (machine.burst_beats - 1) * slot + REQUEST + (slot - 1) / 4

    @cached_property
    def in_flight(self) -> Number:
        """Beats that the bursts in flight allow in a cycle."""
        return self.machine.outstanding * self.machine.burst_beats / self.round_trip

    @cached_property
    def buffered(self) -> Number:
        """Beats of weights for which the weight buffer has room in a cycle: all that are in flight."""
        return self.machine.weight_buffer_beats / (self.round_trip + BUFFER_LATENCY)

    def share(self, round_trip: Number, burst: Number) -> Number:
        """Return the share of the time that refreshes leave to loads with bursts of so many beats in flight.

        After a refresh all bursts in flight are served one after the other, and from then on once in a round trip: a
        refresh costs nothing of the time for which memory waits for requests when it begins.
        """
        machine = self.machine
        period, pause = machine.refresh
        busy = machine.outstanding * burst / machine.peak_rate
        trip = np.maximum(round_trip, busy)
        open_cycles = period - pause
        trips = np.floor(open_cycles / trip)
        served = trips + np.minimum((open_cycles - trips * trip) / busy, 1.0)
        return np.where(pause > 0, served * trip / period, 1.0)

    @cached_property
    def rate(self) -> Number:
        """Beats that loads deliver in a cycle: at memory's rate, or as many as bursts in flight allow."""
        share = self.share(self.round_trip, self.machine.burst_beats)
        return np.minimum(self.machine.peak_rate, self.in_flight) * share

    @cached_property
    def weight_rate(self) -> Number:
        """Beats of weights that loads deliver in a cycle."""
        return np.minimum(self.rate, self.buffered)

    @cached_property
    def refill(self) -> Number:
        """Cycles from the begin of a product to the arrival of a beat for which its first one has made room."""
        return self.machine.latency + (FIRST_BEAT + REQUEST)

    @cached_property
    def load_cycles(self) -> Number:
        """Cycles between beats of a load."""
        return 1 / self.rate

    @cached_property
    def weight_cycles(self) -> Number:
        """Cycles between beats of a load of weights."""
        return 1 / self.weight_rate

    @cached_property
    def store_cycles(self) -> Number:
        """Cycles between beats of a store."""
        return 1 / (self.machine.peak_rate * self.machine.share)

    def shared(self, beats: Number, commands: Number) -> Number:
        """Return the cycles by which loads of so many beats last longer because fetches of commands take their turns
        among the bursts in flight."""
        machine = self.machine
        fetches = commands * (machine.latency + REQUEST + machine.command_beats / machine.peak_rate)
        alone = beats / self.in_flight - beats / machine.peak_rate
        return np.maximum(alone + fetches / machine.outstanding, 0.0) - np.maximum(alone, 0.0)

    def fetching(self, commands: Number) -> Number:
        """Return the cycles for which commands are fetched at the begin of a loop, ahead of all loads.

        The processor fetches, and hands commands over, until the queue of a unit is full: after about two commands for
        each of its places. Loads come before that only where commands are fetched as fast as they are taken.
        """
        machine = self.machine
        ahead = np.minimum(2 * machine.queue_depth, commands) + machine.fetch_depth
        beats = machine.command_beats
        each = np.maximum(
            (machine.latency + REQUEST + beats / machine.peak_rate) / machine.outstanding, beats / machine.peak_rate
        )
        return np.where(each > CHECK_CYCLES + 1, ahead * each, 0.0)

    # Array.

    @cached_property
    def _after(self) -> Number:
        """Cycles from the last beat of weights to the first result of the last vector."""
        machine = self.machine
        return LOADED_LATENCY + machine.slices + machine.sum_latency + SENDER_LATENCY - 1

    def matrix(self, k: Number, n: Number) -> tuple[Number, Number]:
        """Return the cycles of a product of one vector with constant weights that are all there, and those after the
        last beat of weights."""
        found: tuple[Number, Number] = self.machine.once(("matrix", k, n), lambda: self._matrix(k, n))
        return found

    def _matrix(self, k: Number, n: Number) -> tuple[Number, Number]:
        machine, beats = self.machine, weight_beats(self.machine, k, n)
        reduce = reduces(machine, k, n)
        high = np.where(reduce, machine.all_rows, machine.rows)
        wide = np.where(reduce, machine.columns, machine.all_columns)
        sides = up(n, wide)
        blocks = up(k, high) * sides
        interval = np.maximum(machine.slices, np.minimum(k, high) * machine.input_bits / machine.activation_bus_bits)
        of_bank = (beats + blocks * (interval + self._between)) / machine.weight_banks
        last = up(n - (sides - 1) * wide, machine.results_per_beat)
        tail = self._after + last
        return FIRST_BEAT + np.maximum(np.maximum(beats, of_bank), blocks * interval) + tail, tail

    @cached_property
    def _between(self) -> Number:
        """Cycles in which a bank neither loads nor computes, between two blocks."""
        return LOADED_LATENCY + REQUEST_LATENCY + 2 * FREE_LATENCY + self.machine.release_latency

    def product(self, vectors: Number, k: Number, n: Number, beats: Number, reduce: Number) -> tuple[Number, Number]:
        """Return the same as :meth:`matrix` of a product of several vectors, whose weights have so many beats."""
        machine = self.machine
        high = np.where(reduce, machine.all_rows, machine.rows)
        wide = np.where(reduce, machine.columns, machine.all_columns)
        tops, sides = up(k, high), up(n, wide)
        blocks = tops * sides
        interval = np.maximum(machine.slices, np.minimum(k, high) * machine.input_bits / machine.activation_bus_bits)
        results = up(np.minimum(n, wide), machine.results_per_beat)
        last = up(n - (sides - 1) * wide, machine.results_per_beat)
        tail = self._after + (vectors - 1) * np.maximum(interval, last) + last
        block = beats / blocks
        of_bank = (beats + blocks * (vectors * interval + self._between)) / machine.weight_banks
        computing = block + (blocks - 1) * vectors * interval
        sending = tops * block + (sides - 1) * vectors * results
        busy = np.maximum(np.maximum(beats, of_bank), np.maximum(computing, sending))
        return FIRST_BEAT + busy + tail, tail


def product_mode(machine: Machine, k: Number, n: Number, *, of_cache: bool = False) -> Number:
    """Return where the blocks of a product are as high as all tiles."""
    return reduces(machine, k, n, or_equal=of_cache)
