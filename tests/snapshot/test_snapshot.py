"""Outputs of the tree are what they were: programs, JSON of ``map``, tables."""

import pytest

from tests.snapshot.outputs import LARGE, entries
from tests.snapshot.stored import differences, stored

EVERYDAY = [name for name in entries() if name not in LARGE]


@pytest.mark.parametrize("name", [*EVERYDAY, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def test_an_output_is_as_in_the_snapshot(name):
    assert differences(stored()[name], entries()[name]()) == [], "see python -m tests.snapshot --help"


def test_the_snapshot_has_no_other_entries():
    assert set(stored()) == set(entries())


def test_a_difference_is_found_wherever_it_is():
    before = {"steps": [{"cycles": 3}], "name": "a"}
    assert differences(before, {"steps": [{"cycles": 4}], "name": "a"}) == ["steps.0.cycles: 3 is now 4"]
    assert differences(before, {"steps": [], "title": "a"}) == [
        "name: gone", "title: new", "steps: [{'cycles': 3}] is now []",
    ]  # fmt: skip
