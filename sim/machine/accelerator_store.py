"""Exact times of the store unit and its bus."""

from collections import deque
from collections.abc import Callable

from tilewright.sim.config.accelerator import PAGE_BYTES, AcceleratorConfig
from tilewright.sim.config.program import Store

from .axi_memory import AxiMemoryModel

WORDS = 8
"""Beats that are put together ahead of the bus."""
WORD_LATENCY = 2
"""Cycles from the read of a beat's last element to the beat being offered."""
NEVER = -1 << 40


class StoreModel:
    """Elements read one a cycle, put together to beats, and written row by row.

    Parameters
    ----------
    config : AcceleratorConfig
    memory : AxiMemoryModel
    """

    def __init__(self, config: AcceleratorConfig, memory: AxiMemoryModel):
        self._config, self._memory = config, memory
        self._announced = self._sent = self._word_taken = NEVER
        self._answers = deque([NEVER] * config.outstanding)
        self.beats = 0

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
        config, memory = self._config, self._memory
        beat, size = config.bus_bytes, 1 << command.size
        read = begin
        sent: deque[int] = deque([NEVER] * WORDS)
        request = begin + 1
        failed = None
        answered = begin
        for plane in range(command.planes):
            for row in range(command.rows):
                first = address + plane * command.plane_stride + row * command.stride
                end = first + command.row_bytes
                left = command.count
                at = first // beat * beat
                taken = max(request, self._announced)
                request = taken + 1
                self._announced = taken
                while at < end:
                    burst = min(-(-(end - at) // beat), config.burst_beats, (PAGE_BYTES - at % PAGE_BYTES) // beat)
                    self._announced = max(self._announced + 1, self._answers.popleft() + 1)
                    for _ in range(burst):
                        room = at + beat - max(first, at)
                        elements = min(left, 2 * room if command.packed else room // size)
                        left -= elements
                        read = max(read + 1, sent.popleft() + 1) + elements - 1
                        self._sent = max(read + WORD_LATENCY, self._sent + 1, self._announced + 1, self._word_taken)
                        sent.append(self._sent)
                        self._word_taken = memory.write_word(self._sent + 1, self._announced + 1)
                        at += beat
                    answered = memory.response(self._word_taken)
                    self._answers.append(answered)
                    self.beats += burst
                    if failed is None and bad_beat(at - burst * beat, burst) is not None:
                        failed = answered
        return answered, failed
