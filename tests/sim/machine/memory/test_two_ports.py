"""Reads of two ports out of one bandwidth, against a memory that steps every cycle, and never more than it has."""

from fractions import Fraction

import numpy as np
import pytest

from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

TIMINGS = {
    "full rate": {"latency": 9},
    "two thirds": {"latency": 3, "rate": Fraction(2, 3)},
    "seldom, refreshed": {"latency": 5, "rate": Fraction(3, 11), "refresh_period": 64, "refresh_cycles": 17},
    "in turns": {
        "latency": 2, "rate": Fraction(4, 5), "refresh_period": 50, "refresh_cycles": 7, "turn_period": 23,
        "read_to_write": 2, "write_cycles": 5, "write_to_read": 3,
    },
}  # fmt: skip
Offer = tuple[int, bool, int]
"""Cycle of a burst's address, whether it is of the first port, and its beats; in the order in which bursts are served."""


def offers(seed: int, count: int = 120, most: int = 6) -> list[Offer]:
    """Return bursts of both ports, of each at most one a cycle: many at once, then few."""
    rng = np.random.default_rng(seed)
    made, now = [], [0, 0]
    for _ in range(count):
        port = int(rng.integers(2))
        now[port] += 1 if rng.random() < 0.7 else int(rng.integers(1, 90))
        made.append((now[port], port == 0, int(rng.integers(1, most))))
    return sorted(made, key=lambda offer: offer[:2])


def stepped(timing: dict, those: list[Offer]) -> list[int]:
    """Return the cycle of each burst's last beat, from cycle to cycle: a slot fetches a beat of the oldest burst."""
    slots = AxiMemoryModel(**timing)
    waiting, ends, cycle = [[offered, beats] for offered, _, beats in those], [], 0
    while len(ends) < len(waiting):
        first = waiting[len(ends)]
        if first[0] < cycle and slots.slot_at(cycle + 1) > slots.slot_at(cycle):
            first[1] -= 1
            if not first[1]:
                ends.append(cycle + slots.latency)
        cycle += 1
    return ends


def served(first: AxiMemoryModel, second: AxiMemoryModel, those: list[Offer]) -> list[int]:
    second.share_reads(first)
    ends = []
    for offered, of_first, beats in those:
        # The first port asks in two ways.
        if not of_first:
            ends.append(second.read(offered, beats))
        elif beats % 2:
            ends.append(first.read(offered, beats))
        else:
            ends.append(first.read_slots(offered, beats)[1])
    return ends


@pytest.mark.parametrize("timing", TIMINGS.values(), ids=TIMINGS)
@pytest.mark.parametrize("seed", range(5))
def test_bursts_are_served_in_their_order(timing, seed):
    those = offers(seed)
    assert served(AxiMemoryModel(**timing), AxiMemoryModel(**timing), those) == stepped(timing, those)


@pytest.mark.parametrize("timing", TIMINGS.values(), ids=TIMINGS)
def test_a_port_alone_has_the_whole_bandwidth(timing):
    those = [offer for offer in offers(7) if not offer[1]]
    alone = AxiMemoryModel(**timing)
    expected = [alone.read(offered, beats) for offered, _, beats in those]
    assert served(AxiMemoryModel(**timing), AxiMemoryModel(**timing), those) == expected


@pytest.mark.parametrize("rate", [Fraction(1, 4), Fraction(2, 9), Fraction(2, 3), Fraction(1)])
@pytest.mark.parametrize("most", [2, 9])
def test_ports_of_different_widths_never_have_more_than_the_bandwidth_together(rate, most):
    """A word takes the share of the bandwidth that its port's rate says: together no more than there were cycles."""
    those = [(number // 2, bool(number % 2), beats) for number, (_, _, beats) in enumerate(offers(11, 400, most))]
    own = Fraction(1, 2)
    ends = served(AxiMemoryModel(rate=own), AxiMemoryModel(rate=rate), those)
    cycles = sum(beats / (own if of_first else rate) for _, of_first, beats in those)
    changes = sum(1 / max(own, rate) + 1 / min(own, rate) for _ in those)
    assert cycles - 1 / min(own, rate) <= max(ends) <= cycles + changes
