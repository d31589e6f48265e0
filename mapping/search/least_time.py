"""A lower bound on the cycles of operations in an order, wherever their tensors are placed.

It is the earliest time at which each command can begin and end if only some of the machine's rules hold:

- the processor checks commands one after the other, and each unit has a queue for them;
- a unit runs its commands in order, each for no less than its cycles with all data there;
- a command waits for the earlier commands of other units that write bytes that it reads or writes, or read bytes that
  it writes, of a tensor or of main memory;
- loads come no faster than memory's rate, and than bursts in flight and the weight buffer allow; weights have room when
  the array has taken the weights before them; a product ends after its last weights.

A run on the exact model obeys these rules, and more: ports of banks, bytes that tensors share in turn, fetches,
arbitration. Each rule says that a time is at least a maximum of earlier times plus a constant, so that the times of the
run, which obey all of them, are no less than the earliest ones, which obey some. So no plan of the scratchpad makes the
operations faster than the bound.
"""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache

from tilewright.mapping.compile.allocation import Tensor
from tilewright.mapping.compile.operations import Operations
from tilewright.sim.config import System
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Load, Product, Store, UnitCommand, Vector, Weights
from tilewright.sim.isa.depths import CHECK
from tilewright.sim.isa.footprint import Region, footprint
from tilewright.sim.isa.units import Unit
from tilewright.sim.machine.accelerator.product import ArrayUnitModel, WeightStream, product_beats
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.vector.unit import command_cycles

LONG_AGO, LONG_AHEAD = -(1 << 40), 1 << 40
ROOM = 1 << 40
"""Bytes from a tensor to the next while they have no places."""


def least_run_cycles(system: System, operations: Operations) -> float:
    """Return cycles below which no run of operations in their order ends, from the begin of its first command."""
    return _Earliest(system).end(operations)


def place_apart(operations: Operations) -> None:
    """Give all tensors places so far from each other that commands of different ones never touch."""
    for number, tensor in enumerate(operations.tensors):
        tensor.address = number * ROOM


@dataclass
class _Uses:
    """Regions of a tensor, or of memory, that commands write and read, with their units and their earliest ends."""

    writes: list[tuple[Region, Unit, float]] = field(default_factory=list)
    reads: list[tuple[Region, Unit, float]] = field(default_factory=list)


@dataclass
class _Taking:
    """Weights that a product takes."""

    first: int
    """Number of the first beat, among those of the operations."""
    product: Product
    begin: float


class _Earliest:
    """Earliest times of commands, one after the other."""

    def __init__(self, system: System):
        self.config, timing = system.accelerator, system.memory_timing
        self.latency = timing["latency"]
        pause = timing["refresh_cycles"] + timing["read_to_write"] + timing["write_cycles"] + timing["write_to_read"]
        # In no interval more beats come than at the mean rate and during what it may be ahead of that.
        self.rate = float(timing["rate"] * system.memory_share)
        self.ahead = float(pause + 1 / timing["rate"])
        self.handed = 0.0
        """Earliest cycle in which the processor can hand over the last command."""
        self.begins: dict[Unit, list[float]] = defaultdict(list)
        self.free: dict[Unit, float] = defaultdict(float)
        self.uses: dict[object, _Uses] = defaultdict(_Uses)
        # The stream of loads, by memory's rate, by bursts in flight, and by the weight buffer.
        self.by_rate = self.by_bursts = self.by_buffer = float(LONG_AGO)
        self.weights_there = float(LONG_AGO)
        self.asked = self.claimed = 0
        self.products: list[_Taking] = []
        self.last = 0.0

    def end(self, operations: Operations) -> float:
        """Return the earliest end of all operations."""
        place_apart(operations)
        for operation in operations.operations:
            if operation.unit is Unit.NPE:
                continue
            for command in operation.commands():
                assert isinstance(command, Load | Weights | Store | Product | Vector)
                self._add(command, (*operation.reads, *operation.writes))
        return self.last

    def _add(self, command: UnitCommand, tensors: tuple[Tensor, ...]) -> None:
        unit = command.UNIT
        config, begins = self.config, self.begins[unit]
        self.handed += CHECK
        if len(begins) >= config.queue_depth:
            self.handed = max(self.handed, begins[-config.queue_depth])
        begin = max(self.handed, self.free[unit])
        those = footprint(config, command)
        owners = {tensor.address // ROOM: tensor for tensor in tensors}
        touched = [
            *((owners[region.start // ROOM], region, False) for region in those.scratchpad_reads),
            *((owners[region.start // ROOM], region, True) for region in those.scratchpad_writes),
            *((None, region, False) for region in those.memory_reads),
            *((None, region, True) for region in those.memory_writes),
        ]
        for owner, region, writes in touched:
            uses = self.uses[owner]
            for other, by, end in (*uses.writes, *uses.reads) if writes else uses.writes:
                if by is not unit and end > begin and other.overlaps(region):
                    begin = end
        begins.append(begin)
        end = self._end(command, begin)
        self.free[unit] = max(self.free[unit], begin if isinstance(command, Load | Weights) else end)
        self.last = max(self.last, end)
        for owner, region, writes in touched:
            uses = self.uses[owner]
            # Reads of memory, weights above all, matter to nobody: programs write what they read later.
            if writes:
                uses.writes.append((region, unit, end))
            elif owner is not None:
                uses.reads.append((region, unit, end))

    def _end(self, command: UnitCommand, begin: float) -> float:
        """Return the earliest end of a command."""
        match command:
            case Load() | Weights():
                return self._load(command, begin)
            case Product():
                return self._product(command, begin)
            case Vector():
                return begin + command_cycles(self.config.vector, command.command)
            case Store():
                return begin + command.rows * command.planes * command.count + self.latency
        raise AssertionError(f"{command} is of no unit of the array's accelerator")

    def _load(self, command: Load | Weights, begin: float) -> float:
        """Return the earliest arrival of the last beat of a load."""
        config, beats = self.config, command.all_beats
        bursts = command.rows * command.planes * -(-command.beats // config.burst_beats)
        self.by_rate = max(self.by_rate, begin + self.latency) + beats / self.rate
        self.by_bursts = max(self.by_bursts, begin) + (bursts * self.latency + beats) / config.outstanding
        there = max(self.by_rate - self.ahead, self.by_bursts)
        if isinstance(command, Weights):
            self.by_buffer = max(self.by_buffer, begin) + beats * self.latency / config.weight_buffer_beats
            self.asked += beats
            room = self._taken(self.asked - config.weight_buffer_beats - 1)
            self.free[Unit.LOAD] = max(self.free[Unit.LOAD], room)
            there = self.weights_there = max(there, self.by_buffer, room + self.latency)
        return there

    def _taken(self, beat: int) -> float:
        """Return the earliest cycle in which a beat is taken, a beat a cycle after those of the last product before
        it."""
        for each in reversed(self.products):
            if each.first <= beat:
                _, blocks = _alone(self.config, each.product)
                inside = beat - each.first
                first, taken = blocks[bisect_right(blocks, (inside, LONG_AHEAD)) - 1]
                return each.begin + taken + inside - first
        return LONG_AGO

    def _product(self, command: Product, begin: float) -> float:
        """Return the earliest end of a product whose weights have been asked for."""
        alike, beats = command.changed(a=0, a_pitch=0, out=0, out_pitch=0), product_beats(self.config, command)
        self.products.append(_Taking(self.claimed, alike, begin))
        self.claimed += beats
        # Its weights are the last that were asked for. The buffer holds some before it begins; all others come later.
        late = beats - self.config.weight_buffer_beats
        if late > 0:
            self.by_rate = max(self.by_rate, begin + self.latency + late / self.rate)
            self.by_buffer = max(self.by_buffer, begin + late * self.latency / self.config.weight_buffer_beats)
            room = self._taken(self.asked - self.config.weight_buffer_beats - 1)
            self.free[Unit.LOAD] = max(self.free[Unit.LOAD], room)
            self.weights_there = max(self.weights_there, self.by_rate - self.ahead, self.by_buffer, room + self.latency)
        return max(begin + _alone(self.config, alike)[0], self.weights_there)


class _Claims(WeightStream):
    """A stream of weights that are all there, which notes when blocks are asked for."""

    def __init__(self, beats: int):
        super().__init__(AxiMemoryModel())
        self.blocks: list[tuple[int, int]] = []
        """Number of each block's first beat, and the cycle from which on it is taken, a beat a cycle."""
        self._first = 0
        self.ask(LONG_AGO, beats)

    def claim(self, beats: int, earliest: int) -> None:
        self.blocks.append((self._first, earliest))
        self._first += beats
        super().claim(beats, earliest)


@cache
def _alone(config: AcceleratorConfig, product: Product) -> tuple[int, list[tuple[int, int]]]:
    """Return the cycles of a product that begins in cycle 0 with all its weights there, and when it takes blocks."""
    stream = _Claims(product_beats(config, product))
    [done] = ArrayUnitModel(config, stream).run_product(product, 0)
    assert done is not None
    return done, stream.blocks
