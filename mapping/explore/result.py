"""The result of an exploration: the front, the design that is recommended, and how good the estimates were."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tilewright.mapping.explore.exact import Outcome
from tilewright.mapping.explore.objectives import Sums
from tilewright.mapping.explore.refusals import Refusal
from tilewright.mapping.explore.space import Space
from tilewright.sim.config import System


@dataclass(frozen=True)
class EstimateError:
    """Errors of estimates against the exact model, as fractions: of seconds and joules, whichever is further off."""

    worst: float
    """Largest error over the designs that the exact model ran."""
    median: float
    designs: int
    """Number of these designs."""
    stated_worst: float
    """Largest error that was measured over random systems, before this exploration."""
    stated_median: float
    margin: float
    """Error with which designs were left out: the larger one of the two, or more."""


@dataclass(frozen=True)
class Gain:
    """Effect of a tenth more of a resource, as the exact model ran it."""

    resource: str
    field: str
    """Field of the system that says how much of the resource there is."""
    value: float | int
    """Value of the field with a tenth more of the resource."""
    share: float
    """Share of the time that goes to this resource; the shares of all resources add up to 1."""
    faster: float | None
    """Factor by which tokens are faster; None if the design cannot have more."""
    refused: str | None = None
    """Reason why the design cannot have more."""


@dataclass(frozen=True)
class FrontPoint:
    """A design on the front; everything but ``estimate`` is exact."""

    number: int
    """Number of the design in its space."""
    changes: dict[str, object]
    """Values of the fields of the space, by dotted path."""
    objectives: dict[str, float]
    estimate: dict[str, float]
    """Objectives as they were estimated; their bounds, if the method compares bounds."""
    binding: str
    """Resource whose bound is the largest in the run that takes the most time."""
    bound_fraction: float
    """Part of the time of this run that the resource alone would take."""
    runs: tuple[Outcome, ...]
    """Outcome of each run of the space."""
    equal: int
    """Number of other designs that were run and whose objectives are all equal."""
    gains: tuple[Gain, ...] = ()

    def to_dict(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Return the design for JSON; runs have labels."""
        return {
            "number": self.number,
            "system": self.changes,
            "objectives": self.objectives,
            "estimate": self.estimate,
            "binding": self.binding,
            "bound_fraction": self.bound_fraction,
            "equal": self.equal,
            "runs": [{"run": label, **run} for label, run in zip(labels, self.runs, strict=True)],
            "gains": [asdict(gain) for gain in self.gains],
        }


@dataclass(frozen=True)
class Exploration:
    """Result of an exploration."""

    space: Space
    method: str
    """``exhaustive`` or ``nsga2``, by estimates, or ``bounds``."""
    seed: int
    legal: int
    """Number of legal designs, with room for the models, that were estimated."""
    evaluated: int
    """Number of designs that were estimated, legal or not."""
    refusals: tuple[Refusal, ...]
    """Fields that make designs of the space invalid."""
    candidates: int
    """Number of designs that could have been on the front, and that the exact model ran."""
    exact_runs: int
    """Number of runs on the exact model, with those of variants."""
    estimate_seconds: float
    """CPU-seconds of the estimates."""
    exact_seconds: float
    """CPU-seconds of the exact model, on all workers."""
    error: EstimateError | None
    """Errors of the estimates; None if the method compares bounds."""
    front: tuple[FrontPoint, ...]
    """Designs that no design of the space dominates, by their first objective, the best one first."""
    recommended: FrontPoint
    """Design of the front with the smallest product of costs, each to the power of its weight."""
    ran: Sums
    """Exact sums of all designs that were run and are within the constraints."""

    def system(self, point: FrontPoint) -> System:
        """Return a design of the front as a system."""
        return self.space.base.with_(point.changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as ``tilewright explore --json`` prints it."""
        labels = tuple(run.label for run in self.space.runs)
        return {
            "base": self.space.base.name,
            "models": [
                {"model": run.name, "phase": run.phase, "context": run.context, "weight": run.weight}
                for run in self.space.runs
            ],
            "objectives": dict(self.space.objectives),
            "designs": self.space.size,
            "method": self.method,
            "seed": self.seed,
            "epsilon": self.space.search.epsilon,
            "legal": self.legal,
            "evaluated": self.evaluated,
            "refusals": [asdict(each) for each in self.refusals],
            "exact": self.candidates,
            "exact_runs": self.exact_runs,
            "cpu_seconds": {"estimates": self.estimate_seconds, "exact": self.exact_seconds},
            "estimate_error": asdict(self.error) if self.error else None,
            "front": [point.to_dict(labels) for point in self.front],
            "recommended": self.recommended.to_dict(labels),
        }

    def write(self, folder: Path) -> list[Path]:
        """Write explore.json, explore.csv, explore.png, explore.gains.png and explore.html to a folder; return the
        paths.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        from tilewright.mapping.explore.files import write_exploration

        return write_exploration(self, folder)
