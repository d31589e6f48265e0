"""Fits the constants of the analytic core model to published runs: least squares of log(predicted / measured) of time.

Each constant has one value for all workloads and clocks. Gauss-Newton on their logarithms.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from math import log

import numpy as np

from tilewright.gem5_configs.core_minor import MinorConstants
from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.core_o3 import O3Constants
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun
from tilewright.sim.config.host import CoreKind

Constants = O3Constants | MinorConstants
KINDS: dict[CoreKind, type[O3Constants] | type[MinorConstants]] = {"o3": O3Constants, "minor": MinorConstants}
STARTS = (0.25, 0.5, 1)
"""Times the constants as they are: corners of the model may hold a descent back."""
STEPS = 40
NUDGE = 1e-4


@dataclass(frozen=True)
class Point:
    """A measured run and the one at baseline clocks that it is predicted from."""

    run: MeasuredRun
    baseline: MeasuredRun

    def ratio(self, constants: Constants) -> float:
        """Return predicted over measured time."""
        chosen = {self.run.core: constants}
        found = predict(self.baseline, self.run.clocks, **chosen)  # type: ignore[arg-type]
        return found.seconds / self.run.sim_seconds


def points_of(runs: Sequence[MeasuredRun], core: CoreKind) -> list[Point]:
    """Return all runs of a core away from the baseline's clocks, each with its baseline."""
    found = {run.workload: run for run in runs if run.core == core and run.clocks == BASELINE}
    return [Point(run, found[run.workload]) for run in runs if run.core == core and run.clocks != BASELINE]


def fit(points: Sequence[Point], kind: type[O3Constants] | type[MinorConstants]) -> Constants:
    """Return the constants with the least sum of squares over the points: the best of what ``STARTS`` lead to."""

    def errors(values: np.ndarray) -> np.ndarray:
        constants = kind(*np.exp(values).tolist())
        return np.array([log(point.ratio(constants)) for point in points])

    ends = [_descend(errors, np.log(np.array(astuple(kind())) * start)) for start in STARTS]
    # Rounded: which of two that are alike is chosen must not depend on a machine's last digit.
    best = min(ends, key=lambda values: round(float((errors(values) ** 2).sum()), 6))
    return kind(*np.exp(best).tolist())


def _descend(errors: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return where Gauss-Newton ends."""
    for _ in range(STEPS):
        now = errors(values)
        slopes = np.stack([errors(values + step) - now for step in NUDGE * np.eye(len(values))], axis=1) / NUDGE
        # What no point tells of stays where it starts, instead of following the rounding of a machine.
        change = np.clip(np.linalg.lstsq(slopes, -now, rcond=1e-6)[0], -0.5, 0.5)
        # Bounds of bandwidth are corners: a step that does not help is halved.
        while np.abs(change).max() > 1e-6 and (errors(values + change) ** 2).sum() > (now**2).sum():
            change /= 2
        values = values + change
        if np.abs(change).max() < 1e-6:
            break
    return values
