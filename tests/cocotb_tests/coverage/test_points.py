"""Points, bins, holes and their reasons."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import pytest

from tilewright.cocotb_tests.coverage.fields import FieldPoint
from tilewright.cocotb_tests.coverage.points import Coverage, Explanation, explain
from tilewright.sim.isa.fields import Field, Layout, float_bits
from tilewright.sim.isa.units import Units


def made(**hits: int) -> Coverage:
    coverage = Coverage()
    coverage.declare("colours", ("red", "green", "blue"))
    for name, count in hits.items():
        coverage.hit("colours", name, count)
    return coverage


def test_hits_of_several_coverages_are_added():
    one, other = made(red=2), made(red=1, blue=1)
    other.declare("shapes", ("round",))
    one.add(other)
    assert one.to_dict() == {"colours": {"red": 3, "green": 0, "blue": 1}, "shapes": {"round": 0}}
    assert list(map(str, one.holes())) == ["colours: green", "shapes: round"]


@pytest.mark.parametrize(("point", "name"), [("colours", "pink"), ("sizes", "red")])
def test_what_is_not_declared_is_an_error(point, name):
    with pytest.raises(KeyError):
        made().hit(point, name)


def test_a_hit_that_counts_nothing_leaves_a_hole():
    assert [hole.bin for hole in made(red=1, green=0).holes()] == ["green", "blue"]


def test_holes_without_a_reason_and_reasons_without_a_hole_are_told():
    reason, other = Explanation("colours: gr*", "Greens do not exist."), Explanation("colours: red", "Never.")
    found = explain(made(red=1).holes(), [reason, other])
    assert {hole.bin: each for hole, each in found.holes.items()} == {"green": reason}
    assert [hole.bin for hole in found.open] == ["blue"]
    assert found.unused == (other,)


class Colour(IntEnum):
    RED = 0
    BLUE = 1


@dataclass(frozen=True, kw_only=True)
class Command(Layout):
    """A command with a field of each kind."""

    colour: Annotated[Colour, Field(0, 0, 2)] = Colour.RED
    wait: Annotated[Units, Field(0, 2, 5)] = Units.NONE
    on: Annotated[bool, Field(0, 7, 1)] = False
    code: Annotated[int, Field(0, 8, 2)] = 0
    count: Annotated[int, Field(0, 16, 16)] = 0
    factor: Annotated[float, Field(1, 0, 32)] = 0.0


@dataclass(frozen=True, kw_only=True)
class LaterCommand(Command):
    """The command with one more field."""

    late: Annotated[bool, Field(2, 0, 1)] = False


def test_bins_follow_from_the_layout():
    coverage = Coverage()
    point = FieldPoint(coverage, "command", Command)
    assert list(coverage.points["command"]) == [
        "colour = red", "colour = blue",
        "wait = none", "wait = load", "wait = array", "wait = vector", "wait = store", "wait = npe",
        "on = 0", "on = 1",
        "code = 0", "code = 1", "code = 2", "code = 3",
        "count = 0", "count = 1", "count = more",
        "factor = zero", "factor = positive", "factor = negative", "factor = subnormal", "factor = infinite", "factor = NaN",
    ]  # fmt: skip
    point.sample(
        Command(colour=Colour.BLUE, wait=Units.LOAD | Units.NPE, on=True, code=3, count=7, factor=-2.0).to_fields()
    )
    hit = {name for name, count in coverage.points["command"].items() if count}
    assert hit == {
        "colour = blue",
        "wait = load",
        "wait = npe",
        "on = 1",
        "code = 3",
        "count = more",
        "factor = negative",
    }


@pytest.mark.parametrize(
    ("number", "name"), [(-0.0, "zero"), (1e-40, "subnormal"), (float("inf"), "infinite"), (float("nan"), "NaN"), (3.5, "positive")]
)  # fmt: skip
def test_classes_of_numbers(number, name):
    coverage = Coverage()
    FieldPoint(coverage, "command", Command).sample(Command().to_fields() | {"factor": float_bits(number)})
    assert coverage.points["command"][f"factor = {name}"] == 1


def test_a_new_field_is_a_hole_at_once():
    coverage = Coverage()
    FieldPoint(coverage, "command", LaterCommand).sample(LaterCommand().to_fields())
    assert "command: late = 1" in map(str, coverage.holes())
