"""Loops over the layers of a model: layers that are alike or groups of layers that follow each other in one pattern."""

from collections.abc import Iterator, Sequence

LARGEST_BODY = 8
"""Maximum number of layers in a run of a loop."""


def layer_loops(layers: Sequence[object], largest: int = LARGEST_BODY) -> Iterator[tuple[range, int]]:
    """Yield loops that cover layers in their order: the layers of the first run, and the number of runs.

    Each loop covers as many layers as it can, with as few in a run as it can: at most
    ``largest``.
    """
    # Comparing layers takes long: each gets the number of the first one that is equal.
    different: list[object] = []
    numbers = []
    for layer in layers:
        if layer not in different:
            different.append(layer)
        numbers.append(different.index(layer))
    first = 0
    while first < len(layers):
        best, runs = 1, 1
        for size in range(1, min(largest, len(layers) - first) + 1):
            body, count = numbers[first : first + size], 1
            while numbers[first + count * size : first + (count + 1) * size] == body:
                count += 1
            if count > 1 and count * size > best * runs:
                best, runs = size, count
        yield range(first, first + best), runs
        first += best * runs
