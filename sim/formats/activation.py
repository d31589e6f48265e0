"""Activation functions in FP32 with gates from a table, bit for bit as the NPE computes them.

SiLU is x * sigmoid(x), GELU is x * Phi(x), Phi the normal distribution (the exact form, with erf). The gate, sigmoid or
Phi, is interpolated between 512 entries in integers, in units of 2**-24; one FP32 product follows.

:data:`MAX_GATE_ERROR` and :data:`MAX_ERROR` are the largest errors against float64, measured by
``tests/sim/formats/test_activation.py``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from .fp32 import NAN

ENTRIES = 512
STEP_BITS = 11
"""Number of bits of a position between two entries."""
GATE_BITS = 24
"""Number of bits of a gate after the binary point: a gate is a multiple of 2**-GATE_BITS, at most 1."""
ONE = 1 << GATE_BITS
POSITION_BITS = (ENTRIES - 1).bit_length() + STEP_BITS
NAMES = ("none", "relu", "silu", "gelu")
"""Names of activation functions; the index of a name is its number in a descriptor."""


@dataclass(frozen=True)
class GateTable:
    """A gate g with g(-x) = 1 - g(x), as a table of its values for x >= 0.

    Parameters
    ----------
    function : callable
        The gate in float64.
    range : int
        A power of two. From this magnitude on the gate counts as 1 or 0.
    """

    function: Callable[[float], float]
    range: int

    @property
    def fraction_bits(self) -> int:
        """Number of bits after the binary point of a magnitude that addresses the table: entry, then place between
        entries."""
        return POSITION_BITS - (self.range.bit_length() - 1)

    @property
    def step(self) -> float:
        """Distance between two entries."""
        return self.range / ENTRIES

    @cached_property
    def base(self) -> tuple[int, ...]:
        """Gates at 0, step ... range, in units of 2**-GATE_BITS: ENTRIES + 1 integers that do not fall."""
        return tuple(round(self.function(i * self.step) * ONE) for i in range(ENTRIES + 1))

    def gate(self, x: ArrayLike) -> np.ndarray:
        """Return the gates of FP32 numbers.

        Parameters
        ----------
        x : array of float32
            NaN gives 1.

        Returns
        -------
        ndarray of float32
            Exact: a multiple of 2**-GATE_BITS from 0 to 1.
        """
        x = np.asarray(x, dtype=np.float32)
        base = np.array(self.base, dtype=np.int64)
        with np.errstate(invalid="ignore"):  # signalling NaNs
            magnitude = np.abs(x.astype(np.float64))
        inside = magnitude < self.range
        position = np.floor(np.where(inside, magnitude, 0.0) * 2.0**self.fraction_bits).astype(np.int64)
        index, t = position >> STEP_BITS, position & ((1 << STEP_BITS) - 1)
        here, after = base[index], base[index + 1]
        p = np.where(inside, here + ((after - here) * t >> STEP_BITS), ONE)
        return (np.where(x < 0, ONE - p, p) / ONE).astype(np.float32)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _normal_distribution(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


ACTIVATIONS = {"silu": GateTable(_sigmoid, 16), "gelu": GateTable(_normal_distribution, 8)}
"""Activation functions that have a table."""
MAX_GATE_ERROR = {"silu": 1.442e-5, "gelu": 9.41e-6}
"""Largest absolute error of a gate."""
MAX_ERROR = {"silu": 2.29e-5, "gelu": 1.07e-5}
"""Largest absolute error of an activation function of x below the table's range; above it half a unit in x's last place
more."""


def activate(name: str, x: ArrayLike) -> np.ndarray:
    """Return an activation function of FP32 numbers.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    x : array of float32
        The numbers.

    Returns
    -------
    ndarray of float32
        NaN stays NaN, the canonical one. ``none``: x; ``relu``: x if it is above zero, else +0; ``silu`` and ``gelu``:
        x times its gate, rounded once to nearest even, subnormals kept, and +0 where the gate is 0.

    Raises
    ------
    ValueError
        If there is no such activation.
    """
    if name not in NAMES:
        raise ValueError(f"activation = {name} is not allowed: one of {', '.join(NAMES)}")
    x = np.asarray(x, dtype=np.float32)
    if name == "none":
        y = x
    elif name == "relu":
        y = np.where(x > 0, x, np.float32(0))
    else:
        gate = ACTIVATIONS[name].gate(x)
        with np.errstate(invalid="ignore", under="ignore"):
            y = np.where(gate == 0, np.float32(0), x * gate)
    return np.where(np.isnan(x), NAN, y).astype(np.float32, copy=False)
