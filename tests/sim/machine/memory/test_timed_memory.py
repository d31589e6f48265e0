import random
from fractions import Fraction

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.machine.memory.timed_memory import TimedMemory


def stepped(
    latency: int,
    rate: Fraction,
    refresh: tuple[int, int],
    turns: tuple[int, int, int],
    requests: list[tuple[int, int]],
) -> list[tuple[int, int]]:
    """The memory cycle by cycle, from its description: requests are (earliest cycle, words)."""
    waiting: list[tuple[int, int]] = []  # request index, words left, visible from the next cycle on
    answers = [(0, 0)] * len(requests)
    offered, cycle, active, awake = 0, 0, 0, 0
    period, pause = refresh
    interval, first, length = turns
    while offered < len(requests) or waiting:
        fetches = False
        if cycle % period >= pause:
            if first <= awake % interval < first + length:
                fetches = (active + 1) * rate // 1 > active * rate // 1
                active += 1
            awake += 1
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
@pytest.mark.parametrize("refresh", [(1, 0), (2, 1), (7, 3), (50, 49), (400, 28)])
@pytest.mark.parametrize("turns", [(1, 0, 1), (5, 2, 2), (9, 0, 1), (300, 40, 250), (301, 300, 1)])
def test_the_closed_formula_is_the_stepped_memory(rate, latency, refresh, turns):
    rng = random.Random(f"{rate} {latency}")
    for _ in range(10 if turns[0] < 10 else 1):
        cycle, requests = 0, []
        for _ in range(12):
            cycle += rng.choice((0, 0, 1, 5, 40))
            requests.append((cycle, rng.randint(1, 9)))
        memory = TimedMemory(
            latency=latency, rate=rate, refresh_period=refresh[0], refresh_cycles=refresh[1], turn_period=turns[0],
            open_first=turns[1], open_cycles=turns[2],
        )  # fmt: skip
        assert [memory.read(*request) for request in requests] == stepped(latency, rate, refresh, turns, requests)


@pytest.mark.parametrize("begin", [1, 6, 48, 1234])
@pytest.mark.parametrize("rate", [Fraction(1), Fraction(3, 7)])
@pytest.mark.parametrize("refresh", [(1, 0), (7, 3), (400, 28)])
@pytest.mark.parametrize("turns", [(1, 0, 1), (5, 2, 2), (300, 40, 250)])
def test_a_memory_that_has_run_before_goes_on_in_its_own_cycles(begin, rate, refresh, turns):
    requests = [(0, 3), (0, 1), (9, 4), (60, 2), (61, 9), (700, 5)]
    memory = TimedMemory(
        latency=4, rate=rate, refresh_period=refresh[0], refresh_cycles=refresh[1], turn_period=turns[0],
        open_first=turns[1], open_cycles=turns[2], begin=begin,
    )  # fmt: skip
    later = stepped(4, rate, refresh, turns, [(begin + earliest, words) for earliest, words in requests])
    answers = [memory.read(*request) for request in requests]
    assert answers == [(accepted - begin, last - begin) for accepted, last in later]
    slots = [memory.first_slot(cycle) for cycle in range(800, 1300)]
    assert all(memory.slot_cycle(slot) > cycle for cycle, slot in enumerate(slots, 800))
    assert all(memory.slot_cycle(slot - 1) <= cycle for cycle, slot in enumerate(slots, 800))
    assert memory.arrivals(slots) == [memory.slot_cycle(slot) + 4 for slot in slots]


@pytest.mark.parametrize(("period", "pause"), [(1, 0), (7, 3), (40, 39)])
@pytest.mark.parametrize("rate", [Fraction(1), Fraction(3, 7)])
@pytest.mark.parametrize("turns", [(1, 0, 1), (3, 1, 2)])
def test_slots_recur_as_the_memory_says(period, pause, rate, turns):
    memory = TimedMemory(
        rate=rate, refresh_period=period, refresh_cycles=pause, turn_period=turns[0], open_first=turns[1],
        open_cycles=turns[2],
    )  # fmt: skip
    period *= turns[0]
    slots = {memory.slot_cycle(number) for number in range(6 * period * rate.denominator)}
    end = max(slots)
    for cycles in range(1, 3 * period * rate.denominator):
        recur = all((slot + cycles in slots) == (slot in slots) for slot in range(end - cycles))
        assert memory.repeats_after(cycles) == recur, cycles


@pytest.mark.parametrize(
    "parameters",
    [
        {"latency": 0}, {"rate": 0}, {"rate": Fraction(9, 8)}, {"refresh_period": 0},
        {"refresh_cycles": 1}, {"refresh_cycles": -1}, {"refresh_cycles": 40, "refresh_period": 40},
        {"turn_period": 3, "open_first": 2, "open_cycles": 2}, {"turn_period": 3, "open_cycles": 0},
    ],
)  # fmt: skip
def test_impossible_timing_is_refused(parameters):
    name, value = next(iter(parameters.items()))
    with pytest.raises(ConfigError, match=f"^{name} = {value} is not allowed: "):
        TimedMemory(**parameters)
