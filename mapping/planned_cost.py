"""Cycles and energy of a model whose matrices have the storages of an assignment, on the exact model of a system."""

from dataclasses import replace
from pathlib import Path

from tilewright.mapping.map import map_model
from tilewright.mapping.models.phases import phases_of
from tilewright.mapping.precision.plans.assignment import Assignment
from tilewright.mapping.precision.plans.decoder_network import DecoderNetwork
from tilewright.mapping.precision.plans.encoder_network import EncoderNetwork
from tilewright.mapping.precision.plans.network import Network
from tilewright.mapping.precision.plans.on_array import HeldPlan, held_plan
from tilewright.mapping.precision.plans.plan_file import Plan
from tilewright.mapping.precision.plans.search import Cost
from tilewright.sim.config import System
from tilewright.sim.formats import StoredFormat

CONTEXT = 128
"""Number of positions, or of tokens of a sentence, unless another is asked for or the model takes fewer."""


class CostOnSystem:
    """Runs a model with the storages of an assignment on the exact model of a system: a decode step at a context, or a
    sentence of so many tokens through an encoder. Assignments that the array holds in the same formats cost the same,
    and run once.
    """

    def __init__(self, network: Network, system: System, context: int | None = None):
        self.network, self.system = network, system
        self.context = context or min(CONTEXT, _longest(network))
        self._kept: dict[tuple[tuple[str, StoredFormat], ...], Cost] = {}

    def __call__(self, assignment: Assignment) -> Cost:
        """Return the cost of an assignment.

        Raises
        ------
        ConfigError
            If the system cannot run the model.
        """
        held = held_plan(Path("plan"), Plan(self.network.name, "", assignment, None, {}), self.system.cim_array.tile)
        if held.by_matrix not in self._kept:
            self._kept[held.by_matrix] = self._run(held)
        return replace(self._kept[held.by_matrix], exact=not held.inexact)

    def _run(self, held: HeldPlan) -> Cost:
        network = self.network
        assert isinstance(network, DecoderNetwork | EncoderNetwork)
        phase, *_ = phases_of(network.model)
        run = map_model(network.name, network.model, self.system, phase=phase, context=self.context, plan=held)
        return Cost(run.cycles, run.energy_j, run.memory_bytes, True)


def _longest(network: Network) -> int:
    """Return the number of positions that a model takes."""
    assert isinstance(network, DecoderNetwork | EncoderNetwork)
    return network.model.positions
