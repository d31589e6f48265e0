"""Waits of the array and the NPE: every cycle without a product is counted once, for a unit that is at work in it."""

import random

import pytest

from tests.mapping.small_models import EDGE, THIN
from tilewright.mapping.map import map_model
from tilewright.mapping.waits import ORDER, Wait, array_waits
from tilewright.sim.isa.units import Unit
from tilewright.sim.trace import Span

ARRAY, LOAD, VECTOR, STORE, NPE = (each.label for each in (Unit.ARRAY, Unit.LOAD, Unit.VECTOR, Unit.STORE, Unit.NPE))


def test_of_several_units_the_one_that_is_named_first_has_the_cycle():
    spans = [Span(LOAD, "up", 0, 90), Span(ARRAY, "q", 10, 20), Span(VECTOR, "norm", 15, 40), Span(STORE, "k", 30, 60)]
    assert array_waits(spans, 100) == (
        Wait(LOAD, "up", 10 + 30),
        Wait(STORE, "k", 20),
        Wait(VECTOR, "norm", 20),
        Wait("", "", 10),
    )


def test_of_several_commands_of_a_unit_the_first_has_the_cycle():
    spans = [Span(LOAD, "a", 0, 30), Span(LOAD, "b", 10, 50), Span(LOAD, "c", 20, 40), Span(LOAD, "d", 45, 60)]
    assert array_waits(spans, 60) == (Wait(LOAD, "a", 30), Wait(LOAD, "b", 20), Wait(LOAD, "d", 10))


def test_products_without_a_gap_wait_for_nothing():
    assert array_waits([Span(ARRAY, "q", 0, 50), Span(ARRAY, "k", 50, 80), Span(VECTOR, "norm", 0, 80)], 80) == ()


@pytest.mark.parametrize("seed", range(30))
def test_each_cycle_is_counted_once_as_cycle_by_cycle(seed):
    rng = random.Random(seed)
    cycles, spans = 300, []
    for unit in (ARRAY, LOAD, VECTOR, STORE, NPE):
        start = 0
        for number in range(rng.randrange(12)):
            start += rng.randrange(25)
            spans.append(Span(unit, f"{unit[0]}{number % 4}", start, min(cycles, start + rng.randrange(30))))
    counted: dict[tuple[str, str], int] = {}
    for cycle in range(cycles):
        at_work = [span for span in spans if span.start <= cycle < span.end]
        if any(span.unit in (ARRAY, NPE) for span in at_work):
            continue
        of_unit = [span for unit in ORDER for span in at_work if span.unit == unit.label]
        place = ("", "")
        if of_unit:
            unit = of_unit[0].unit
            place = (unit, min((s.start, s.end, s.name) for s in of_unit if s.unit == unit)[2])
        counted[place] = counted.get(place, 0) + 1
    found = {(wait.unit, wait.step): wait.cycles for wait in array_waits(spans, cycles)}
    assert sum(found.values()) == sum(counted.values())
    assert found == counted


@pytest.mark.parametrize(
    ("phase", "context"), [("decode", 257), ("prefill", 5), pytest.param("prefill", 17, marks=pytest.mark.slow)]
)
def test_a_run_is_products_and_waits(phase, context):
    result = map_model("x", THIN, EDGE, phase=phase, context=context)
    assert result.cycles == result.unit_cycles[ARRAY] + sum(wait.cycles for wait in result.waits)
    rows = {row.name for row in result.rows} | {""}
    assert {wait.step for wait in result.waits} <= rows
