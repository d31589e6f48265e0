"""Reasons why designs of a space are no valid systems, against the validation of each design."""

import math

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore import refusals as module
from tilewright.mapping.explore.refusals import refusal_lines, refusals
from tilewright.mapping.explore.space import Space
from tilewright.sim.config import load_system

BUSES, LANES = [64, 128, 256], [2, 3, 16, 16]


@pytest.fixture
def space() -> Space:
    """Return a space of 12 designs around a base whose weights come from a bus of 64 bits."""
    choices = {"fabric.bus_bits": np.array(BUSES), "vector.lanes": np.array(LANES)}
    return Space(load_system("tiny"), choices, (), {"latency_s": 1.0})


def validated(space: Space) -> dict[str, int]:
    """Return the number of designs for each field that validation of single systems names first."""
    found: dict[str, int] = {}
    for bus in BUSES:
        for lanes in LANES:
            try:
                space.base.with_({"fabric.bus_bits": bus, "vector.lanes": lanes})
            except ConfigError as error:
                path = str(error).split(" ")[0]
                found[path] = found.get(path, 0) + 1
    return found


def test_shares_are_those_of_all_designs(space):
    expected = validated(space)
    assert len(expected) > 1, "the space shows one reason alone"
    found = refusals(space)
    assert {each.field: round(each.share * space.size, 6) for each in found} == expected
    assert [each.share for each in found] == sorted((each.share for each in found), reverse=True)
    assert all(each.example.startswith(f"{each.field} = ") and "is not allowed" in each.example for each in found)


def test_a_sample_has_about_the_same_shares(space, monkeypatch):
    monkeypatch.setattr(module, "LOOKED_AT", 11)
    monkeypatch.setattr(module, "VALIDATED", 5)
    expected = sum(validated(space).values()) / space.size
    found = refusals(space)
    assert {each.field for each in found} <= set(validated(space))
    assert math.isclose(sum(each.share for each in found), expected, abs_tol=0.35)


def test_a_space_of_legal_designs_has_none(space):
    legal = Space(space.base, {"vector.lanes": np.array([2, 4])}, (), {"latency_s": 1.0})
    assert refusals(legal) == ()
    assert refusal_lines(()) == []


def test_lines_have_the_share_and_the_reason(space):
    lines = refusal_lines(refusals(space), most=1)
    assert len(lines) == 1
    assert "% of the designs are refused, such as: " in lines[0]
