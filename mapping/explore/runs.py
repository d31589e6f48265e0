"""The runs of a space on the exact model: what the study has, and what is still to be run."""

from collections.abc import Callable, Iterable

import numpy as np

from tilewright import __version__
from tilewright.base.executor import Run
from tilewright.mapping.explore.exact import Outcome
from tilewright.mapping.explore.objectives import Sums
from tilewright.mapping.explore.space import Space
from tilewright.mapping.explore.study import Key, Study
from tilewright.mapping.explore.variants import variant_changes


class ExactRuns:
    """Outcomes of runs of designs and their variants.

    Parameters
    ----------
    execute : callable
        Function of :func:`tilewright.base.executor.executor` that runs :func:`.run_exact`.
    watch : callable
        Function that is told how many runs are done, and of how many.
    """

    def __init__(self, space: Space, study: Study, execute: Run, watch: Callable[[int, int], None]):
        self._space, self._study, self._execute, self._watch = space, study, execute, watch
        self.outcomes: dict[Key, Outcome] = study.outcomes()

    def run(self, designs: Iterable[tuple[int, str]]) -> None:
        """Run designs, each with the name of its variant, unless the study has their outcomes."""
        keys = [(number, run, variant) for number, variant in designs for run in range(len(self._space.runs))]
        left = [key for key in keys if key not in self.outcomes]
        self._watch(len(keys) - len(left), len(keys))
        calls = [self._call(key) for key in left]
        for done, (index, outcome) in enumerate(self._execute(calls), len(keys) - len(left) + 1):
            self._study.add(left[index], outcome)
            self.outcomes[left[index]] = outcome
            self._watch(done, len(keys))

    def _call(self, key: Key) -> tuple:
        number, at, variant = key
        space, run = self._space, self._space.runs[at]
        changes = space.designs(np.array([number])).changes(0)
        if variant:
            changes |= variant_changes(variant, space.base.with_(changes))
        return __version__, space.base, changes, run.model, run.phase, run.context

    def refused(self) -> np.ndarray:
        """Return the numbers of the designs that were refused in a run."""
        return np.unique(
            [key[0] for key, outcome in self.outcomes.items() if not key[2] and "refused" in outcome]
        ).astype(np.int64)

    def of(self, number: int, variant: str = "") -> list[Outcome]:
        """Return the outcomes of the runs of a design."""
        return [self.outcomes[number, at, variant] for at in range(len(self._space.runs))]

    def refusal(self, number: int, variant: str = "") -> str | None:
        """Return why a design was refused; None if it ran."""
        return next((outcome["refused"] for outcome in self.of(number, variant) if "refused" in outcome), None)

    def sums(self, numbers: Iterable[int], variant: str = "") -> Sums:
        """Return seconds, joules, tokens and area of designs that ran."""
        weights = np.array([run.weight for run in self._space.runs])
        designs = [self.of(int(number), variant) for number in numbers]
        found = np.array(
            [[[o[name] for o in design] for design in designs] for name in ("seconds", "energy_j", "tokens")]
        )
        area = np.array([design[0].get("area_mm2", np.nan) for design in designs])
        return Sums.of(np.vstack([found.reshape(3, len(designs), len(weights)) @ weights, area]))
