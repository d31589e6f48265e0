"""Clock gates that synthesis puts before flip-flops of an accelerator, and what its clock takes while they are closed.

A file ``clock.toml`` in the folder of a process has the coefficients, one for each feature of each part of
:mod:`.structure`. ``benchmarks/clock_table.py`` writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tilewright.base.errors import ConfigError
from tilewright.sim.config.base import Frozen
from tilewright.sim.config.load import load_description
from tilewright.sim.config.process import FOLDER, process_file

from .area import Amount, AreaModel, memory_features, part_area
from .structure import Part

FILE = "clock.toml"
MEMORY = "memory"


class GateCoefficients(Frozen):
    """Clock gates of one of something: a bit of a register, a whole part."""

    gated_flip_flops: Amount = 0
    """Number of flip-flops whose clock is gated."""
    clock_gates: Amount = 0
    """Number of gates."""


class ClockModel(Frozen):
    """Clock gates in one process."""

    tools: dict[str, str]
    """Versions of the tools that made the figures."""
    gate_pj: Amount
    """Energy that a gate takes in a cycle in which it passes nothing."""
    parts: dict[str, dict[str, GateCoefficients]]
    """Coefficients by part and feature; those of the part ``memory`` hold for memories of all parts."""


@dataclass(frozen=True)
class FlipFlops:
    """Flip-flops of one part, or of several, and the clock gates before them."""

    count: float = 0
    gated: float = 0
    """Number of those whose clock is gated."""
    gates: float = 0

    def idle_pj(self, flip_flop_pj: float, gate_pj: float) -> float:
        """Return the energy of the clock in a cycle in which no gate passes it."""
        return (self.count - self.gated) * flip_flop_pj + self.gates * gate_pj

    def __add__(self, more: "FlipFlops") -> "FlipFlops":
        return FlipFlops(self.count + more.count, self.gated + more.gated, self.gates + more.gates)

    def __mul__(self, times: float) -> "FlipFlops":
        return FlipFlops(times * self.count, times * self.gated, times * self.gates)


def load_clock_model(process: str) -> ClockModel:
    """Return the clock gates of a process.

    Raises
    ------
    ConfigError
        If there is no such process, or nothing was measured in it.
    """
    file = process_file(process, FILE)
    if not file.is_file():
        raise ConfigError(f"process = {process!r} is not allowed: its clock gates were not measured")
    return _load(process)


@cache
def _load(process: str) -> ClockModel:
    return load_description(ClockModel, process_file(process, FILE), FOLDER, "file of clock gates")


def part_flip_flops(part: Part, model: AreaModel, clocks: ClockModel) -> FlipFlops:
    """Return the flip-flops of one part."""
    gates = FlipFlops()
    terms: tuple[tuple[str, Mapping[str, float]], ...] = (
        (part.name, part.features),
        (MEMORY, memory_features(part, model)),
    )
    for name, features in terms:
        for feature, size in features.items():
            each = clocks.parts.get(name, {}).get(feature, GateCoefficients())
            gates += FlipFlops(0, each.gated_flip_flops, each.clock_gates) * size
    count = part_area(part, model).flip_flops
    return FlipFlops(count, min(count, gates.gated), gates.gates)
