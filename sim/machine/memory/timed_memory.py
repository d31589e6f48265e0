"""Memory timing of a memory with a fixed latency, a limited rate, refresh, and turns with the other direction."""

from collections.abc import Iterable
from fractions import Fraction

from tilewright.base.errors import ConfigError


class TimedMemory:
    """Serves reads in order; exact twin of the RTL memory of the same name.

    One request is accepted a cycle. In the cycles ``n`` in which ``n % refresh_period < refresh_cycles`` the memory is
    refreshed. Of the other cycles, counted from 0, those ``b`` are active in which
    ``open_first <= b % turn_period < open_first + open_cycles``. Of these, counted from 0, a word can be fetched in
    those ``a`` in which ``floor((a + 1) * rate) > floor(a * rate)``, the first one in the cycle after its request at
    the earliest, and is there ``latency`` cycles later.

    Parameters
    ----------
    latency : int
        Cycles from the fetch of a word to its arrival, at least 1.
    rate : Fraction or int
        Words a cycle, above 0 and at most 1.
    refresh_period, refresh_cycles : int
        Cycles from the begin of one refresh to that of the next, and those of a refresh: fewer, or 0 for no refresh.
    turn_period, open_first, open_cycles : int
        Cycles without refresh from one turn of this direction to the next, those before it in this time, and those of
        the turn.
    begin : int
        Cycles for which the memory has run before the cycle 0 of its reader: its own cycle ``n`` is the reader's cycle
        ``n - begin``.

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
        refresh_period: int = 1,
        refresh_cycles: int = 0,
        turn_period: int = 1,
        open_first: int = 0,
        open_cycles: int = 1,
        begin: int = 0,
    ):
        if latency < 1:
            raise ConfigError(f"latency = {latency} is not allowed: it must be at least 1 cycle")
        if not 0 < rate <= 1:
            raise ConfigError(f"rate = {rate} is not allowed: it must be above 0 and at most 1 word a cycle")
        if refresh_period < 1:
            raise ConfigError(f"refresh_period = {refresh_period} is not allowed: it must be at least 1 cycle")
        if not 0 <= refresh_cycles < refresh_period:
            raise ConfigError(
                f"refresh_cycles = {refresh_cycles} is not allowed: it must be at least 0, for no refresh, and below "
                f"refresh_period = {refresh_period}"
            )
        if open_cycles < 1 or open_first < 0 or open_first + open_cycles > turn_period:
            raise ConfigError(
                f"turn_period = {turn_period} is not allowed: {open_first} cycles and a turn of {open_cycles}, at "
                "least 1, must fit in it"
            )
        self.latency, self.begin = latency, begin
        self.words, self.cycles = Fraction(rate).as_integer_ratio()
        self.refresh_period, self.refresh_cycles = refresh_period, refresh_cycles
        self._active_period = refresh_period - refresh_cycles
        self.turn_period, self.open_first, self.open_cycles = turn_period, open_first, open_cycles
        self.pauses = refresh_cycles > 0 or open_cycles < turn_period
        """Whether there are cycles in which the memory does not serve this direction."""
        self.next_request = 0
        """First cycle in which a further request can be accepted."""
        self.next_fetch = 0
        """First cycle in which a further word can be fetched."""

    def read(self, earliest: int, words: int) -> tuple[int, int]:
        """Read ``words`` words by a request offered from cycle ``earliest`` on.

        Returns the cycle in which the request is accepted and the one in which the last word is there; a
        reader that has reserved its buffer takes each word at once.
        """
        first = self.first_slot(earliest)
        request = max(earliest, self.next_request)
        self.next_request = request + 1
        last = self.slot_cycle(first + words - 1)
        self.next_fetch = last + 1
        return request, last + self.latency

    def first_slot(self, earliest: int) -> int:
        """Return the number of the slot of the first word of a request offered from cycle ``earliest`` on."""
        cycle = max(earliest + 1, self.next_request + 1, self.next_fetch)
        return self.slots_before(cycle)

    def slots_before(self, cycle: int) -> int:
        """Return the number of slots before a cycle."""
        return self._active_before(cycle + self.begin) * self.words // self.cycles

    def slot_cycle(self, slot: int) -> int:
        """Return the cycle of a slot, in which a word can be fetched; the first slot has the number 0."""
        active = -((slot + 1) * -self.cycles // self.words) - 1
        if not self.pauses:
            return active - self.begin
        turns, inside = divmod(active, self.open_cycles)
        awake = turns * self.turn_period + self.open_first + inside
        return awake + (awake // self._active_period + 1) * self.refresh_cycles - self.begin

    def arrivals(self, slots: Iterable[int]) -> list[int]:
        """Return the cycles in which words are there that are fetched in slots."""
        if self.pauses:
            return [self.slot_cycle(slot) + self.latency for slot in slots]
        words, cycles, after = self.words, -self.cycles, self.latency - 1 - self.begin
        return [after - (slot + 1) * cycles // words for slot in slots]

    def _active_before(self, cycle: int) -> int:
        """Return the number of active cycles before a cycle of the memory's own."""
        if not self.pauses:
            return cycle
        turns, inside = divmod(self._awake_before(cycle), self.turn_period)
        return turns * self.open_cycles + min(max(inside - self.open_first, 0), self.open_cycles)

    def _awake_before(self, cycle: int) -> int:
        """Return the number of cycles without refresh before a cycle of the memory's own."""
        periods, inside = divmod(cycle, self.refresh_period)
        return periods * self._active_period + max(inside - self.refresh_cycles, 0)

    def pause_phase(self, cycle: int) -> tuple[int, int]:
        """Return the numbers of a cycle in the period of refresh and in that of turns."""
        return self._phase(cycle + self.begin)

    def _phase(self, cycle: int) -> tuple[int, int]:
        """Return the phase of a cycle of the memory's own."""
        return cycle % self.refresh_period if self.refresh_cycles else 0, self._awake_before(cycle) % self.turn_period

    def state(self, now: int) -> tuple[int, ...]:
        """Return all on which requests from cycle ``now`` on depend, relative to it."""
        phase = self._active_before(now + self.begin) % self.cycles
        pauses = self.pause_phase(now) if self.pauses else (0, 0)
        return phase, *pauses, max(self.next_request, now) - now, max(self.next_fetch, now) - now

    def repeats_after(self, cycles: int) -> bool:
        """Return whether slots recur after so many cycles, whatever the cycle."""
        if self.pauses and any(self._phase(cycles)):
            return False
        return self._active_before(cycles) % self.cycles == 0

    def shift(self, cycles: int) -> None:
        """Let ``cycles`` cycles pass, after which slots recur; the memory continues in the same state."""
        self.next_request += cycles
        self.next_fetch += cycles
