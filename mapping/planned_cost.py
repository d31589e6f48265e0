"""Cycles and energy of a model whose matrices have the storages of an assignment, on the exact model of a system."""

from dataclasses import replace
from pathlib import Path

from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.map import map_model, memory_timing
from tilewright.mapping.models import bert
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.precision.plans.assignment import Assignment
from tilewright.mapping.precision.plans.decoder_network import DecoderNetwork
from tilewright.mapping.precision.plans.encoder_network import EncoderNetwork
from tilewright.mapping.precision.plans.network import Network
from tilewright.mapping.precision.plans.on_array import HeldPlan, held_plan
from tilewright.mapping.precision.plans.plan_file import Plan
from tilewright.mapping.precision.plans.search import Cost
from tilewright.mapping.report import RunCounts
from tilewright.sim.config import System
from tilewright.sim.energy.events import total
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.formats import StoredFormat
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.accelerator.accelerator import run_commands

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
        network, system, context = self.network, self.system, self.context
        if isinstance(network, DecoderNetwork):
            run = map_model(network.name, network.model, system, phase="decode", context=context, plan=held)
            return Cost(run.cycles, run.energy_j, run.memory_bytes, True)
        assert isinstance(network, EncoderNetwork)
        precision = held.of(Precision.of_accelerator(system.accelerator))
        counts = encoder_counts(network.model, system, precision, context)
        joules = total(energy(counts.events, system)).mid
        return Cost(counts.cycles, joules, counts.events.memory_bytes, True)


def _longest(network: Network) -> int:
    """Return the number of positions that a model takes."""
    if isinstance(network, DecoderNetwork):
        return network.model.positions
    assert isinstance(network, EncoderNetwork)
    return network.model.max_position_embeddings


def encoder_counts(model: BertConfig, system: System, precision: Precision, tokens: int) -> RunCounts:
    """Return the counts of a row of tokens that goes through all layers of an encoder, on the exact model."""
    program = compile_program(system.accelerator, lower(bert.layers(model, precision, tokens=tokens)))
    run = run_commands(system.accelerator, program.commands, memory_timing(system), timeline=True)
    if run.error:
        raise RuntimeError(f"{run.error.name} at command {run.index}")
    counts = RunCounts(system)
    counts.add(program, run)
    return counts
