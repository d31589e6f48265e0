"""The changes of a system that give most for what they add: each a step of one resource, run on the exact model."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tilewright import __version__
from tilewright.base.errors import ConfigError
from tilewright.base.executor import executor
from tilewright.mapping.explore.exact import Outcome, run_exact
from tilewright.mapping.explore.space import ModelRun
from tilewright.sim.config import System

LEAST_GAIN = 1e-3
"""Gain in tokens/s below which a change is not suggested."""
COUNT = 3
"""Number of changes that are suggested."""


@dataclass(frozen=True)
class Step:
    """One resource of a system, a step larger or faster."""

    name: str
    changes: Callable[[System], dict[str, Any]]
    factor: float = 2.0
    """Factor by which the resource grows."""


def _wider_bus(system: System) -> dict[str, Any]:
    bits = 2 * system.fabric.bus_bits
    return {
        "fabric.bus_bits": bits,
        "cim.tile.weight_bus_bits": bits,
        "vector.lanes": max(system.vector.lanes, bits // 32),
    }


STEPS = (
    Step(
        "25 % more bandwidth of main memory",
        lambda s: {"memory.bandwidth_mb_per_s": round(1.25 * s.memory.bandwidth_mb_per_s)},
        1.25,
    ),
    Step(
        "25 % more bandwidth of main memory, on a bus twice as wide",
        lambda s: {**_wider_bus(s), "memory.bandwidth_mb_per_s": round(1.25 * s.memory.bandwidth_mb_per_s)},
        2.5,
    ),
    Step("20 % less latency of main memory", lambda s: {"memory.latency_ns": 0.8 * s.memory.latency_ns}, 1.25),
    Step("25 % more clock", lambda s: {"clock_mhz": round(1.25 * s.clock_mhz)}, 1.25),
    Step("twice the bursts in flight", lambda s: {"fabric.outstanding": 2 * s.fabric.outstanding}),
    Step("bursts twice as long", lambda s: {"fabric.max_burst": 2 * s.fabric.max_burst}),
    Step("twice the weight buffer", lambda s: {"fabric.weight_buffer_beats": 2 * s.fabric.weight_buffer_beats}),
    Step("twice the tiles", lambda s: {"cim.tiles": 2 * s.cim_array.tiles}),
    Step(
        "twice the bits of activations in a cycle",
        lambda s: {"cim.tile.macro.input_bits_per_cycle": 2 * s.cim_array.tile.macro.input_bits_per_cycle},
    ),
    Step(
        "an activation port twice as wide",
        lambda s: {"cim.tile.activation_bus_bits": 2 * s.cim_array.tile.activation_bus_bits},
    ),
    Step("a result port twice as wide", lambda s: {"cim.tile.result_bus_bits": 2 * s.cim_array.tile.result_bus_bits}),
    Step("twice the lanes of the vector unit", lambda s: {"vector.lanes": 2 * s.vector.lanes}),
    Step("twice the scratchpad", lambda s: {"vector.address_bits": s.vector.address_bits + 1}),
    Step("twice the depth of the queues", lambda s: {"fabric.queue_depth": 2 * s.fabric.queue_depth}),
)
"""Changes that are tried, from the memory to the units."""


@dataclass(frozen=True)
class Suggestion:
    """A change of a system, and what it gives, as the exact model ran it."""

    name: str
    changes: dict[str, Any]
    factor: float
    """Factor by which the resource grows."""
    faster: float
    """Factor by which tokens are faster."""
    joules: float
    """Energy of a token as a multiple of that of the system."""
    outcome: Outcome

    @property
    def worth(self) -> float:
        """Share of the resource's growth that becomes speed: 1 if twice as much is twice as fast."""
        return math.log(self.faster) / math.log(self.factor)

    def to_dict(self) -> dict[str, Any]:
        """Return the change for JSON."""
        return {
            "change": self.name,
            "system": self.changes,
            "factor": self.factor,
            "faster": self.faster,
            "worth": self.worth,
            "joules": self.joules,
            **({"area_mm2": self.outcome["area_mm2"]} if "area_mm2" in self.outcome else {}),
            "tokens_per_s": self.outcome["tokens"] / self.outcome["seconds"],
            "binding": self.outcome["binding"],
        }


@dataclass(frozen=True)
class Suggestions:
    """The changes of a system that give most for what they add."""

    now: Outcome
    """Exact run of the system itself."""
    best: tuple[Suggestion, ...]
    """Up to three changes, those first of which most becomes speed."""
    refused: dict[str, str]
    """Changes that are not possible, and why."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as ``tilewright suggest --json`` prints it."""
        return {
            "tokens_per_s": self.now["tokens"] / self.now["seconds"],
            "joules_per_token": self.now["energy_j"] / self.now["tokens"],
            "binding": self.now["binding"],
            **({"area_mm2": self.now["area_mm2"]} if "area_mm2" in self.now else {}),
            "suggestions": [each.to_dict() for each in self.best],
            "refused": self.refused,
        }


def suggest(run: ModelRun, system: System, *, workers: int = 1) -> Suggestions:
    """Return the three changes of a system of whose growth most becomes speed: fewer if no other change helps.

    Raises
    ------
    ConfigError
        If the system itself cannot run the model.
    """

    def call(changes: dict[str, Any]) -> tuple:
        return __version__, system, changes, run.model, run.phase, run.context

    now = run_exact(*call({}))
    if "refused" in now:
        raise ConfigError(now["refused"])
    changes = [step.changes(system) for step in STEPS]
    with executor(run_exact, workers=workers) as execute:
        outcomes = dict(execute([call(each) for each in changes]))
    refused, found = {}, []
    for at, outcome in sorted(outcomes.items()):
        step = STEPS[at]
        if "refused" in outcome:
            refused[step.name] = outcome["refused"]
            continue
        faster, joules = now["seconds"] / outcome["seconds"], outcome["energy_j"] / now["energy_j"]
        if faster > 1 + LEAST_GAIN:
            found.append(Suggestion(step.name, changes[at], step.factor, faster, joules, outcome))
    best = sorted(found, key=lambda each: -each.worth)[:COUNT]
    return Suggestions(now, tuple(best), refused)
