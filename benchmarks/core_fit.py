"""Fits the constants of the analytic core model to published runs: least squares of log(predicted / measured) of time.

Each constant has one value for all workloads and clocks. The fit is of their logarithms, so that they stay positive.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import log

import numpy as np
from scipy.optimize import least_squares

from tilewright.gem5_configs.core_minor import MinorConstants
from tilewright.gem5_configs.core_model import predict
from tilewright.gem5_configs.core_o3 import O3Constants
from tilewright.gem5_configs.runs import BASELINE, MeasuredRun
from tilewright.sim.config.host import CoreKind

Constants = O3Constants | MinorConstants
KINDS: dict[CoreKind, type[O3Constants] | type[MinorConstants]] = {"o3": O3Constants, "minor": MinorConstants}
STARTS = (0.25, 0.5, 1)
"""Factors of the constants as they are, where fits start: corners of the model may stop a fit early."""
DIFFERENCE = 1e-4
"""Relative step of the numerical derivatives."""
ANCHOR = 1e-3
"""Weight that holds a constant to where it starts: only one on which no point depends stays there."""


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
    """Return the constants with the least sum of squares over the points: the best of the fits from ``STARTS``."""

    def errors(values: np.ndarray) -> np.ndarray:
        constants = kind(*np.exp(values).tolist())
        return np.array([log(point.ratio(constants)) for point in points])

    def descend(start: np.ndarray) -> np.ndarray:
        def anchored(values: np.ndarray) -> np.ndarray:
            return np.concatenate([errors(values), ANCHOR * (values - start)])

        # Bounds of bandwidth are corners: a trust region takes smaller steps there.
        return least_squares(anchored, start, method="trf", diff_step=DIFFERENCE).x

    ends = [descend(np.log(np.array(astuple(kind())) * factor)) for factor in STARTS]
    # Rounded: the choice between two equal ends must not depend on a machine's last digit.
    best = min(ends, key=lambda values: round(float((errors(values) ** 2).sum()), 6))
    return kind(*np.exp(best).tolist())
