"""Memory timing of an AXI4 memory with a latency and a limited rate in each direction."""

from fractions import Fraction

from .timed_memory import TimedMemory


class AxiMemoryModel:
    """Serves bursts in order; exact twin of the RTL's ``AxiMemory`` for a master that takes every answer at once.

    Addresses are accepted in the cycle in which they are offered: the memory has room for all bursts in flight. The
    cycle 0 is the first of both rates.

    Parameters
    ----------
    latency, rate
        Latency and rate of reads, see :class:`.memory.TimedMemory`.
    write_latency : int
        Cycles from the last word of a burst to its response, at least 1.
    write_rate : Fraction or int
        Words a cycle, above 0 and at most 1.

    Raises
    ------
    ConfigError
        If a parameter is out of range.
    """

    def __init__(
        self,
        *,
        latency: int = 1,
        rate: Fraction | int = 1,
        write_latency: int = 1,
        write_rate: Fraction | int = 1,
    ):
        self._reads = TimedMemory(latency=latency, rate=rate)
        self._writes = TimedMemory(latency=write_latency, rate=write_rate)
        self._arrived = self._answered = -1

    def read(self, offered: int, beats: int) -> int:
        """Return the cycle of the last beat of a burst whose address is offered in a cycle."""
        _, last = self._reads.read(offered, beats)
        # Beats come one a cycle even if they have been fetched in a better time before.
        self._arrived = max(last, self._arrived + beats)
        return self._arrived

    def read_slots(self, offered: int, beats: int) -> tuple[int, int]:
        """Return the number of the slot in which a burst's first beat is fetched, and the cycle of its last beat."""
        reads = self._reads
        first = reads.first_slot(offered)
        # As many slots on, in which the rate gives one each: so beats never catch up with those before.
        last = reads.slot_cycle(first + beats - 1)
        reads.next_request, reads.next_fetch = max(offered, reads.next_request) + 1, last + 1
        self._arrived = last + reads.latency
        return first, self._arrived

    def slot_at(self, cycle: int) -> int:
        """Return the number of slots before a cycle."""
        return cycle * self._reads.words // self._reads.cycles

    def state(self, now: int) -> tuple:
        """Return all on which bursts from cycle ``now`` on depend, relative to it."""
        before = (max(time - now, -2) for time in (self._arrived, self._answered))
        return (*self._reads.state(now), *self._writes.state(now), *before)

    def arrival(self, slot: int) -> int:
        """Return the cycle in which a beat arrives that was fetched in a slot, given by its number."""
        return self._reads.slot_cycle(slot) + self._reads.latency

    def write_word(self, offered: int, accepted: int) -> int:
        """Return the cycle in which a word is taken, given when it is offered and when its address was accepted."""
        # A word takes a slot of its own, the first one from when both are there.
        _, last = self._writes.read(max(offered, accepted + 1) - 1, 1)
        return last - self._writes.latency

    def response(self, last: int) -> int:
        """Return the cycle of the response to a burst whose last word was taken in a cycle."""
        self._answered = max(last + self._writes.latency, self._answered + 1)
        return self._answered
