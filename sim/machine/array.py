"""Cycle model of a whole accelerator: CIM tiles, vector unit, and the main memory that they share.

Tiles are the exact model of :mod:`.tile`. What joins them is not in RTL yet, and is modelled as it is meant to
be built: one engine moves data to and from main memory in program order; every tile has a port of its own to
the activation memory; the vector unit takes one operator at a time.
"""

from dataclasses import dataclass, field

from tilewright.sim.config import System

from .memory import TimedMemory
from .tile import CommandTimes, TileCommand, TileModel


@dataclass(frozen=True)
class Span:
    """Cycles in which a unit was busy: ``start`` to ``end``, the latter excluded."""

    unit: str
    name: str
    start: int
    end: int


@dataclass
class Counts:
    """Events that cost energy."""

    dram_bytes: int = 0
    macs: int = 0
    """Multiply-accumulates that the array carried out, also those whose result nobody uses."""
    weight_bits: int = 0
    """Bits written into the array."""
    activation_bits: int = 0
    """Bits moved between the activation memory and the tiles."""
    vector_elements: int = 0
    """Elements, times passes, of the vector unit."""


@dataclass
class Machine:
    """Runs commands in program order and says when each is done.

    Commands are given unit by unit in an order in which every command follows those that it waits for; times
    are absolute cycles.
    """

    system: System
    record_spans: bool = True
    counts: Counts = field(default_factory=Counts)
    spans: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        system = self.system
        tile = system.cim.tile
        self._word_bytes = tile.weight_bus_bits // 8
        self._dram = TimedMemory(
            latency=system.memory_latency_cycles,
            rate=system.memory.bytes_per_cycle(system.clock_mhz) / self._word_bytes,
        )
        self._tiles = [
            TileModel(tile, self._dram, TimedMemory(latency=system.activation_memory.latency_cycles))
            for _ in range(system.cim.tiles)
        ]
        self._vector_free = 0
        self.finished = 0
        """Cycle in which everything so far is done."""

    def compute(self, tile: int, command: TileCommand, name: str, after: int) -> CommandTimes:
        """Load a block of weights into a tile and multiply vectors that exist from cycle ``after`` on."""
        fetched = self._dram.next_fetch
        times = self._tiles[tile].step(command, after)
        cfg, counts = self.system.cim.tile, self.counts
        if command.load:
            words = cfg.block_beats(command.rows, command.columns)
            counts.dram_bytes += words * self._word_bytes
            counts.weight_bits += words * cfg.weight_bus_bits
            fetch_start = max(fetched, (times.weights_requested or 0) + 1)
            self._span("DRAM", name, fetch_start, self._dram.next_fetch)
        counts.macs += command.rows * command.columns * command.vectors
        counts.activation_bits += command.vectors * cfg.activation_beats(command.rows) * cfg.activation_bus_bits
        if command.emit:
            counts.activation_bits += command.vectors * command.columns * cfg.accumulator_bits
        self._span(f"tile {tile}", name, times.started, times.finished + 1)
        self._reach(times.finished + 1 if times.sent is None else times.sent + 1)
        return times

    def transfer(self, size: int, name: str, after: int = 0) -> int:
        """Move ``size`` bytes to or from main memory; return the cycle in which they have arrived."""
        words = -(-size // self._word_bytes)
        fetched = self._dram.next_fetch
        request, arrival = self._dram.read(after, words)
        self.counts.dram_bytes += words * self._word_bytes
        self._span("DRAM", name, max(fetched, request + 1), self._dram.next_fetch)
        self._reach(arrival + 1)
        return arrival + 1

    def vector(self, elements: int, passes: int, name: str, after: int) -> int:
        """Run an operator on the vector unit; return the cycle in which its result is there."""
        unit = self.system.vector
        start = max(after, self._vector_free)
        self._vector_free = start + passes * -(-elements // unit.lanes)
        self.counts.vector_elements += passes * elements
        self._span("vector unit", name, start, self._vector_free)
        # Each pass but the last must drain before the next can use its result.
        self._vector_free += (passes - 1) * unit.latency_cycles
        done = self._vector_free + unit.latency_cycles
        self._reach(done)
        return done

    def _reach(self, cycle: int) -> None:
        self.finished = max(self.finished, cycle)

    def _span(self, unit: str, name: str, start: int, end: int) -> None:
        if self.record_spans:
            self.spans.append(Span(unit, name, start, end))
