"""Exact times of the array unit: products are cut into commands of the CIM array and take weights as they arrive."""

from collections import deque
from collections.abc import Iterator
from functools import cache, lru_cache, partial

from tilewright.sim.config import CIMArrayConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand
from tilewright.sim.isa.commands import Product
from tilewright.sim.machine.bus.axi_master import NEVER
from tilewright.sim.machine.cim.array import ArrayModel, array_beats, block_limits, parts
from tilewright.sim.machine.cim.tile import LOADED_LATENCY
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.memory.timed_memory import TimedMemory

BUFFER_LATENCY = 2
"""Cycles from the arrival of a beat of weights to the cycle in which the array can take it."""
REQUEST_LATENCY = 1
"""Cycles from the array's request for a weight block to the cycle in which it takes the first beat."""


class WeightStream:
    """Beats of weights in the order in which they are read and taken, with the cycle in which each arrives and is
    taken.

    The array takes a beat of a block in each cycle in which one is there; one block is claimed at a time.
    """

    def __init__(self, memory: AxiMemoryModel):
        self._memory = memory
        self._bursts: deque[tuple[int, int]] = deque()  # first beat, and its slot, of bursts that follow one another
        self._blocks: deque[tuple[int, int, int]] = deque()  # first beat, last beat, cycle from which it is taken
        self._claimed = 0
        self._taken = -1
        self.asked = 0
        """Number of beats that have been requested."""
        self.starved = 0
        """Cycles in which the array asked for a beat that was not there."""

    @property
    def left(self) -> bool:
        """Whether there are beats, here or on their way, that no block has claimed."""
        return self.asked != self._claimed

    @property
    def missing(self) -> bool:
        """Whether beats of the claimed block have not been requested."""
        return self.asked < self._claimed

    @property
    def wanted(self) -> int:
        """Number of beats of the claimed block that have not been requested; below 0 if more have been."""
        return self._claimed - self.asked

    def latest_turn(self, beat: int) -> int:
        """Return the latest cycle in which it is a beat's turn, as the begin of its block or of a later one has it."""
        return max((begin - first for first, last, begin in self._blocks if last >= beat), default=NEVER) + beat

    def ask(self, slot: int, beats: int) -> None:
        """Note a burst whose first beat is fetched in a slot; in the next slot, it continues the burst before."""
        if not self._bursts or slot - self.asked != self._bursts[-1][1] - self._bursts[-1][0]:
            self._bursts.append((self.asked, slot))
        self.asked += beats

    def state(self, now: int, room: int) -> tuple:
        """Return all on which beats depend that are asked for or claimed from cycle ``now`` on, relative to it.

        Of beats that came more than ``room`` before the last one, nobody asks any more.
        """
        low, asked, slots = min(self.asked - room, self._claimed), self.asked, self._memory.slot_at(now)
        bursts, end = [], asked
        for first, slot in reversed(self._bursts):
            if end <= low:
                break
            there = self._memory.arrival(slot + end - 1 - first) + BUFFER_LATENCY < now
            begin = max(first, low)
            bursts.append((begin - asked, None if there else slot + begin - first - slots))
            end = first
        blocks = [
            (first - asked, last - asked, max(begin - now, first - last - 2))
            for first, last, begin in self._blocks
            if last >= low
        ]
        return tuple(bursts), tuple(blocks), self._claimed - asked, max(self._taken - now, -2)

    def claim(self, beats: int, earliest: int) -> None:
        """Note a block that is taken from a cycle on; the block before is finished."""
        self._blocks.append((self._claimed, self._claimed + beats - 1, max(earliest, self._taken + 1)))
        self._claimed += beats

    def finish(self) -> int | None:
        """Return the cycle in which the last beat of the claimed block is taken; ``None`` if it has not been
        requested."""
        first, last, begin = self._blocks[-1]
        if self.asked <= last:
            return None
        start, slot = next(burst for burst in reversed(self._bursts) if burst[0] <= last)
        self._taken = max(self._memory.arrival(slot + last - start) + BUFFER_LATENCY, begin + last - first)
        self.starved += self._taken - begin - (last - first)
        return self._taken

    def taken(self, beat: int) -> int | None:
        """Return the cycle in which a requested beat is taken; ``None`` if no block has claimed it.

        Beats are to be given in ascending order.
        """
        blocks, bursts = self._blocks, self._bursts
        while len(blocks) > 1 and blocks[0][1] < beat:
            blocks.popleft()
        if not blocks or blocks[0][1] < beat:
            return None
        while len(bursts) > 1 and bursts[1][0] <= beat:
            bursts.popleft()
        (first, _, begin), (start, slot) = blocks[0], bursts[0]
        turn, there = begin + beat - first, self._memory.arrival(slot + beat - start) + BUFFER_LATENCY
        return there if there > turn else turn


class ArrayUnitModel(ArrayModel):
    """A CIM array that takes activations from the scratchpad, and weights from a stream.

    Parameters
    ----------
    config : AcceleratorConfig
    stream : WeightStream
    """

    def __init__(self, config: AcceleratorConfig, stream: WeightStream):
        super().__init__(config.cim_array, TimedMemory(), TimedMemory())
        self._stream = stream
        self._weights_of = cache(partial(_weights_of, config.cim_array))
        self._waiting: tuple[int, ...] = ()
        """Cycles in which the block whose weights are missing was taken and requested."""
        self.block = 0
        """Number of blocks of the product that have been taken."""
        self.commands: tuple[ArrayCommand, ...] = ()
        """Commands of the product, one for each block."""

    def state(self, now: int) -> tuple:
        if not self._waiting:
            return super().state(now)
        # Further commands are not offered before the one whose weights are missing was taken.
        taken = self._waiting[0]
        times = (time - now for time in self._waiting)
        return (*times, *super().state(taken), self.commands[self.block - 1])

    def turns(self, block: int) -> int:
        """Return how often the blocks taken since there were ``block`` of them follow one another from here on."""
        turn = self.block - block
        count = 0
        for before, after in zip(self.commands[block - 1 :], self.commands[self.block - 1 :], strict=False):
            if before is not after:
                break
            count += 1
        return max(count - 1, 0) // turn

    @property
    def since(self) -> int | None:
        """Cycle in which the block was taken whose weights are missing, if there is one."""
        return self._waiting[0] if self._waiting else None

    def run_product(self, product: Product, begin: int) -> Iterator[int | None]:
        """Run a product that began in a cycle; yield ``None`` while weights are missing, and last the cycle in which it
        is done.

        That is when its last result is written.
        """
        stream = self._stream
        done = begin
        self.commands, self.block = array_commands(self.array_config, product), 0
        while self.block < len(self.commands):
            command = self.commands[self.block]
            self.block += 1
            times = self.dispatch(command, begin + 1)
            requested = self.load_earliest(times)
            beats, pieces = self._weights_of(command.rows, command.columns, command.reduce, command.narrow)
            stream.claim(beats, requested + REQUEST_LATENCY)
            while (last := stream.finish()) is None:
                self._waiting = times.dispatched, requested
                yield None
            self._waiting = ()
            # Requests for the parts follow one another; the load leaves its queue with the last one.
            self._loads.append(requested + pieces - 1)
            times.weights_loaded = last + LOADED_LATENCY
            self.compute(times)
            if times.sent is not None:
                done = times.sent
        yield done

    def _check(self, command: TileCommand) -> None:
        """Refuse nothing: the processor has checked the product."""


def _weights_of(config: CIMArrayConfig, rows: int, columns: int, reduce: bool, narrow: bool) -> tuple[int, int]:
    """Return the beats of a weight block, and the number of its parts, each of which is requested."""
    block = ArrayCommand(rows=rows, columns=columns, vectors=1, reduce=reduce, narrow=narrow)
    return array_beats(config, block), sum(1 for _ in parts(config, rows, columns, reduce))


def product_beats(config: AcceleratorConfig, command: Product) -> int:
    """Return the beats of weights, scales included, that a product takes."""
    high, wide = block_limits(config.cim_array, command.reduce)
    beats = 0
    for rows, down in _pieces(command.k, high):
        for columns, across in _pieces(command.n, wide):
            block = ArrayCommand(
                rows=rows, columns=columns, vectors=1, reduce=command.reduce, narrow=command.narrow
            )  # fmt: skip
            beats += down * across * array_beats(config.cim_array, block)
    return beats


def _pieces(length: int, most: int) -> list[tuple[int, int]]:
    """Return the sizes of the pieces into which a length is cut, as large as they may be, and the number of each."""
    whole, rest = divmod(length, most)
    return [(size, count) for size, count in ((most, whole), (rest, 1)) if size and count]


def array_commands(config: CIMArrayConfig, product: Product) -> tuple[ArrayCommand, ...]:
    """Return the array commands of a product, one for each weight block, in their order; equal ones are one object."""
    limits = block_limits(config, product.reduce)
    return _blocks(*limits, product.k, product.n, product.vectors, product.reduce, product.narrow)


@lru_cache(maxsize=64)
def _blocks(high: int, wide: int, k: int, n: int, vectors: int, reduce: bool, narrow: bool) -> tuple[ArrayCommand, ...]:
    @cache
    def command(rows: int, columns: int, accumulate: bool, emit: bool) -> ArrayCommand:
        return ArrayCommand(
            rows=rows, columns=columns, vectors=vectors, reduce=reduce, narrow=narrow, accumulate=accumulate, emit=emit
        )  # fmt: skip

    return tuple(
        command(min(high, k - row), min(wide, n - column), row > 0, row + high >= k)
        for column in range(0, n, wide)
        for row in range(0, k, high)
    )
