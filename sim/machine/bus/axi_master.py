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
        self.announced = NEVER
        """Cycle before that of the last burst's address; nothing that is still to come is earlier."""
        self._word_taken = self._answered = NEVER
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
        self.take(earliest)
        done = []
        for begin, burst in bursts(self.config, address, beats):
            self.announce()
            for _ in range(burst):
                self.word(there())
            done.append((begin, burst, self.end()))
        return done

    def take(self, earliest: int) -> None:
        """Take a request that is offered from ``earliest`` on; its bursts must follow."""
        self.taken = self.announced = max(earliest, self.announced)

    def announce(self) -> None:
        """Announce the next burst of a request; its words must follow."""
        self.announced = max(self.announced + 1, self._free.popleft())

    def word(self, offered: int) -> None:
        """Write a word of a burst that is offered in a cycle."""
        # A word goes through a register, which is free when the one before is taken from it. Its address is at the bus
        # in the cycle behind ``announced``.
        address = self.announced + 1
        self.sent = max(offered, self.sent + 1, address, self._word_taken)
        self._word_taken = self.memory.write_word(self.sent + 1, address)
        self.beats += 1

    def end(self) -> int:
        """End a burst; return the cycle of its response."""
        self._answered = self.memory.response(self._word_taken)
        self._free.append(self._answered + 1)
        return self._answered

    def state(self, now: int) -> tuple[int, ...]:
        """Return all on which requests from cycle ``now`` on depend, relative to it."""
        if self._answered < now - 2:
            return ()
        times = (self.taken, self.sent, self.announced, self._word_taken, self._answered, *self._free)
        return tuple([time - now if time > now - 2 else -2 for time in times])

    def word_state(self, now: int) -> tuple[int, ...]:
        """Return all on which further words of a burst depend, relative to a cycle."""
        return self.sent - now, self._word_taken - now, *self.memory.word_state(now)

    def shift_words(self, cycles: int, beats: int) -> None:
        """Let cycles pass in which words of a burst go on as before, so many of them."""
        self.sent += cycles
        self._word_taken += cycles
        self.beats += beats
        self.memory.shift_writes(cycles)

    def shift(self, cycles: int, beats: int) -> None:
        """Let cycles pass in which bursts go on as before, with so many beats."""
        self.taken += cycles
        self.announced += cycles
        self._answered += cycles
        self._free = deque(free + cycles for free in self._free)
        self.memory.shift_responses(cycles)
        self.shift_words(cycles, beats)

    def idle(self) -> int:
        """Return the first cycle in which nothing is in flight."""
        return self._answered + 1
