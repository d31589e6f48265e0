"""Exact times of the store unit and its bus."""

from collections import deque
from collections.abc import Callable, Iterator

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Store
from tilewright.sim.isa.depths import STORE_BEATS
from tilewright.sim.machine.bus.axi_master import NEVER, WriteMasterModel
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

WORD_LATENCY = 2
"""Cycles from the read of a beat's last element to the beat being offered."""


class StoreModel:
    """Reads one element in each cycle, gathers elements into beats, and writes them row by row.

    Parameters
    ----------
    config : AcceleratorConfig
    memory : AxiMemoryModel
    """

    def __init__(self, config: AcceleratorConfig, memory: AxiMemoryModel):
        self._beat = config.bus_bytes
        self._master = WriteMasterModel(config, memory)

    @property
    def beats(self) -> int:
        """Number of beats written so far."""
        return self._master.beats

    def count(self, beats: int) -> None:
        """Add to the number of beats written those of commands that are counted, not computed."""
        self._master.beats += beats

    def state(self, now: int) -> tuple[int, ...]:
        """Return all on which commands from cycle ``now`` on depend, relative to it; memory has its own state."""
        return self._master.state(now)

    def run(
        self, command: Store, address: int, begin: int, bad_beat: Callable[[int, int], int | None]
    ) -> tuple[int, int | None]:
        """Run a command that began in a cycle.

        Returns the cycle in which all is written, and the one of the first response that was an error, if one was.

        Parameters
        ----------
        bad_beat : callable
            Returns the first beat of a burst, given by address and beats, that memory answers with an error.
        """
        master = self._master
        rows = [
            address + plane * command.plane_stride + row * command.stride
            for plane in range(command.planes)
            for row in range(command.rows)
        ]
        elements = (count for first in rows for count in self._elements(command, first))
        read = begin
        # When those of the last beats were sent that may be begun ahead of the bus.
        sent = deque([NEVER] * STORE_BEATS, maxlen=STORE_BEATS)

        def offered() -> int:
            nonlocal read
            sent.append(master.sent)
            read = max(read, sent[0]) + next(elements)
            return read + WORD_LATENCY

        request, answered, failed = begin + 1, begin, None
        for first in rows:
            start = first // self._beat * self._beat
            beats = -(-(first + command.row_bytes - start) // self._beat)
            for place, burst, answered in master.request(request, start, beats, offered):
                if failed is None and bad_beat(place, burst) is not None:
                    failed = answered
            request = master.taken + 1
        return answered, failed

    def _elements(self, command: Store, first: int) -> Iterator[int]:
        """Yield the elements of each beat of a row."""
        left, room = command.count, self._beat - first % self._beat
        while left:
            count = min(left, 2 * room if command.packed else room >> command.size)
            yield count
            left, room = left - count, self._beat
