"""Memory timing of a memory with a fixed latency and a limited rate."""

from fractions import Fraction

from tilewright.base.errors import ConfigError


class TimedMemory:
    """Serves reads in order; exact twin of the RTL memory of the same name.

    One request is accepted a cycle. A word can be fetched in the cycles ``n`` in which
    ``floor((n + 1) * rate) > floor(n * rate)``, the first one in the cycle after its request at the earliest,
    and is there ``latency`` cycles later.

    Parameters
    ----------
    latency : int
        Cycles from the fetch of a word to its arrival, at least 1.
    rate : Fraction or int
        Words a cycle, above 0 and at most 1.

    Raises
    ------
    ConfigError
        If a parameter is out of range.
    """

    def __init__(self, *, latency: int = 1, rate: Fraction | int = 1):
        if latency < 1:
            raise ConfigError(f"latency = {latency} is not allowed: it must be at least 1 cycle")
        if not 0 < rate <= 1:
            raise ConfigError(f"rate = {rate} is not allowed: it must be above 0 and at most 1 word a cycle")
        self.latency = latency
        self.words, self.cycles = Fraction(rate).as_integer_ratio()
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
        request = max(earliest, self.next_request)
        return max(request + 1, self.next_fetch) * self.words // self.cycles

    def slot_cycle(self, slot: int) -> int:
        """Return the cycle of a slot, in which a word can be fetched; the first slot has the number 0."""
        return -((slot + 1) * -self.cycles // self.words) - 1

    def state(self, now: int) -> tuple[int, ...]:
        """Return all on which requests from cycle ``now`` on depend, relative to it."""
        return now % self.cycles, max(self.next_request, now) - now, max(self.next_fetch, now) - now

    def shift(self, cycles: int) -> None:
        """Let ``cycles`` cycles pass, a multiple of the rate's period; the memory continues in the same state."""
        self.next_request += cycles
        self.next_fetch += cycles
