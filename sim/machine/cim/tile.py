"""Exact model of the CIM tile.

Every event of the tile is the maximum of a few earlier events plus a fixed number of cycles, so that a run is
computed from command to command without stepping cycles. The names follow the RTL in ``hw/cim``: what the
loaders, the sequencer and the result sender do, and when.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.sim.config import TileConfig
from tilewright.sim.isa.cim_command import TileCommand
from tilewright.sim.isa.widths import MAX_VECTORS
from tilewright.sim.machine.memory.timed_memory import TimedMemory

DISPATCH_LATENCY = 1
"""Cycles from the acceptance of a command to the cycle in which the three parts see it."""
LOADED_LATENCY = 1
"""Cycles from the last word of a block, or a vector, to the cycle in which the sequencer may use it."""
FREE_LATENCY = 1
"""Cycles from the release of a bank, or of a place in a buffer, to the cycle in which it can be used again."""
SENDER_LATENCY = 2
"""Cycles from the sums of a finished vector to its first word in the result stream."""


@dataclass(slots=True)
class CommandTimes:
    """Cycles in which one command went through its stages."""

    command: TileCommand
    dispatched: int
    """Cycle in which the command was taken."""
    weights_requested: int | None = None
    weights_loaded: int | None = None
    """Cycle from which on the weight block can be used."""
    started: int = 0
    """Cycle in which the first vector started."""
    finished: int = 0
    """Last cycle in which the command occupied the macros."""
    sent: int | None = None
    """Cycle in which the last result word was taken."""


class TileModel:
    """A tile whose results are taken at once, with memories of given timing.

    Parameters
    ----------
    config : TileConfig
        The tile.
    weight_memory, activation_memory : TimedMemory
        Memories for its reads. They must take as many requests as the tile has banks and buffered vectors.
    """

    def __init__(self, config: TileConfig, weight_memory: TimedMemory, activation_memory: TimedMemory):
        self.config = config
        self.weight_memory = weight_memory
        self.activation_memory = activation_memory
        # The last entries that left each queue and buffer: a place is free once its entry has gone.
        self._loads = deque[int](maxlen=config.command_queue_depth)
        self._fetches = deque[int](maxlen=config.command_queue_depth)
        self._computes = deque[int](maxlen=config.command_queue_depth)
        self._banks = deque[int](maxlen=config.macro.weight_banks)
        self._vectors = deque[int](maxlen=config.input_buffer_vectors)
        self._results = deque[int](maxlen=config.result_buffer_vectors)
        self._sum_latency = config.sum_latency
        self._index = 0
        self._dispatched = -1
        self._next_start = 0
        self._last_sent = -1
        self._holding = False

    def run(self, commands: Iterable[TileCommand]) -> int:
        """Run ``commands``; the first is offered in cycle 0, and each other as soon as the one before is taken.

        Returns the cycles up to the last result word, or else to the last slice.
        """
        times = [self.step(command) for command in commands]
        sent = [t.sent for t in times if t.sent is not None]
        return 1 + max(sent or [t.finished for t in times], default=-1)

    def step(self, command: TileCommand, activations_ready: int = 0) -> CommandTimes:
        """Run one more command; its activations are not requested before cycle ``activations_ready``.

        Raises
        ------
        ConfigError
            If the tile would refuse the command.
        """
        times = self.dispatch(command)
        if command.load:
            requested, last_word = self._load(command, self.load_earliest(times))
            times.weights_requested, times.weights_loaded = requested, last_word + LOADED_LATENCY
        return self.compute(times, activations_ready)

    def dispatch(self, command: TileCommand, earliest: int = 0) -> CommandTimes:
        """Take one more command, offered from cycle ``earliest`` on; :meth:`compute` must follow.

        Raises
        ------
        ConfigError
            If the tile would refuse the command.
        """
        self._check(command)
        self._holding = not command.release
        self._index += 1
        self._dispatched = max(self._dispatched + 1, earliest, _free(self._fetches), _free(self._computes))
        if command.load:
            self._dispatched = max(self._dispatched, _free(self._loads))
        return CommandTimes(command, self._dispatched)

    def load_earliest(self, times: CommandTimes) -> int:
        """Return the first cycle in which the block of an accepted command can be requested."""
        return max(times.dispatched + DISPATCH_LATENCY, _free(self._banks))

    def compute(self, times: CommandTimes, activations_ready: int = 0) -> CommandTimes:
        """Run the vectors of an accepted command; ``times`` say when its block, if it has one, is there."""
        command = times.command
        seen = times.dispatched + DISPATCH_LATENCY
        ready = seen if times.weights_loaded is None else times.weights_loaded
        fetch = self._stream_vectors(command, times, seen, ready, max(seen, activations_ready))
        self._fetches.append(fetch)
        times.finished = self._next_start - 1
        self._computes.append(times.finished)
        if command.release:
            self._banks.append(times.finished + self.config.release_latency)
        return times

    def _load(self, command: TileCommand, earliest: int) -> tuple[int, int]:
        """Request a block from a cycle on; return the cycles of the acceptance and of the last word."""
        words = self.config.block_beats(command.rows, command.columns, command.narrow)
        request, last_word = self.weight_memory.read(earliest, words)
        self._loads.append(request)
        return request, last_word

    def _stream_vectors(self, command: TileCommand, times: CommandTimes, seen: int, ready: int, fetch: int) -> int:
        """Fetch and start every vector of a command; return the cycle of the last request."""
        cfg = self.config
        memory = self.activation_memory
        slices = cfg.macro.slices
        words = cfg.activation_beats(command.rows)
        result_words = cfg.result_beats(command.columns)
        vectors, results = self._vectors, self._results
        sum_latency = slices - 1 + self._sum_latency
        before: tuple[int, ...] = ()
        start_before = 0
        left = command.vectors
        while left:
            # A vector is requested when a place in the buffer has been freed by one that started.
            fetch, last_word = memory.read(max(fetch, _free(vectors)), words)
            start = max(seen, ready, self._next_start, last_word + LOADED_LATENCY)
            if command.emit:
                start = max(start, _free(results))
                taken = max(start + sum_latency + SENDER_LATENCY - 1, self._last_sent)
                results.append(taken)
                self._last_sent = times.sent = taken + result_words
            self._next_start = start + slices
            vectors.append(start)
            if left == command.vectors:
                times.started = start
            left -= 1
            if left % 16 == 15:
                # In the same state as 16 vectors before, but for a shift in time: so it goes on.
                state = self._state(start, command.emit)
                if state == before:
                    period = start - start_before
                    if memory.repeats_after(period):
                        repeats, left = divmod(left, 16)
                        fetch += repeats * period
                        self._shift(repeats * period, command.emit)
                        times.sent = self._last_sent if command.emit else None
                before, start_before = state, start
        return fetch

    def _state(self, now: int, emit: bool) -> tuple[int, ...]:
        """Return everything on which later vectors of a command depend, relative to ``now``."""
        memory = self.activation_memory
        state = [*self._vectors, self._next_start, memory.next_request, memory.next_fetch]
        if emit:
            state += [*self._results, self._last_sent]
        return tuple(time - now for time in state)

    def _shift(self, cycles: int, emit: bool) -> None:
        """Let ``cycles`` cycles pass in which vectors go on as before."""
        self.activation_memory.shift(cycles)
        self._next_start += cycles
        self._vectors.extend([time + cycles for time in self._vectors])
        if emit:
            self._results.extend([time + cycles for time in self._results])
            self._last_sent += cycles

    def state(self, now: int) -> tuple:
        """Return all but the weights' memory on which commands depend that are offered from cycle ``now`` on, relative
        to it."""
        queues = (self._loads, self._fetches, self._computes, self._banks, self._vectors, self._results)
        # What was free before need not be waited for.
        free = now - 2
        return (
            *[tuple([time - now if time > free else -2 for time in queue]) for queue in queues],
            *[time - now if time > free else -2 for time in (self._dispatched, self._next_start, self._last_sent)],
            self._holding, self.activation_memory.state(now),
        )  # fmt: skip

    def _limits(self, command: TileCommand) -> tuple[tuple[str, int], ...]:
        """Return the maximum size of a block."""
        return ("rows", self.config.rows), ("columns", self.config.columns)

    def _check(self, command: TileCommand) -> None:
        """Refuse a command that the RTL refuses."""
        cfg, index = self.config, self._index
        for name, limit in (*self._limits(command), ("vectors", MAX_VECTORS)):
            value = getattr(command, name)
            if not 1 <= value <= limit:
                raise ConfigError(f"command {index}: {name} = {value} is not allowed: it must be 1 to {limit}")
        uses_slots = command.accumulate or not command.emit
        if uses_slots and command.slot + command.vectors > cfg.accumulator_vectors:
            raise ConfigError(
                f"command {index}: slot = {command.slot} is not allowed: its {command.vectors} vectors must end "
                f"within {cfg.accumulator_vectors} accumulators"
            )
        if command.load == self._holding:
            raise ConfigError(
                f"command {index}: load = {command.load} is not allowed: the command before has "
                f"{'not ' if self._holding else ''}released its weights"
            )


def _free(left: deque[int]) -> int:
    """Return the cycle from which on a further entry finds a place, given the cycles in which the last entries left."""
    return left[0] + FREE_LATENCY if len(left) == left.maxlen else 0
