"""Candidates: the designs that were run because they may be on the front, and how they were found."""

from dataclasses import dataclass

import numpy as np

from tilewright.mapping.explore.objectives import Sums
from tilewright.mapping.explore.result import EstimateError


@dataclass(frozen=True, eq=False)
class Candidates:
    """Designs that the exact model ran; each design of the space that was left out is worse than one of them."""

    method: str
    legal: int
    """Number of legal designs that were looked at."""
    evaluated: int
    """Number of designs that were looked at, legal or not."""
    cpu_seconds: float
    """CPU-seconds of looking at them, before they were run."""
    numbers: np.ndarray
    """Numbers of the designs that ran."""
    estimated: Sums
    """Sums that were known before the designs ran: estimates, or bounds."""
    error: EstimateError | None
    """Errors of estimates; None for bounds, which no run comes below."""
