"""Garbage collection of Python at work that makes millions of objects, all of which are needed until its end."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = (200_000, 20, 100)
"""Thresholds of ``gc.set_threshold`` in :func:`rare_garbage_collection`; Python's own begin with 700 objects."""


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Look for cycles of unused objects less often inside the ``with`` block.

    The elaboration of an accelerator takes two thirds of the CPU time so, and a tenth more memory.
    """
    before = gc.get_threshold()
    gc.set_threshold(*OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
