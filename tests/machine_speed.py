"""How fast this machine is now, so that a limit on CPU time means the same on every machine."""

from time import process_time

YARDSTICK_SECONDS = 0.3
"""CPU seconds of the yardstick on the machine that limits were set on, while that was idle."""


def slowness() -> float:
    """Return the CPU seconds of a loop of Python over those of the machine of the limits; half as fast is 2.0."""
    start, total = process_time(), 0
    for number in range(4_000_000):
        total += number * number % 7
    return (process_time() - start) / YARDSTICK_SECONDS
