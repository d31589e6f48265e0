"""Exact cycle model of the CIM tile.

Every event of the tile is the maximum of a few earlier events plus a fixed number of cycles, so that a run is
computed from command to command without stepping cycles. The names follow the RTL in ``hw/cim``: what the
loaders, the sequencer and the result sender do, and when.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tilewright.sim.config import ConfigError, TileConfig

from .memory import TimedMemory

DISPATCH_LATENCY = 1
"""From the cycle in which a command is taken to the one in which the units see it."""
LOADED_LATENCY = 1
"""From a block's, or a vector's, last word to the cycle in which the sequencer may use it."""
FREE_LATENCY = 1
"""From the release of a bank or a place in a buffer to the cycle in which it can be used again."""
SENDER_LATENCY = 2
"""From a finished vector's sums to its first word at the result stream."""


@dataclass(frozen=True, kw_only=True)
class TileCommand:
    """One command of a CIM tile; the fields are those of the RTL's ``COMMAND_LAYOUT``."""

    rows: int
    """Rows of the weight block: activations of a vector."""
    columns: int
    """Columns of the weight block: results of a vector."""
    vectors: int = 1
    """Activation vectors to multiply with the block."""
    load: bool = True
    """Fetch the block into a free bank before computing."""
    release: bool = True
    """Give the bank up once computed."""
    accumulate: bool = False
    """Add to the accumulators instead of replacing them."""
    emit: bool = True
    """Send the results instead of keeping them in the accumulators."""
    slot: int = 0
    """Accumulator of the first vector."""
    weight_address: int = 0
    """First word of the block, in words of the weight bus."""
    activation_address: int = 0
    """First word of the vectors, in words of the activation bus."""


@dataclass
class CommandTimes:
    """When one command went through its stages, in cycles."""

    command: TileCommand
    dispatched: int
    """It was taken."""
    weights_requested: int | None = None
    weights_loaded: int | None = None
    """Its block can be used from this cycle on."""
    started: int = 0
    """Its first vector started."""
    finished: int = 0
    """Last cycle in which it occupied the macros."""
    sent: int | None = None
    """Its last result word was taken."""


@dataclass
class TileRun:
    """What a run of commands took."""

    commands: list[CommandTimes] = field(default_factory=list)

    @property
    def cycles(self) -> int:
        """Cycles up to the last result word, or else to the last command's last slice."""
        sent = [times.sent for times in self.commands if times.sent is not None]
        return 1 + (max(sent) if sent else max((times.finished for times in self.commands), default=-1))


class TileModel:
    """Runs commands on a tile whose results are taken at once, with memories of set timing.

    Parameters
    ----------
    config : TileConfig
        The tile.
    weight_memory, activation_memory : TimedMemory
        Where its reads go. They must take as many requests as the tile has banks and buffered vectors.
    """

    def __init__(self, config: TileConfig, weight_memory: TimedMemory, activation_memory: TimedMemory):
        self.config = config
        self.weight_memory = weight_memory
        self.activation_memory = activation_memory

    def run(self, commands: Iterable[TileCommand]) -> TileRun:
        """Run ``commands``, the first offered in cycle 0 and each as soon as the one before is taken.

        Raises
        ------
        ConfigError
            If the tile would refuse a command.
        """
        cfg = self.config
        slices = cfg.macro.slices
        depth = cfg.command_queue_depth
        run = TileRun()
        # The cycles in which entries left the queues and buffers, in order; a place is free one cycle later.
        loads_popped: list[int] = []
        fetches_popped: list[int] = []
        computes_popped: list[int] = []
        banks_released: list[int] = []
        vectors_taken: list[int] = []
        results_taken: list[int] = []
        dispatched = -1
        next_request = 0  # of the weight loader
        next_fetch = 0  # of the activation loader
        next_start = 0  # of the sequencer
        last_sent = -1
        holding = False

        for index, command in enumerate(commands):
            self._check(index, command, holding=holding)
            holding = not command.release
            dispatched = max(
                dispatched + 1,
                _free(fetches_popped, depth),
                _free(computes_popped, depth),
                _free(loads_popped, depth) if command.load else 0,
            )
            times = CommandTimes(command, dispatched)
            run.commands.append(times)
            seen = dispatched + DISPATCH_LATENCY
            ready = seen
            if command.load:
                request = max(seen, next_request, _free(banks_released, cfg.macro.weight_banks))
                next_request = request + 1
                loads_popped.append(request)
                words = command.rows * cfg.weight_beats_per_row(command.columns)
                _, last_word = self.weight_memory.read(request, words)
                ready = last_word + LOADED_LATENCY
                times.weights_requested, times.weights_loaded = request, ready

            # Vectors are requested as places in the buffer are freed by vectors that start.
            words = cfg.activation_beats(command.rows)
            result_words = cfg.result_beats(command.columns)
            for vector in range(command.vectors):
                fetch = max(seen, next_fetch, _free(vectors_taken, cfg.input_buffer_vectors))
                next_fetch = fetch + 1
                _, last_word = self.activation_memory.read(fetch, words)
                start = max(seen, ready, next_start, last_word + LOADED_LATENCY)
                if command.emit:
                    start = max(start, _free(results_taken, cfg.result_buffer_vectors))
                    summed = start + slices - 1 + cfg.sum_latency
                    taken = max(summed + SENDER_LATENCY - 1, last_sent)
                    results_taken.append(taken)
                    last_sent = times.sent = taken + result_words
                next_start = start + slices
                vectors_taken.append(start)
                if vector == 0:
                    times.started = start
            fetches_popped.append(fetch)
            times.finished = next_start - 1
            computes_popped.append(times.finished)
            if command.release:
                banks_released.append(times.finished)
        return run

    def _check(self, index: int, command: TileCommand, *, holding: bool) -> None:
        """Refuse what the RTL refuses."""
        cfg = self.config
        for name, limit in (("rows", cfg.rows), ("columns", cfg.columns), ("vectors", 65535)):
            value = getattr(command, name)
            if not 1 <= value <= limit:
                raise ConfigError(f"command {index}: {name} = {value} is not allowed: it must be 1 to {limit}")
        uses_slots = command.accumulate or not command.emit
        if uses_slots and command.slot + command.vectors > cfg.accumulator_vectors:
            raise ConfigError(
                f"command {index}: slot = {command.slot} is not allowed: its {command.vectors} vectors must end "
                f"within {cfg.accumulator_vectors} accumulators"
            )
        if command.load == holding:
            raise ConfigError(
                f"command {index}: load = {command.load} is not allowed: the command before has "
                f"{'not ' if holding else ''}released its weights"
            )


def _free(popped: list[int], places: int) -> int:
    """Return the cycle from which a further entry finds one of ``places`` free."""
    return popped[-places] + FREE_LATENCY if len(popped) >= places else 0
