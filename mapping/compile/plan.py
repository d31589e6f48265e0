"""Plans for the scratchpad: the fastest one for which all tensors and row scalars find room."""

from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.steps import Step

from .allocation import place_slots, place_tensors
from .engines.engine import Engines
from .operations import Operations
from .reorder import depth_first, reordered
from .survey import Survey

LOADED_AHEAD = 1
"""Number of products before a pass by which its constants are loaded ahead."""


@dataclass(frozen=True)
class Plan:
    """Use of the scratchpad by its tensors."""

    keep: bool
    """Whether constants stay in the scratchpad."""
    rest: int
    """Number of operations for which bytes rest before they are written again, so that units need not wait."""
    tight: bool = False
    """Whether banks are filled one after the other."""


PLANS = (
    Plan(keep=True, rest=16),
    Plan(keep=True, rest=6),
    Plan(keep=True, rest=0),
    Plan(keep=False, rest=6),
    Plan(keep=False, rest=0),
    Plan(keep=True, rest=0, tight=True),
    Plan(keep=False, rest=0, tight=True),
)
"""Plans, the fastest first; each is tried with every order of steps before the next plan."""


def planned(config: AcceleratorConfig, engines: Engines, survey: Survey) -> Operations:
    """Return the operations of a section, all of which have found their places.

    Raises
    ------
    ConfigError
        If no plan has room for everything.
    """
    late = depth_first(survey.lowered)
    orders = (reordered(engines, survey.lowered), reordered(engines, late), late)
    attempts = [(lowered, plan) for lowered in orders for plan in PLANS]
    for number, (lowered, plan) in enumerate(attempts):
        operations = emitted(config, engines, survey, lowered, keep=plan.keep)
        operations.estimate_uses()
        try:
            place_tensors(config, operations.tensors, plan.rest, tight=plan.tight)
            place_slots(config.vector.scalars, operations.scalars.slots.values())
            return operations
        except ConfigError:
            if number == len(attempts) - 1:
                raise
    raise AssertionError("no attempt")


def emitted(config: AcceleratorConfig, engines: Engines, survey: Survey, lowered: Lowered, *, keep: bool) -> Operations:
    """Return the operations that the engines emit for steps in an order, between those for input and output."""
    operations = Operations(config, survey, lowered, keep)
    operations.load_input()
    for index, step in enumerate(lowered.steps):
        engine = engines.of(step)
        if engine.STREAMS_WEIGHTS and keep:
            _load_ahead(operations, engines, lowered.steps[index + 1 :])
        engine.emit(step, operations)
    operations.store_output()
    return operations


def _load_ahead(operations: Operations, engines: Engines, steps: tuple[Step, ...]) -> None:
    """Load the constants needed before the next product but one; after the weights of that product they would come
    late."""
    products = 0
    for step in steps:
        engine = engines.of(step)
        products += engine.STREAMS_WEIGHTS
        if products > LOADED_AHEAD:
            return
        for matrix in engine.operands(step):
            if matrix.buffer.name in operations.lowered.constants:
                operations.loaded(matrix)
