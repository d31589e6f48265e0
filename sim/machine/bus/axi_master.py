"""Bursts of the AXI4 masters, and exact times of the one that writes; the names are those of ``hw/bus``."""

from collections import deque
from collections.abc import Callable, Iterator

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.widths import PAGE_BYTES
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

NEVER = -1 << 40
"""Cycle before all other cycles."""


def bursts(config: NpeConfig | AcceleratorConfig, address: int, beats: int) -> Iterator[tuple[int, int]]:
    """Yield address and beats of each burst of a request."""
    size, longest = config.bus_bytes, config.burst_beats
    while beats:
        burst = min(beats, longest, (PAGE_BYTES - address % PAGE_BYTES) // size)
        yield address, burst
        address += burst * size
        beats -= burst


class WriteMasterModel:
    """The bus master that writes: requests one after the other, bursts in flight up to a limit.

    Parameters
    ----------
    config : NpeConfig or AcceleratorConfig
    memory : AxiMemoryModel
    """

    def __init__(self, config: NpeConfig | AcceleratorConfig, memory: AxiMemoryModel):
        self.config, self.memory = config, memory
        self.taken = NEVER
        """Cycle in which the last request was taken."""
        self.sent = NEVER
        """Cycle in which the last word was taken."""
        self.beats = 0
        self._announced = self._word_taken = self._answered = NEVER
        # When a burst may be announced again: as many as may be in flight.
        self._free = deque([NEVER] * config.outstanding)

    def request(
        self, earliest: int, address: int, beats: int, there: Callable[[], int] = lambda: NEVER
    ) -> list[tuple[int, int, int]]:
        """Return address, beats and response cycle of each burst of a request that is offered from ``earliest`` on.

        Parameters
        ----------
        there : callable
            Returns when the next word is offered; asked once for each, in order.
        """
        self.taken = max(earliest, self._announced)
        self.beats += beats
        self._announced = self.taken
        done = []
        for begin, burst in bursts(self.config, address, beats):
            self._announced = announced = max(self._announced + 1, self._free.popleft())
            for _ in range(burst):
                # A word goes through a register, which is free when the one before is taken from it. Its address
                # is at the bus in the cycle behind ``announced``.
                self.sent = max(there(), self.sent + 1, announced + 1, self._word_taken)
                self._word_taken = self.memory.write_word(self.sent + 1, announced + 1)
            self._answered = self.memory.response(self._word_taken)
            self._free.append(self._answered + 1)
            done.append((begin, burst, self._answered))
        return done

    def state(self, now: int) -> tuple[int, ...]:
        """Return all on which requests from cycle ``now`` on depend, relative to it."""
        times = (self.taken, self.sent, self._announced, self._word_taken, self._answered, *self._free)
        return tuple(max(time - now, -2) for time in times)

    def idle(self) -> int:
        """Return the first cycle in which nothing is in flight."""
        return self._answered + 1
