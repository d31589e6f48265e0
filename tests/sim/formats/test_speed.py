"""The array code is fast enough for whole models."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from tilewright.sim.formats import ScalarFormat, format_names, parse_format

COUNT = 1 << 22
ENCODES_PER_SECOND = 20e6
DECODES_PER_SECOND = 100e6

SCALARS = [fmt for name in format_names() if isinstance(fmt := parse_format(name), ScalarFormat) and fmt.bits <= 16]


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    """Numbers of widely different size, some zero."""
    rng = np.random.default_rng(1)
    numbers = rng.standard_normal(COUNT) * 2.0 ** rng.integers(-30, 30, COUNT)
    numbers[rng.random(COUNT) < 0.05] = 0.0
    return numbers


def rate(run: Callable[[], object]) -> float:
    """Return elements per second of CPU time, the best of three runs."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return COUNT / min(seconds)


@pytest.mark.parametrize("fmt", [*SCALARS, parse_format("posit16_4"), parse_format("int16")], ids=str)
def test_speed(fmt, numbers):
    codes = fmt.encode(numbers)
    encodes, decodes = rate(lambda: fmt.encode(numbers)), rate(lambda: fmt.decode(codes))
    print(f"{fmt}: {encodes / 1e6:.0f} M encodes/s, {decodes / 1e6:.0f} M decodes/s")
    assert encodes >= ENCODES_PER_SECOND
    assert decodes >= DECODES_PER_SECOND
