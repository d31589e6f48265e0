"""Cycle model of the SIMD MAC: a word a cycle in every mode, and a fixed way from the last word to the result."""

REGISTERS = 1
"""Registers of the MAC that are always there: the sum."""


def latency(stages: int) -> int:
    """Return the cycles from the last word of a dot product taken to its result offered.

    ``stages`` are the MAC's pipeline registers besides those that are always there. The RTL asserts the same.
    """
    return stages + REGISTERS


def cycles(words: int, stages: int) -> int:
    """Return the cycles from the first of ``words`` words, one a cycle, to the last one's result, its own included.

    The words belong to any number of dot products, of any modes and lengths, one behind the other: a new one begins
    in the cycle behind the last word of the one before, whatever its mode.
    """
    return words + latency(stages)
