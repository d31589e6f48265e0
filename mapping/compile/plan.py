"""Plans for the scratchpad: the fastest one for which all tensors and row scalars find room."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.mapping.lower.parts import part_by_part, parts
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.steps import Product, Step

from .allocation import First, place_slots, place_tensors
from .engines.engine import Engines
from .operations import Operations
from .reorder import depth_first, reordered
from .staging import rows_before, staging_tensor
from .survey import Survey

LOADED_AHEAD = 1
"""Number of products before a pass by which its constants are loaded ahead."""


SHARED_PORTS = 0.01
"""Share of the cycles for which units may need the same ports of banks in a plan, if another one has fewer."""


@dataclass(frozen=True)
class Plan:
    """Use of the scratchpad by its tensors."""

    keep: bool
    """Whether constants stay in the scratchpad."""
    rest: int
    """Number of operations for which bytes rest before they are written again, so that units need not wait."""
    first: First
    """Tensors that are placed first."""


PLANS = (
    *(Plan(True, rest, first) for rest in (16, 6, 0) for first in (First.LONGEST, First.LARGEST)),
    *(Plan(True, rest, First.LASTING) for rest in (16, 6, 0)),
    *(Plan(False, rest, First.LARGEST) for rest in (6, 0)),
    *(Plan(keep, 0, First.TIGHT) for keep in (True, False)),
)
"""Plans, the fastest first; all are tried with an order of steps before the next order."""


def planned(config: AcceleratorConfig, engines: Engines, survey: Survey) -> Operations:
    """Return the operations of a section, all of which have found their places.

    Raises
    ------
    ConfigError
        If no plan has room for everything.
    """
    refusal = None
    for lowered in _orders(engines, survey.lowered):
        made: dict[bool, tuple[Operations, int]] = {}
        for keep, plans in groupby(PLANS, lambda plan: plan.keep):
            if keep not in made:
                emits = emitted(config, engines, survey, lowered, keep=keep)
                made[keep] = emits, emits.estimate_uses()
            operations, cycles = made[keep]
            # The first plan, or of those in which units need the same ports for long the one with the fewest cycles.
            found: list[tuple[int, int, Plan]] = []
            for number, plan in enumerate(plans):
                try:
                    waits = place_tensors(config, operations.tensors, plan.rest, plan.first)
                    place_slots(config.vector.scalars, operations.scalars.slots.values())
                except ConfigError as error:
                    refusal = error
                    continue
                if waits <= SHARED_PORTS * cycles:
                    return operations
                found.append((waits, number, plan))
            if found:
                *_, plan = min(found, key=lambda each: each[:2])
                place_tensors(config, operations.tensors, plan.rest, plan.first)
                return operations
    assert refusal
    raise refusal


def _orders(engines: Engines, lowered: Lowered) -> Iterator[Lowered]:
    """Yield the same steps in several orders, the fastest first."""

    def soon(part: Lowered) -> Lowered:
        return reordered(engines, part)

    yield part_by_part(lowered, soon)
    late = part_by_part(lowered, depth_first)
    yield part_by_part(late, soon)
    yield late


def emitted(config: AcceleratorConfig, engines: Engines, survey: Survey, lowered: Lowered, *, keep: bool) -> Operations:
    """Return the operations that the engines emit for steps in an order, between those for input and output."""
    operations = Operations(config, survey, lowered, keep)
    operations.load_input()
    for repeated, part in parts(lowered):
        if repeated:
            operations.begin_repeated()
        for index, step in enumerate(part.steps):
            engine = engines.of(step)
            if engine.STREAMS_WEIGHTS and keep:
                _load_ahead(operations, engines, step, part.steps[index + 1 :])
            engine.emit(step, operations)
        if repeated:
            operations.end_repeated()
    operations.store_output()
    operations.keep_what_is_repeated()
    return operations


def _load_ahead(operations: Operations, engines: Engines, product: Step, steps: tuple[Step, ...]) -> None:
    """Load what passes before the next product but one need; after the weights of that product it would come late.

    These are constants, and positions that new ones share bytes with. If the product in front of the steps takes its
    weights from the cache, these are also scales of the cache: in front of other weights, their load might have to wait
    for new scales to be stored.
    """
    of_cache = isinstance(product, Product) and product.weights.buffer.name in operations.survey.stored
    products = 0
    for step in steps:
        engine = engines.of(step)
        products += engine.STREAMS_WEIGHTS
        if products > LOADED_AHEAD:
            return
        for matrix in engine.operands(step):
            name = matrix.buffer.name
            if name in operations.lowered.constants or (of_cache and operations.survey.kept(name)):
                operations.loaded(matrix)
        if step.out and rows_before(operations.survey, step.out):
            staging_tensor(operations, step.out)
