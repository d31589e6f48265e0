"""A space of designs: a base system, the values of some of its fields, the runs for which designs are compared."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tilewright.base.cache import content_hash
from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.expression import Expression
from tilewright.mapping.explore.objectives import Limit
from tilewright.mapping.models.config import Transformer
from tilewright.mapping.models.phases import DECODE
from tilewright.sim.config import System
from tilewright.sim.estimate.designs import Designs

MOST_DESIGNS = 1 << 62


@dataclass(frozen=True)
class ModelRun:
    """A run of a model for which designs are compared: one decode step, a prompt, or an encoder."""

    name: str
    """Name of the model, for people."""
    model: Transformer
    phase: str = DECODE
    context: int = 1024
    weight: float = 1.0
    """Number of times that the run happens, in relation to the other runs."""

    @property
    def tokens(self) -> int:
        """Number of tokens that go through the model."""
        return 1 if self.phase == DECODE else self.context

    @property
    def label(self) -> str:
        """Name of the run, for people."""
        return f"{self.name} {self.phase} {self.context}"


@dataclass(frozen=True)
class SearchOptions:
    """Choices of how a space is searched."""

    method: str | None = None
    """``exhaustive`` or ``nsga2``, by estimates, or ``bounds``; by default, phases and size of the space decide."""
    epsilon: float | None = None
    """Width of the boxes of an epsilon front; by default, the whole front is found."""
    exact_limit: int = 5000
    """Number of designs that may be run on the exact model."""
    population: int = 200
    """Number of designs of a generation of NSGA-II."""
    generations: int = 150
    """Number of generations of NSGA-II."""


@dataclass(frozen=True, eq=False)
class Space:
    """Designs that differ in some fields, numbered from 0: each is the base with one value of each field."""

    base: System
    choices: Mapping[str, np.ndarray]
    """Values of each field that is free, by dotted path."""
    runs: tuple[ModelRun, ...]
    objectives: Mapping[str, float]
    """Weight of each objective in the choice of one design among those of the front."""
    dependent: Mapping[str, Expression] = field(default_factory=dict)
    """Fields that follow from other fields, each after those on which it depends."""
    constraints: Mapping[str, Limit] = field(default_factory=dict)
    search: SearchOptions = SearchOptions()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each free field."""
        return tuple(len(values) for values in self.choices.values())

    @property
    def size(self) -> int:
        """Number of designs, legal or not."""
        return math.prod(self.shape)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the objectives."""
        return tuple(self.objectives)

    @property
    def process(self) -> str | None:
        """Process of all designs, None if they name none or differ in it."""
        values = self.choices.get("process")
        if values is None:
            return self.base.process
        return str(values[0]) if len(values) == 1 else None

    def numbers(self, positions: np.ndarray) -> np.ndarray:
        """Return the numbers of designs from the positions of their values: a row a design, a column a field."""
        return np.ravel_multi_index(tuple(positions.T), self.shape)

    def designs(self, numbers: np.ndarray) -> Designs:
        """Return designs by their numbers."""
        positions = np.unravel_index(numbers, self.shape)
        free = zip(self.choices.items(), positions, strict=True)
        fields: dict[str, Any] = {path: values[at] for (path, values), at in free}
        for path, expression in self.dependent.items():
            known = {name: fields[name] if name in fields else base_value(self.base, name) for name in expression.names}
            try:
                fields[path] = np.broadcast_to(expression.value(known), len(numbers))
            except ConfigError as error:
                raise ConfigError(f"fields.{path} = {error}") from None
        return Designs(self.base, fields)

    @cached_property
    def identity(self) -> str:
        """Name of all that the results of an exploration depend on, besides the code."""
        return content_hash(
            [
                self.base.model_dump(mode="json"),
                {path: values.tolist() for path, values in self.choices.items()},
                {path: expression.text for path, expression in self.dependent.items()},
                [[run.model.model_dump(mode="json"), run.phase, run.context, run.weight] for run in self.runs],
                dict(self.objectives),
                {name: [limit.at_most, limit.at_least] for name, limit in self.constraints.items()},
                [*vars(self.search).values()],
            ]
        )


def base_value(system: System, path: str) -> object:
    """Return the value of a field of a system by its dotted path, None if a part on the way is absent."""
    value: Any = system
    for key in path.split("."):
        value = getattr(value, key, None)
    return value
