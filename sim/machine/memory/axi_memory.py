"""Memory timing of an AXI4 memory with a latency and a limited rate in each direction, refresh of both, and turns."""

from fractions import Fraction

from .timed_memory import TimedMemory


class AxiMemoryModel:
    """Serves bursts in order; exact twin of the RTL's ``AxiMemory`` for a master that takes every answer at once.

    Addresses are accepted in the cycle in which they are offered: the memory has room for all bursts in flight. The
    cycle 0 is the first of both rates and of refresh, unless memory has run before.

    Parameters
    ----------
    latency, rate
        Latency and rate of reads, see :class:`.memory.TimedMemory`.
    write_latency : int
        Cycles from the last word of a burst to its response, at least 1.
    write_rate : Fraction or int
        Words a cycle, above 0 and at most 1.
    refresh_period, refresh_cycles : int
        Refresh, which stops both directions, see :class:`.memory.TimedMemory`.
    turn_period, read_to_write, write_cycles, write_to_read : int
        Turns of the directions: in each period of cycles without refresh nothing moves for the second number of them,
        then writes have the memory, then nothing moves, and reads have the rest. Without ``write_cycles`` each
        direction has all cycles.
    begin : int
        Cycles for which the memory has run before cycle 0.

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
        refresh_period: int = 1,
        refresh_cycles: int = 0,
        turn_period: int = 1,
        read_to_write: int = 0,
        write_cycles: int = 0,
        write_to_read: int = 0,
        begin: int = 0,
    ):
        both = {"refresh_period": refresh_period, "refresh_cycles": refresh_cycles, "begin": begin}
        reads, writes = {}, {}
        if write_cycles:
            first = read_to_write + write_cycles + write_to_read
            reads = {"turn_period": turn_period, "open_first": first, "open_cycles": turn_period - first}
            writes = {"turn_period": turn_period, "open_first": read_to_write, "open_cycles": write_cycles}
        self._reads = TimedMemory(latency=latency, rate=rate, **both, **reads)
        self._writes = TimedMemory(latency=write_latency, rate=write_rate, **both, **writes)
        self._arrived = self._answered = -1
        self._beside: AxiMemoryModel | None = None

    def share_reads(self, other: "AxiMemoryModel") -> None:
        """Let the words of this port and of another one, the first, come out of one bandwidth.

        Bursts of both are served in the order in which they are offered; of two in one cycle, that of this port is the
        first. So :meth:`read` of this port is to be called in the order of time with all reads of the other. Ports of
        different rates lose up to a word at each change, so that both together never exceed the bandwidth.
        """
        self._beside = other

    def _served_after(self, before: TimedMemory, after: TimedMemory) -> None:
        """Let the next word of one port come after the words of the other."""
        if before.next_fetch > after.next_fetch:
            after.next_fetch = before.next_fetch
            if (before.words, before.cycles) != (after.words, after.cycles):
                after.next_fetch = after.slot_cycle(after.slots_before(before.next_fetch)) + 1

    def read(self, offered: int, beats: int) -> int:
        """Return the cycle of the last beat of a burst whose address is offered in a cycle."""
        if self._beside is not None:
            self._served_after(self._beside._reads, self._reads)
        _, last = self._reads.read(offered, beats)
        if self._beside is not None:
            self._served_after(self._reads, self._beside._reads)
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

    def read_up_to(self, offered: int, slot: int) -> None:
        """Note bursts that take slots before one, given when the address of the last one is offered."""
        reads = self._reads
        last = reads.slot_cycle(slot - 1)
        reads.next_request, reads.next_fetch = offered + 1, last + 1
        self._arrived = last + reads.latency

    @property
    def latency(self) -> int:
        """Latency of reads."""
        return self._reads.latency

    @property
    def next_slot(self) -> int:
        """Number of the slot after that of the last beat."""
        return self._reads.slots_before(self._reads.next_fetch)

    def slot_cycle(self, slot: int) -> int:
        """Return the cycle of a slot of reads."""
        return self._reads.slot_cycle(slot)

    def least_cycles(self, slots: int) -> int:
        """Return the least number of cycles from a slot to the one that comes so many slots later."""
        return slots * self._reads.cycles // self._reads.words

    def pause_phase(self, cycle: int) -> tuple[int, int] | None:
        """Return the numbers of a cycle in the periods of refresh and turns, if memory pauses for either."""
        return self._reads.pause_phase(cycle) if self._reads.pauses else None

    def slot_at(self, cycle: int) -> int:
        """Return the number of slots before a cycle."""
        return self._reads.slots_before(cycle)

    @property
    def pauses(self) -> bool:
        """Whether there are cycles in which memory does not serve a direction."""
        return self._reads.pauses

    def word_state(self, now: int) -> tuple[int, ...]:
        """Return all on which words that are written from cycle ``now`` on depend, relative to it."""
        return self._writes.state(now)

    def write_state(self, now: int) -> tuple[int, ...]:
        """Return all on which bursts that are written from cycle ``now`` on depend, relative to it."""
        return (*self._writes.state(now), max(self._answered - now, -2))

    def shift_writes(self, cycles: int) -> None:
        """Let cycles pass, after which slots recur, in which words are written as before."""
        self._writes.shift(cycles)

    def shift_responses(self, cycles: int) -> None:
        """Let cycles pass in which bursts that are written are answered as before."""
        self._answered += cycles

    def state(self, now: int) -> tuple:
        """Return all on which bursts from cycle ``now`` on depend, relative to it."""
        before = (max(time - now, -2) for time in (self._arrived, self._answered))
        return (*self._reads.state(now), *self._writes.state(now), *before)

    def arrival(self, slot: int) -> int:
        """Return the cycle in which a beat arrives that was fetched in a slot, given by its number."""
        return self._reads.slot_cycle(slot) + self._reads.latency

    def arrivals(self, slot: int, beats: int, bursts: int) -> list[int]:
        """Return the cycles of the last beats of bursts that follow one another, the first beat fetched in a slot."""
        return self._reads.arrivals(range(slot + beats - 1, slot + beats * bursts, beats))

    def write_word(self, offered: int, accepted: int) -> int:
        """Return the cycle in which a word is taken, given when it is offered and when its address was accepted."""
        # A word takes a slot of its own, the first one from when both are there.
        writes = self._writes
        slot = writes.first_slot(max(offered, accepted + 1) - 1)
        cycle = writes.slot_cycle(slot)
        writes.next_request, writes.next_fetch = max(offered, accepted + 1), cycle + 1
        return cycle

    def response(self, last: int) -> int:
        """Return the cycle of the response to a burst whose last word was taken in a cycle."""
        self._answered = max(last + self._writes.latency, self._answered + 1)
        return self._answered
