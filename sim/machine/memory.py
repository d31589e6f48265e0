"""Timing of a memory with a fixed latency and a limited rate."""

from fractions import Fraction

from tilewright.sim.config import ConfigError


class TimedMemory:
    """Serves reads in order; exact twin of the RTL memory of the same name.

    A word can be fetched in the cycles ``n`` in which ``floor((n + 1) * rate) > floor(n * rate)``, and is
    there ``latency`` cycles later. A request is seen in the cycle after it was accepted.

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
        self.rate = Fraction(rate)
        self._next_fetch = 0

    def read(self, request: int, words: int) -> tuple[int, int]:
        """Read ``words`` words by a request accepted in cycle ``request``.

        Returns the cycles in which the first and the last word are there. A reader that has reserved its
        buffer takes them at once.
        """
        earliest = max(request + 1, self._next_fetch)
        first_slot = earliest * self.rate.numerator // self.rate.denominator
        first = self._slot(first_slot)
        last = self._slot(first_slot + words - 1)
        self._next_fetch = last + 1
        return first + self.latency, last + self.latency

    def _slot(self, index: int) -> int:
        """Return the cycle of the fetch slot ``index``, counted from 0."""
        numerator, denominator = self.rate.as_integer_ratio()
        return -((index + 1) * -denominator // numerator) - 1
