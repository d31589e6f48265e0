"""Numbers for the vector unit's functions, and their results from sim.formats."""

import numpy as np

from tilewright.cocotb_tests.arith.vectors import Vectors, payload, vectors
from tilewright.cocotb_tests.npe.epilogue_cases import SPECIAL
from tilewright.cocotb_tests.vector.functions_harness import OPERANDS
from tilewright.sim.formats import exp, reciprocal, rsqrt


def corners() -> np.ndarray:
    """Return FP32 codes at all exponents, at and beside all entries, and where a result is no longer normal."""
    exponents = [field << 23 | low for field in range(256) for low in (0, 1, 0x3FFFFF, 0x400000, 0x7FFFFF)]
    entries = [field << 23 | i << 14 | low for field in (127, 128) for i in range(512) for low in (0, 1, 0x3FFF)]
    ends = np.array([88.72284, 87.33654], np.float32).view(np.uint32).astype(np.int64)
    near = (ends[:, None] + np.arange(-40, 41)).reshape(-1)
    # Products with log2(e) beside integers, of which some are rounded up to them.
    turns = (np.arange(1, 129) * np.log(2)).astype(np.float32).view(np.uint32).astype(np.int64)
    beside = (turns[:, None] + np.arange(-2, 3)).reshape(-1)
    magnitudes = np.concatenate([exponents, entries, near, beside])
    return np.concatenate([SPECIAL, magnitudes, magnitudes | 1 << 31])


def function_vectors(name: str, count: int, *, seed: int = 1) -> Vectors:
    """Return corners and ``count`` random numbers, a third any codes, the others such that exponentials are normal.

    For the inverses each corner comes twice.
    """
    rng = np.random.default_rng(seed)
    moderate = rng.standard_normal(count) * 2.0 ** rng.integers(-26, 7, count)
    codes = moderate.astype(np.float32).view(np.uint32).astype(np.int64)
    codes = np.where(rng.random(count) < 1 / 3, rng.integers(0, 1 << 32, count), codes)
    edge = corners()
    x = np.concatenate([edge, edge, codes])
    which = np.concatenate([np.zeros(len(edge)), np.ones(len(edge)), rng.integers(0, 2, count)]).astype(np.int64)
    order = rng.permutation(len(x))
    x, which = x[order], which[order]
    number = x.astype(np.uint32).view(np.float32)
    y = exp(number) if name == "exponential" else np.where(which == 1, rsqrt(number), reciprocal(number))
    return vectors(payload(OPERANDS, x=x, rsqrt=which), OPERANDS.size, y.view(np.uint32).astype(np.int64), 32)
