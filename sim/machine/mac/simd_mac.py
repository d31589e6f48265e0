"""Exact cycles of the SIMD MAC: one word per cycle in every mode, and a fixed latency from the last word to the
result."""

REGISTERS = 1
"""Number of registers that the MAC always has: the sum."""


def latency(stages: int) -> int:
    """Return the cycles from the acceptance of a dot product's last word to the offer of its result.

    ``stages`` are the MAC's pipeline registers besides those that are always there. The RTL asserts the same.
    """
    return stages + REGISTERS


def cycles(words: int, stages: int) -> int:
    """Return the cycles from the first of ``words`` words, one per cycle, to the last one's result, inclusive.

    The words belong to any number of dot products, of any modes and lengths, one behind the other: a new one begins
    in the cycle behind the last word of the one before, whatever its mode.
    """
    return words + latency(stages)
