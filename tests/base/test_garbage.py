"""Garbage collection while many objects are made: less often, and as before afterwards."""

import gc

import pytest

from tilewright.base.garbage import OBJECTS, rare_garbage_collection


def test_it_is_rare_inside_and_as_before_afterwards():
    before = gc.get_threshold()
    with rare_garbage_collection():
        assert gc.get_threshold() == OBJECTS
        assert before < OBJECTS
    assert gc.get_threshold() == before


def test_it_is_as_before_after_an_error():
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), rare_garbage_collection():
        _ = 1 / 0
    assert gc.get_threshold() == before
