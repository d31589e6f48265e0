"""The compiler: from lowered steps to a program of the accelerator."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from tilewright.mapping.lower.lowering import Lowered
from tilewright.mapping.lower.parts import part_by_part
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command, End, Fence
from tilewright.sim.isa.widths import COMMAND_BYTES

from .compiled import Compiled
from .compiled_loops import CompiledLoops
from .engines.cim_array import CimArray
from .engines.engine import Engine, Engines
from .engines.npe import Npe
from .engines.vector_unit import VectorUnit
from .loops import loop_commands, place_carried, place_repeated
from .mapping import Split
from .memory_map import MemoryMap
from .panels import in_panels
from .plan import planned
from .program import LoopSection, Program, Repeated, Section
from .reorder import with_early_scalars
from .survey import Survey
from .synchronise import synchronise

ENGINES: tuple[type[Engine], ...] = (CimArray, Npe, VectorUnit)
"""Engines of an accelerator; the first one that can take a step gets it."""


def write_scalars_early(program: Program) -> None:
    """Write row scalars that go to main memory right after the pass that makes them, so that their slots are soon
    free."""
    for section in program.sections:
        section.lowered = part_by_part(section.lowered, with_early_scalars)


def cut_into_panels(program: Program) -> None:
    """Cut a product whose sums do not fit into a bank into several column panels."""
    for section in program.sections:
        panels = partial(in_panels, program.config, program.engines, share=section.schedule.panels)
        section.lowered = part_by_part(section.lowered, panels)


def place_in_memory(program: Program) -> None:
    """Place all data of main memory: weights as their engine takes them, states, constants, input and output."""
    if has_loops(program):
        place_carried(program)
    for section in program.sections:
        if isinstance(section, LoopSection):
            place_repeated(program, section)
        else:
            section.survey = Survey(program.config, program.engines, section.lowered, lambda name: program.memory)


def plan_scratchpad(program: Program) -> None:
    """Find an order of steps, operations of their engines and places in the scratchpad that fit together."""
    for section in program.sections:
        section.operations = planned(program.config, program.engines, section.survey, section.schedule)


def emit_commands(program: Program) -> None:
    """Write the commands of all operations; a section that is repeated becomes a loop with address registers."""
    for section in program.sections:
        if isinstance(section, LoopSection):
            commands, arguments, places = loop_commands(section)
            program.shared_places += places
            before = len(program.commands)
            program.arguments += [replace(each, command=before + each.command) for each in arguments]
        else:
            commands = section.operations.commands()
        program.commands += commands
    program.commands.append(End())


def add_signals(program: Program) -> None:
    """Add the signals that let units run commands at the same time, and fences around loops."""
    # What different address registers reach is never the same, but for what the position shifts.
    loops = [section for section in program.sections if isinstance(section, LoopSection)]
    program.commands = synchronise(
        program.config,
        program.commands,
        apart=bool(loops),
        shared=program.shared_places,
        descriptors={address: job for section in program.sections for address, job in Section.jobs(section)},
        moving=[range(region.first, region.end) for section in loops for region in section.regions],
    )
    # Only fences have come in between.
    places = [place for place, command in enumerate(program.commands) if not isinstance(command, Fence)]
    program.arguments = [replace(each, command=places[each.command]) for each in program.arguments]


def place_program(program: Program) -> None:
    """Place the program itself in main memory."""
    program.address = program.memory.new("program", COMMAND_BYTES * len(program.commands)).address


def has_loops(program: Program) -> bool:
    """Return whether a part of a program is repeated."""
    return any(isinstance(section, LoopSection) for section in program.sections)


PREPARATION: tuple[Callable[[Program], None], ...] = (
    # Steps: what is computed.
    write_scalars_early,
    cut_into_panels,
    # Places: where it lies.
    place_in_memory,
)
COMMANDS: tuple[Callable[[Program], None], ...] = (
    # Commands: how the units do it.
    emit_commands,
    add_signals,
)
PASSES = (*PREPARATION, plan_scratchpad, *COMMANDS, place_program)
"""Passes of the compiler, in order; the docstring of each pass says what it does."""


def compile_program(
    config: AcceleratorConfig,
    lowered: Lowered,
    memory: MemoryMap | None = None,
    *,
    engines: Sequence[Engine] | None = None,
) -> Compiled:
    """Return the program of an accelerator that runs lowered steps.

    Activations live in the scratchpad, from the step that writes them to the last one that reads them. Weights lie in
    memory in the order in which products take them; so do keys and values, which are stored there when they have been
    made. Other constants are loaded in front of the first step that needs them, and stay if there is room.

    Parameters
    ----------
    memory : MemoryMap, optional
        Of another program that shares constants and states with this one.
    engines : sequence of Engine, optional
        Engines that run the steps, instead of :data:`ENGINES`.

    Raises
    ------
    ConfigError
        If something finds no room, or no engine can run a step; names both.
    """
    section = Section(lowered)
    program = _compiled(config, memory, engines, [section])
    return Compiled(
        config=config,
        memory=program.memory,
        commands=program.commands,
        program_address=program.address,
        input=section.survey.input,
        output=section.survey.output,
        jobs=dict(section.jobs()),
        weights=section.survey.weights,
        constants=section.survey.constants,
        stored=section.survey.stored,
        states=lowered.states,
        tensors=tuple(section.operations.tensors),
    )


def compile_loops(
    config: AcceleratorConfig,
    loops: Sequence[Repeated],
    memory: MemoryMap | None = None,
    *,
    engines: Sequence[Engine] | Engines | None = None,
) -> CompiledLoops:
    """Return a program that runs loops one after the other, each on the results of the one before.

    Constants, states and outputs of the runs of a loop lie at equal distances, which address registers count. Between
    two loops, and between runs, activations go through memory.

    Parameters
    ----------
    memory, engines
        See :func:`compile_program`.

    Raises
    ------
    ConfigError
        If something finds no room, or no engine can run a step; names both.
    """
    sections = [LoopSection(loop.lowered, schedule=loop.schedule, loop=loop) for loop in loops]
    program = _compiled(config, memory, engines, sections)
    assert program.carried is not None
    return CompiledLoops(
        config=config,
        memory=program.memory,
        commands=program.commands,
        program_address=program.address,
        input=program.carried,
        jobs=dict(job for section in sections for job in section.jobs()),
        loops={section.loop.name: section for section in sections},
        arguments=tuple(program.arguments),
    )


def prepared(config: AcceleratorConfig, loop: Repeated, engines: Engines) -> Program:
    """Return a program of one loop that lacks the operations of its section, and so all that follows from them.

    Raises
    ------
    ConfigError
        If something finds no room in main memory, or no engine can run a step.
    """
    program = Program(config, engines, MemoryMap(), [LoopSection(loop.lowered, schedule=loop.schedule, loop=loop)])
    for each in PREPARATION:
        each(program)
    return program


def commands_of(program: Program) -> list[Command]:
    """Return the commands of a program whose sections have their operations."""
    fresh = replace(program, commands=[], arguments=[], shared_places=[])
    for each in COMMANDS:
        each(fresh)
    return fresh.commands


def engines_of(config: AcceleratorConfig, split: Split = Split.COLUMNS) -> Engines:
    """Return the engines of an accelerator, with a rule for the tiles of its array."""
    return Engines([CimArray(config, split) if engine is CimArray else engine(config) for engine in ENGINES])


def _compiled(
    config: AcceleratorConfig,
    memory: MemoryMap | None,
    engines: Sequence[Engine] | Engines | None,
    sections: Sequence[Section],
) -> Program:
    if engines is None:
        engines = engines_of(config)
    chosen = engines if isinstance(engines, Engines) else Engines(engines)
    program = Program(config, chosen, memory or MemoryMap(), sections)
    for each in PASSES:
        each(program)
    return program
