"""Loops of a program: equal layers that are compiled once, and a head whose logits do not fit into the scratchpad at
once."""

from dataclasses import dataclass, replace

from tilewright.base.errors import ConfigError
from tilewright.sim.isa.commands import Add, Command, Jobs, Load, Loop, Repeat, Set, Store, Weights
from tilewright.sim.isa.widths import ADDRESS_REGISTERS

from .arguments import Argument, Formula
from .blocks import Shifted, shifted_by_position
from .compiled import PaddedRows
from .memory_map import MemoryMap
from .program import LoopSection, Program, Region
from .survey import Survey

KINDS = ("constants", "states", "output", "jobs")
"""Kinds of regions of main memory of which every run of a loop has its own part: outputs of runs whose outputs are not
carried on, and descriptors of jobs, belong to one program, the others to all programs of a model."""


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
        in_blocks = loop.blocks is not None and kind in ("states", "jobs")
        per_run = stride * (loop.blocks.count if loop.blocks and in_blocks else 1)
        size, shared = loop.count * per_run, kind in ("constants", "states")
        region = memory.place(name, size) if shared else memory.new(name, size)
        inside = MemoryMap(base=region.address)
        own[kind] = memory.nested.setdefault(name, inside) if shared else inside
        per_block = stride if in_blocks else 0
        regions.append(Region(kind, region.address, region.address + stride, per_run, per_block))
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
        return own[name] if name in ("output", "jobs") else shared

    ends = (carried, carried) if loop.carried else None
    survey = Survey(program.config, program.engines, lowered, memory_of, ends)
    if not loop.carried:
        rows = lowered.input.rows
        first = carried.address + (carried.rows - rows) * carried.pitch
        survey.input = replace(carried, address=first, rows=rows)
    return survey


@dataclass(frozen=True)
class _Register:
    """An address register of a loop: what its content is at the start, and how it changes."""

    number: int
    start: Formula
    per_run: int
    per_block: int
    purpose: str
    lasting: bool = False
    """Flag: commands behind the blocks of a run use it, too."""


class _LoopCommands:
    """Makes the commands of a loop: a register for each region of which every run has its own part and, in a program
    that serves every position, for each part of memory that the position or a block shifts."""

    def __init__(self, section: LoopSection):
        self.section, self.blocks = section, section.loop.blocks
        self.registers: list[_Register] = []
        self.commands: list[Command] = []
        self.arguments: list[Argument] = []
        """Arguments, by the numbers of their commands in this loop."""
        self._regions = [
            (first, end, self._register(Formula(()), per_run, per_block, f"{kind} of a block", kind == "jobs"))
            for kind, first, end, per_run, per_block in section.regions
        ]
        self.shifted: list[tuple[Shifted, _Register]] = []
        if self.blocks:
            _, _, _, per_run, per_block = next(region for region in section.regions if region[0] == "states")
            self.shifted = [
                (each, self._register(each.start, each.per_run, each.per_block, each.purpose))
                for each in shifted_by_position(section.survey, self.blocks, per_run, per_block)
            ]
        if len(self.registers) > ADDRESS_REGISTERS:
            raise ConfigError(
                f"{section.loop.name}: {len(self.registers)} address registers are needed, and there are "
                f"{ADDRESS_REGISTERS}"
            )

    def make(self) -> None:
        """Make all commands."""
        operations = self.section.operations
        for register in self.registers:
            self._set(Set, register.number, register.start, f"address register {register.number}: {register.purpose}")
        self.commands.append(Loop(count=self.section.loop.count))
        begin, moved = 0, set()
        for first, end in operations.repeated:
            self._add_addressed(operations.commands(begin, first))
            assert self.blocks
            self._argument(Loop(count=1), self.blocks.used, "number of blocks of the cache")
            self._add_addressed(operations.commands(first, end))
            for register in self.registers:
                if register.per_block:
                    self.commands.append(Add(register=register.number, value=register.per_block))
            self.commands.append(Repeat())
            for register in self.registers:
                if register.per_block:
                    # With the step to the next run, if this is the last of the loops in it.
                    early = (first, end) == operations.repeated[-1] and not register.lasting
                    step = register.per_run if early else 0
                    moved |= {register.number} if step else set()
                    used = self.blocks.used
                    terms = tuple(replace(term, factor=-register.per_block * term.factor) for term in used.terms)
                    back = Formula(terms, step - register.per_block * used.constant)
                    self._set(
                        Add, register.number, back, f"address register {register.number}: back to the first block"
                    )
            begin = end
        self._add_addressed(operations.commands(begin))
        for register in self.registers:
            if register.per_run and register.number not in moved:
                self.commands.append(Add(register=register.number, value=register.per_run))
        self.commands.append(Repeat())

    def _register(self, start: Formula, per_run: int, per_block: int, purpose: str, lasting: bool = False) -> _Register:
        """Return the register with such a content, a new one if there is none."""
        for each in self.registers:
            if (each.start, each.per_run, each.per_block) == (start, per_run, per_block) and start.terms:
                return each
        number = len(self.registers) + 1
        self.registers.append(_Register(number, start, per_run, per_block, purpose, lasting))
        return self.registers[-1]

    def _set(self, kind: type[Set] | type[Add], number: int, formula: Formula, purpose: str) -> None:
        """Add a command with the value of a formula, which is an argument unless it is the same for all positions."""
        if formula.terms:
            self._argument(kind(register=number, value=0), formula, purpose)
        else:
            self.commands.append(kind(register=number, value=formula.constant))

    def _argument(self, command: Command, formula: Formula, purpose: str) -> None:
        assert self.blocks
        argument = Argument(len(self.commands), formula, purpose)
        self.arguments.append(argument)
        self.commands.append(argument.written(command, self.blocks.nominal))

    def _add_addressed(self, commands: list[Command]) -> None:
        self.commands += [self._addressed(command) for command in commands]

    def _addressed(self, command: Command) -> Command:
        if not isinstance(command, Load | Weights | Store | Jobs):
            return command
        for shifted, register in self.shifted:
            if isinstance(command, shifted.kind) and shifted.first <= command.address < shifted.end:
                return command.changed(register=register.number, address=command.address - shifted.before)
        for first, end, register in self._regions:
            if first <= command.address < end:
                return command.changed(register=register.number)
        return command


def loop_commands(section: LoopSection) -> tuple[list[Command], list[Argument], list[range]]:
    """Return the loop over a section's commands with its address registers, the arguments by the numbers of their
    commands there, and the addresses that commands reach through different registers.

    Raises
    ------
    ConfigError
        If there are too few address registers.
    """
    made = _LoopCommands(section)
    made.make()
    return made.commands, made.arguments, [range(each.first, each.end) for each, _ in made.shifted]
