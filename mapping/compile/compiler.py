"""From lowered steps to a program of the accelerator: places, loads and stores, and commands for every step."""

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import End
from tilewright.sim.isa.widths import COMMAND_BYTES

from .allocation import place_slots, place_tensors
from .compiled import Compiled
from .memory_map import MemoryMap
from .reorder import depth_first, reordered
from .survey import Survey
from .synchronise import synchronise
from .translation import Translation

ATTEMPTS = (
    (True, 16, False),
    (True, 6, False),
    (True, 0, False),
    (False, 6, False),
    (False, 0, False),
    (True, 0, True),
    (False, 0, True),
)
"""Whether constants stay in the scratchpad, how many operations bytes rest before they are written anew, and whether
banks are filled one after the other."""


def compile_program(config: AcceleratorConfig, lowered: Lowered, memory: MemoryMap | None = None) -> Compiled:
    """Return the program of an accelerator that runs lowered steps.

    Activations live in the scratchpad, from the step that writes them to the last one that reads them. Weights lie in
    memory in the order in which products take them; so do keys and values, which are stored there when they have been
    made. Other constants are loaded in front of the first step that needs them, and stay if there is room.

    Parameters
    ----------
    memory : MemoryMap, optional
        Of another program that shares constants and states with this one.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step; names both.
    """
    memory = memory or MemoryMap()
    survey = Survey(config, lowered, lambda name: memory)
    translation = translate(config, survey)
    program = synchronise(config, [*translation.commands(), End()])
    return Compiled(
        config=config,
        memory=memory,
        commands=program,
        program_address=memory.new("program", COMMAND_BYTES * len(program)).address,
        input=survey.input,
        output=survey.output,
        weights=survey.weights,
        constants=survey.constants,
        stored=survey.stored,
        states=lowered.states,
        tensors=tuple(translation.tensors),
    )


def translate(config: AcceleratorConfig, survey: Survey) -> Translation:
    """Return operations that all have found their places."""
    given = survey.lowered
    late = depth_first(given)
    orders = (reordered(config, given), reordered(config, late), late)
    attempts = [(lowered, *attempt) for lowered in orders for attempt in ATTEMPTS]
    for number, (lowered, keep, slack, tight) in enumerate(attempts):
        translation = Translation(config, survey, lowered, keep)
        try:
            place_tensors(config, translation.tensors, slack, tight=tight)
            place_slots(config.vector.scalars, translation.slots.values())
            return translation
        except ConfigError:
            if number == len(attempts) - 1:
                raise
    raise AssertionError("no attempt")
