"""Plans for the scratchpad: the fastest one for which all tensors and row scalars find room."""

from itertools import groupby

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.mapping.lower.parts import part_by_part, parts
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.steps import Product, Step

from .allocation import First, place_slots, place_tensors
from .engines.engine import Engines
from .mapping import LOADED_AHEAD, WINDOW, Order, Plan, Schedule
from .operations import Operations
from .reorder import depth_first, reordered
from .staging import rows_before, staging_tensor
from .survey import Survey

SHARED_PORTS = 0.01
"""Share of the cycles for which units may need the same ports of banks in a plan, if another one has fewer."""


PLANS = (
    *(Plan(True, rest, first) for rest in (16, 6, 0) for first in (First.LONGEST, First.LARGEST)),
    *(Plan(True, rest, First.LASTING) for rest in (16, 6, 0)),
    *(Plan(False, rest, First.LARGEST) for rest in (6, 0)),
    *(Plan(keep, 0, First.TIGHT) for keep in (True, False)),
)
"""Plans, the fastest first; all are tried with an order of steps before the next order."""


def planned(
    config: AcceleratorConfig, engines: Engines, survey: Survey, schedule: Schedule | None = None
) -> Operations:
    """Return the operations of a section, all of which have found their places.

    Parameters
    ----------
    schedule : Schedule, optional
        Choices; what it leaves open is tried, the fastest first.

    Raises
    ------
    ConfigError
        If no plan has room for everything.
    """
    refusal = None
    schedule = schedule or Schedule()
    plans_of = PLANS if schedule.plan is None else (schedule.plan,)
    for order in Order if schedule.order is None else (schedule.order,):
        lowered = in_order(engines, survey.lowered, order, schedule.window)
        made: dict[bool, tuple[Operations, int]] = {}
        for keep, plans in groupby(plans_of, lambda plan: plan.keep):
            if keep not in made:
                emits = emitted(config, engines, survey, lowered, keep=keep, ahead=schedule.ahead)
                made[keep] = emits, emits.estimate_uses()
            operations, cycles = made[keep]
            # The first plan, or of those in which units need the same ports for long the one with the fewest cycles.
            found: list[tuple[int, int, Plan]] = []
            for number, plan in enumerate(plans):
                try:
                    waits = place_operations(config, operations, plan)
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


def place_operations(config: AcceleratorConfig, operations: Operations, plan: Plan) -> int:
    """Give tensors and row scalars their places; return the approximate cycles for which units need the same ports.

    Raises
    ------
    ConfigError
        If one finds no room.
    """
    place_slots(config.vector.scalars, operations.scalars.slots.values())
    return place_tensors(config, operations.tensors, plan.rest, plan.first)


def in_order(engines: Engines, lowered: Lowered, order: Order, window: int = WINDOW) -> Lowered:
    """Return the same steps in another order."""
    if order is not Order.LIST:
        lowered = part_by_part(lowered, depth_first)
    if order is Order.DEPTH:
        return lowered
    return part_by_part(lowered, lambda part: reordered(engines, part, window))


def emitted(
    config: AcceleratorConfig,
    engines: Engines,
    survey: Survey,
    lowered: Lowered,
    *,
    keep: bool,
    ahead: int = LOADED_AHEAD,
) -> Operations:
    """Return the operations that the engines emit for steps in an order, between those for input and output.

    Parameters
    ----------
    keep, ahead
        See :class:`.mapping.Plan` and :class:`.mapping.Schedule`.
    """
    operations = Operations(config, survey, lowered, keep)
    operations.load_input()
    for repeated, part in parts(lowered):
        if repeated:
            operations.begin_repeated()
        for index, step in enumerate(part.steps):
            engine = engines.of(step)
            if engine.STREAMS_WEIGHTS and keep:
                _load_ahead(operations, engines, step, part.steps[index + 1 :], ahead)
            engine.emit(step, operations)
        if repeated:
            operations.end_repeated()
    operations.store_output()
    operations.keep_what_is_repeated()
    return operations


def _load_ahead(operations: Operations, engines: Engines, product: Step, steps: tuple[Step, ...], ahead: int) -> None:
    """Load what passes need before as many further products; after the weights of these it would come late.

    These are constants, and positions that new ones share bytes with. If the product in front of the steps takes its
    weights from the cache, these are also scales of the cache: in front of other weights, their load might have to wait
    for new scales to be stored.
    """
    of_cache = isinstance(product, Product) and product.weights.buffer.name in operations.survey.stored
    products = 0
    for step in steps:
        engine = engines.of(step)
        products += engine.STREAMS_WEIGHTS
        if products > ahead:
            return
        for matrix in engine.operands(step):
            name = matrix.buffer.name
            if name in operations.lowered.constants or (of_cache and operations.survey.kept(name)):
                operations.loaded(matrix)
        if step.out and rows_before(operations.survey, step.out):
            staging_tensor(operations, step.out)
