"""Loops of a program: equal layers that are compiled once, and a head whose logits do not fit into the scratchpad at
once."""

from dataclasses import replace

from tilewright.base.errors import ConfigError
from tilewright.sim.isa.commands import Add, Command, Load, Loop, Repeat, Set, Store, Weights

from .compiled import PaddedRows
from .memory_map import MemoryMap
from .program import LoopSection, Program
from .survey import Survey

KINDS = ("constants", "states", "output")
"""Kinds of regions of main memory of which every run of a loop has its own part."""


def place_carried(program: Program) -> None:
    """Place the input; every loop leaves there the data with which the next run or the next loop begins."""
    first, word = program.sections[0].lowered.input, program.config.word_bytes
    pitch = -(-first.columns * first.storage.scratchpad_bytes // word) * word
    place = program.memory.new("input", first.rows * pitch)
    program.carried = PaddedRows(place.address, first.rows, first.columns, pitch, first.storage)


def place_repeated(program: Program, section: LoopSection) -> None:
    """Place the data of a loop; the data of one run lies in regions at equal distances.

    Raises
    ------
    ConfigError
        If the output of a run cannot be the input of the next one.
    """
    loop, memory, carried = section.loop, program.memory, program.carried
    assert carried is not None
    # Once for the sizes, then in their places.
    sizes = {kind: MemoryMap() for kind in KINDS}
    _survey(program, section, carried, sizes, MemoryMap())
    own, regions = {}, []
    for kind in KINDS:
        stride = sizes[kind].next_page
        if not stride:
            own[kind] = MemoryMap()
            continue
        name = f"{loop.name}.{kind}"
        region = memory.new(name, loop.count * stride) if kind == "output" else memory.place(name, loop.count * stride)
        inside = MemoryMap(base=region.address)
        own[kind] = inside if kind == "output" else memory.nested.setdefault(name, inside)
        regions.append((region.address, region.address + stride, stride))
    section.survey, section.regions = _survey(program, section, carried, own, memory), tuple(regions)
    if loop.carried and section.lowered.output.columns != carried.columns:
        raise ConfigError(
            f"{loop.name}: an output of {section.lowered.output.columns} columns is no input of the next run"
        )


def _survey(
    program: Program, section: LoopSection, carried: PaddedRows, own: dict[str, MemoryMap], shared: MemoryMap
) -> Survey:
    """Return the survey of a loop: data of one run is placed in ``own``, all other data in ``shared``."""
    loop, lowered = section.loop, section.lowered

    def memory_of(name: str) -> MemoryMap:
        if name.startswith(loop.own):
            return own["states" if name in lowered.states else "constants"]
        return own["output"] if name == "output" else shared

    ends = (carried, carried) if loop.carried else None
    survey = Survey(program.config, program.engines, lowered, memory_of, ends)
    if not loop.carried:
        rows = lowered.input.rows
        first = carried.address + (carried.rows - rows) * carried.pitch
        survey.input = replace(carried, address=first, rows=rows)
    return survey


def loop_commands(section: LoopSection, commands: list[Command]) -> list[Command]:
    """Return the loop over commands, with an address register for each region of which every run has its own part."""

    def addressed(command: Command) -> Command:
        if isinstance(command, Load | Weights | Store):
            for register, (first, end, _) in enumerate(section.regions, 1):
                if first <= command.address < end:
                    return replace(command, register=register)
        return command

    registers = list(enumerate((stride for _, _, stride in section.regions), 1))
    return [
        *(Set(register=register, value=0) for register, _ in registers),
        Loop(count=section.loop.count),
        *(addressed(command) for command in commands),
        *(Add(register=register, value=stride) for register, stride in registers),
        Repeat(),
    ]
