import random
from fractions import Fraction

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.machine.memory.timed_memory import TimedMemory


def stepped(latency: int, rate: Fraction, requests: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The memory cycle by cycle, from its description: requests are (earliest cycle, words)."""
    waiting: list[tuple[int, int]] = []  # request index, words left, visible from the next cycle on
    answers = [(0, 0)] * len(requests)
    offered, cycle = 0, 0
    while offered < len(requests) or waiting:
        fetches = (cycle + 1) * rate // 1 > cycle * rate // 1
        if fetches and waiting:
            index, left = waiting[0]
            if left == 1:
                answers[index] = (answers[index][0], cycle + latency)
                waiting.pop(0)
            else:
                waiting[0] = (index, left - 1)
        if offered < len(requests) and cycle >= requests[offered][0]:
            answers[offered] = (cycle, 0)
            waiting.append((offered, requests[offered][1]))
            offered += 1
        cycle += 1
    return answers


@pytest.mark.parametrize("rate", [Fraction(1), Fraction(1, 2), Fraction(3, 7), Fraction(4, 5), Fraction(1, 9)])
@pytest.mark.parametrize("latency", [1, 2, 17])
def test_the_closed_formula_is_the_stepped_memory(rate, latency):
    rng = random.Random(f"{rate} {latency}")
    for _ in range(30):
        cycle, requests = 0, []
        for _ in range(12):
            cycle += rng.choice((0, 0, 1, 5, 40))
            requests.append((cycle, rng.randint(1, 9)))
        memory = TimedMemory(latency=latency, rate=rate)
        assert [memory.read(*request) for request in requests] == stepped(latency, rate, requests)


@pytest.mark.parametrize("parameters", [{"latency": 0}, {"rate": 0}, {"rate": Fraction(9, 8)}])
def test_impossible_timing_is_refused(parameters):
    with pytest.raises(ConfigError, match=next(iter(parameters))):
        TimedMemory(**parameters)
