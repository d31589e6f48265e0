"""Exact model of the NPE (matrix co-processor).

Every event is the maximum of a few earlier events plus a fixed number of cycles, so that a run is computed from request
to request and from tile to tile without stepping cycles. The names follow the RTL in ``hw/npe`` and ``hw/bus``.

Cycle 0 is that in which the first descriptor's address is first offered to memory.
"""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import result_format
from tilewright.sim.isa.depths import B_PANELS, CHUNKS_AHEAD, OUTPUT_SLOTS, PARAMETER_SLOTS
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES, RECORD_BYTES
from tilewright.sim.machine.bus.axi_master import WriteMasterModel, bursts
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

from .schedule import Chunk, Request, Tile, schedule

Requests = Generator[int, None, int]
"""Reads of the NPE: yields, before each burst, the cycle before that in which the burst's address is offered; each is
later than the one before. Memory is asked when the generator goes on, so that others can ask it in the order of time.
"""
MASTER_LATENCY = 2
"""Cycles from a request's acceptance by a bus master to its first address on the bus."""
PANEL_LATENCY = 2
"""Cycles from the read of a word to the array's edge."""


@dataclass(frozen=True)
class NpeRun:
    """Contents of the registers after a run without errors."""

    cycles: int
    """Cycles from start to done, as in register CYCLES."""
    busy: int
    """Number of words that the array took."""
    stall_load: int
    stall_store: int
    read_beats: int
    write_beats: int

    @property
    def utilisation(self) -> float:
        """Share of the cycles in which the array took a word."""
        return self.busy / self.cycles


class NpeModel:
    """An NPE and its memory, which answers only OKAY.

    Parameters
    ----------
    config : NpeConfig
    memory : AxiMemoryModel
        Timing of memory, for one run.
    """

    def __init__(self, config: NpeConfig, memory: AxiMemoryModel):
        self.config = config
        self._reads = _ReadMaster(config, memory)
        self._writes = WriteMasterModel(config, memory)
        self.busy = self.stall_load = self.stall_store = 0

    @property
    def beats(self) -> int:
        """Number of beats read and written so far."""
        return self._reads.beats + self._writes.beats

    def run(self, address: int, descriptors: Sequence[Descriptor]) -> NpeRun:
        """Run all descriptors from ``address`` on, in order."""
        now = start = -MASTER_LATENCY
        for index, descriptor in enumerate(descriptors):
            there = _ended(self.fetch(now, address + index * DESCRIPTOR_BYTES))
            now = _ended(self.job(there, descriptor))
        # ``now`` is the cycle of done, and the last one that counts.
        return NpeRun(
            now - start + 1, self.busy, self.stall_load, self.stall_store, self._reads.beats, self._writes.beats
        )

    def fetch(self, now: int, address: int) -> Requests:
        """Return the cycle in which all of a descriptor has arrived that is requested in a cycle."""
        yield from self._reads.request(now, address, DESCRIPTOR_BYTES // self.config.bus_bytes)
        return self._reads.completed[-1]

    def job(self, there: int, descriptor: Descriptor) -> Requests:
        """Return the cycle after a job: the cycle of the next descriptor's request, or of done.

        Parameters
        ----------
        there : int
            Cycle in which its descriptor was there.
        """
        # Checked in the next cycle, begun in the one behind.
        return _Job(self, descriptor, there + 2).run()


def _ended(requests: Requests) -> int:
    """Return what requests return when memory has nobody else to serve."""
    while True:
        try:
            next(requests)
        except StopIteration as stop:
            return stop.value


class _Job:
    """One descriptor, with the cycles of its loader, feeder, drain and store."""

    def __init__(self, npe: NpeModel, descriptor: Descriptor, begins: int):
        self.npe, self.config, self.descriptor = npe, npe.config, descriptor
        self.reads, self.writes = npe._reads, npe._writes
        self.begins = begins
        # Cycles in which a unit is free again; the first uses find all of them free.
        self.a_free = deque([begins] * self.config.panels)
        self.b_free = deque([begins] * B_PANELS)
        self.parameters_free = deque([begins] * PARAMETER_SLOTS)
        self.chunk_free = deque([begins] * CHUNKS_AHEAD)
        self.slot_free = deque([begins] * OUTPUT_SLOTS)
        self.fed = begins
        """Last cycle in which the feeder was occupied."""
        self.sums_free = begins
        """Cycle from which on the last word of another output tile can be sent."""
        self.records_free = begins
        """Cycle in which the reductions of the row block before have been stored."""
        self.stored = begins
        """Last cycle in which the store had a line."""
        self.reductions = bool(descriptor.sum or descriptor.squares or descriptor.maximum)
        self.out_bits = result_format(descriptor.out_format).bits
        self.stores = _StoreAddresses(descriptor)

    def run(self) -> Requests:
        """Return the cycle after the job: the cycle of the next descriptor's request, or of done."""
        now = self.begins  # the loader's last item
        first_of_tile = True
        for item in schedule(self.config, self.descriptor):
            earliest = now + 1
            if isinstance(item, Request):
                if item.takes_panel:
                    earliest = max(earliest, (self.a_free if item.stream == 1 else self.b_free).popleft())
                elif item.stream >= 3 and first_of_tile:
                    earliest = max(earliest, self.parameters_free[0])
                    first_of_tile = False
                now = yield from self.reads.request(earliest, item.address, item.beats)
            else:
                if item.last:
                    earliest = max(earliest, self.parameters_free.popleft())
                    first_of_tile = True
                now = max(earliest, self.chunk_free.popleft())
                self._feed(item, now)
        # The last line is given away; then all responses.
        return max(self.stored + 1, self.writes.idle(), self.reads.idle()) + 1

    def _feed(self, chunk: Chunk, announced: int) -> None:
        """Send a chunk's words to the array, and the results of its output tile to memory."""
        npe = self.npe
        there = max(announced + 1, self.reads.completed[-1] + 1)
        first = max(self.fed + 1, there)
        npe.stall_load += first - (self.fed + 1)
        ends = first + chunk.words - 1
        if chunk.last:
            waits = max(0, self.sums_free - ends)
            npe.stall_store += waits
            ends += waits
        npe.busy += chunk.words
        self.fed = ends
        self.chunk_free.append(ends + 1)
        if chunk.release_a:
            self.a_free.append(ends + 1)
        if chunk.release_b:
            self.b_free.append(ends + 1)
        if chunk.last:
            self._drain(chunk.tile, ends)

    def _drain(self, tile: Tile, ends: int) -> None:
        config = self.config
        latency = PANEL_LATENCY + config.array_latency
        captured = ends + latency
        begins = max(captured + 1, self.slot_free.popleft(), self.records_free)
        cycles = config.column_cycles(tile.rows)
        column = max(cycles, config.reduction_interval) if self.reductions else cycles
        last = begins + (tile.columns - 1) * column + cycles - 1
        # The next tile's sums are captured when the last of this one's are read, at the earliest.
        self.sums_free = begins + max(1, tile.columns * column - 1 - latency)
        self.parameters_free.append(last + config.parameter_latency + 1)
        self._store(tile, last + config.result_latency)

    def _store(self, tile: Tile, coded: int) -> None:
        """Write the lines and the records of an output tile, whose last code arrives in a cycle."""
        descriptor = self.descriptor
        places = tile.rows if descriptor.transpose else tile.columns
        now = max(self.stored + 1, coded + 1)
        for address in self.stores.lines(tile, self.out_bits):
            now = self._line(now, address, -(-places * self.out_bits // 8)) + 1
        self.slot_free.append(now)
        if self.reductions and tile.last_columns:
            for row in range(tile.row, tile.row + tile.rows):
                now = self._line(now, descriptor.reductions + RECORD_BYTES * row, RECORD_BYTES) + 1
            self.records_free = now
        self.stored = now - 1

    def _line(self, read: int, address: int, size: int) -> int:
        """Return the cycle in which the last beat of a line is handed over; the line is read in cycle ``read``."""
        beat = self.config.bus_bytes
        self.writes.request(read + 1, address // beat * beat, -(-size // beat))
        return self.writes.sent


class _StoreAddresses:
    """Addresses of the lines of C."""

    def __init__(self, descriptor: Descriptor):
        self.descriptor = descriptor

    def lines(self, tile: Tile, bits: int) -> list[int]:
        """Return the first byte of each line of an output tile."""
        d = self.descriptor
        first, count, before = (
            (tile.column, tile.columns, tile.row) if d.transpose else (tile.row, tile.rows, tile.column)
        )
        return [d.c + line * d.c_stride + before * bits // 8 for line in range(first, first + count)]


class _ReadMaster:
    """The bus master that reads: requests one after the other, bursts in flight up to a limit."""

    def __init__(self, config: NpeConfig, memory: AxiMemoryModel):
        self.config, self.memory = config, memory
        self.completed = [-MASTER_LATENCY]
        """Cycles in which requests had their last word."""
        self.offered = -MASTER_LATENCY - 1
        self.beats = 0
        # When a burst may be offered again: as many as may be in flight.
        self.free = deque([-MASTER_LATENCY] * config.outstanding)

    def request(self, earliest: int, address: int, beats: int) -> Requests:
        """Return the cycle in which a request is taken that is offered from ``earliest`` on."""
        taken = max(earliest, self.offered)
        self.beats += beats
        offered = taken
        for _, burst in bursts(self.config, address, beats):
            offered = max(offered + 1, self.free.popleft())
            yield offered
            ends = self.memory.read(offered + 1, burst)
            self.free.append(ends + 1)
        self.offered = offered
        self.completed.append(ends)
        return taken

    def idle(self) -> int:
        """Return the first cycle in which nothing is in flight."""
        return self.completed[-1] + 1
