"""Made-up estimates and exact results of designs, for tests of the search: cheap, and as wrong as they are told to be."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.mapping.tiny_models import tiny
from tilewright.mapping.explore.objectives import Sums
from tilewright.mapping.explore.space import ModelRun, SearchOptions, Space
from tilewright.sim.config import load_system

FIELDS = ("cim.tiles", "memory.bandwidth_mb_per_s", "memory.latency_ns")
ERROR = 0.03
"""Largest error of made-up estimates, unless a test says otherwise."""


def space(*shape: int, **more: Any) -> Space:
    """Return a space of designs whose fields have so many values."""
    sizes = zip(FIELDS, shape, strict=False)
    return Space(
        base=more.pop("base", load_system("tiny")),
        choices={path: np.arange(1, size + 1) for path, size in sizes},
        runs=more.pop("runs", (ModelRun("made up", tiny("llama"), context=4),)),
        objectives=more.pop("objectives", {"latency_s": 1.0, "energy_j": 1.0}),
        search=more.pop("search", SearchOptions()),
        **more,
    )


class MadeUp:
    """Exact results that depend on a seed, and estimates that are off by up to an error.

    Parameters
    ----------
    error : float
        Largest error of an estimate, either way.
    refused : float
        Share of the designs that are refused although estimates find room.
    """

    def __init__(self, of: Space, seed: int, error: float = ERROR, refused: float = 0.1):
        draw = np.random.default_rng(seed)
        size = of.size
        # A trade-off, so that fronts have many designs, and small whole numbers, so that designs tie.
        slow = draw.integers(1, 30, size)
        self.seconds = slow * 1e-3
        self.joules = (31 - slow) * draw.integers(10, 14, size) * 1e-4
        self.refused = draw.random(size) < refused
        self.estimated = [values * (1 + draw.uniform(-error, error, size)) for values in (self.seconds, self.joules)]
        self.space = of
        self.calls = 0
        self.area = draw.integers(3, 9, size) * 0.5

    def number(self, changes: dict[str, Any]) -> int:
        """Return the number of a design from its fields."""
        places = [int(np.flatnonzero(values == changes[path])[0]) for path, values in self.space.choices.items()]
        return int(self.space.numbers(np.array([places]))[0])

    def estimate(self, workload: object, designs: Any) -> Any:
        """Return estimates of designs, as the estimates of a system have them."""
        numbers = [self.number(designs.changes(at)) for at in range(len(designs))]
        return SimpleNamespace(
            fits=np.ones(len(numbers), bool),
            seconds=self.estimated[0][numbers],
            energy_at=lambda level: self.estimated[1][numbers] * 1e12,
            areas=SimpleNamespace(area_mm2=self.area[numbers]),
        )

    def run(self, version: str, base: object, changes: dict[str, Any], *model: object) -> dict[str, Any]:
        """Return the exact outcome of a design or a variant of it, as ``run_exact`` does."""
        self.calls += 1
        try:
            number = self.number(changes)
        except IndexError:
            return {"refused": "a variant", "cpu_seconds": 0.0}
        if self.refused[number]:
            return {"refused": "made up", "cpu_seconds": 0.0}
        return {
            "seconds": float(self.seconds[number]),
            "energy_j": float(self.joules[number]),
            "tokens": 1,
            "area_mm2": float(self.area[number]),
            "binding": "main memory",
            "bound_fraction": 0.9,
            "cpu_seconds": 0.0,
        }

    def bounds(self, space: Space, watch: object) -> tuple[np.ndarray, Sums]:
        """Return the numbers of all designs, and seconds and joules that are up to a fifth below the exact ones."""
        below = np.random.default_rng(0).uniform(0.8, 1, (2, space.size))
        seconds, joules = np.stack([self.seconds, self.joules]) * below
        return np.arange(space.size), Sums(seconds, joules, np.ones(space.size), self.area)


def use(made_up: MadeUp, patch: Callable[..., None], stated: float = ERROR) -> None:
    """Let explorations use made-up results; ``patch`` is that of pytest's monkeypatch."""
    patch("tilewright.mapping.explore.by_estimates.estimate", made_up.estimate)
    patch("tilewright.mapping.explore.by_bounds._bounds", made_up.bounds)
    patch("tilewright.mapping.explore.explore.run_exact", made_up.run)
    error = SimpleNamespace(worst=stated, median=stated / 4)
    patch("tilewright.mapping.explore.by_estimates.measured_error", lambda phase: error)
    patch("tilewright.mapping.explore.explore.run_variants", lambda runs, numbers: None)
    patch("tilewright.mapping.explore.explore.gains", lambda space, runs, number: ())
