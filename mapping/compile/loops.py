"""Programs with loops: equal layers that are compiled once, a head whose logits the scratchpad cannot hold at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Add, Command, End, Load, Loop, Repeat, Set, Store, Weights
from tilewright.sim.isa.widths import COMMAND_BYTES

from .compiled import InMemory, PaddedRows
from .compiler import translate
from .memory_map import MemoryMap
from .survey import Survey
from .synchronise import synchronise
from .translation import Translation


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """Steps that run several times, each time with constants and states of their own."""

    name: str
    lowered: Lowered
    count: int
    own: str
    """Names of constants and states that begin so belong to each run, all others to all of them."""
    carried: bool = True
    """The output of a run is the input of the next one; otherwise all have the same input, the last rows of what there
    is, and outputs of their own."""


@dataclass(frozen=True)
class _Compiled:
    """A loop with its places; those of a run are ``strides`` from those of the one before."""

    repeated: Repeated
    survey: Survey
    translation: Translation
    regions: tuple[tuple[int, int, int], ...]
    """Of what every run has: first address, last address + 1 of the first run, bytes to the next run."""


@dataclass(frozen=True, kw_only=True)
class CompiledLoops(InMemory):
    """A program of loops, and where in memory what they work on lies."""

    loops: Mapping[str, _Compiled]

    def empty_memory(self) -> np.ndarray:
        """Return memory with this program alone, uint8, and scales of groups for what programs store."""
        memory = np.zeros(self.memory.next_page, np.uint8)
        for name, loop in self.loops.items():
            for run in range(loop.repeated.count):
                for key, buffer in loop.survey.stored.items():
                    for operand in buffer.operands.values():
                        operand.prepare(self._of_run(memory, name, key, run))
        self.write_program(memory)
        return memory

    def write_constants(self, memory: np.ndarray, loop: str, run: int, constants: Mapping[str, np.ndarray]) -> None:
        """Write the constants of a run, by the names that the steps have, as they are stored."""
        survey = self.loops[loop].survey
        for name, weights in survey.weights.items():
            scales = constants[weights.scales] if weights.scales else None
            weights.write(self._of_run(memory, loop, name, run), constants[name], scales)
        for name, place in survey.constants.items():
            if name in constants:
                view = place.view(self._of_run(memory, loop, name, run))
                view[:] = np.asarray(constants[name]).reshape(view.shape)

    def read_state(self, memory: np.ndarray, loop: str, run: int, name: str) -> np.ndarray:
        """Return the elements of a state of a run, by the name that the steps have, as they are stored; flat."""
        survey, memory = self.loops[loop].survey, self._of_run(memory, loop, name, run)
        if name in survey.stored:
            return survey.stored[name].read(memory)
        return survey.constants[name].view(memory).ravel()

    def read_output(self, memory: np.ndarray, loop: str, run: int = 0) -> np.ndarray:
        """Return the output of a run, (rows, columns) float32."""
        of_loop = self.loops[loop]
        place = of_loop.survey.output
        if not of_loop.repeated.carried:
            memory = self._of_run(memory, loop, "output", run)
        return place.read(memory)

    def output_rows(self, loop: str) -> PaddedRows:
        """Return where the outputs of all runs of a loop lie, one row each.

        Raises
        ------
        ValueError
            If an output has several rows, or is the input of the next run.
        """
        of_loop = self.loops[loop]
        place, count = of_loop.survey.output, of_loop.repeated.count
        if of_loop.repeated.carried or place.rows > 1:
            raise ValueError(f"{loop}: its outputs are not one row for each run")
        stride = next(stride for first, end, stride in of_loop.regions if first <= place.address < end)
        return replace(place, rows=count, pitch=stride)

    def _of_run(self, memory: np.ndarray, loop: str, name: str, run: int) -> np.ndarray:
        """Return memory from where a buffer of the first run would lie if that of another run were there."""
        those = self.loops[loop]
        address = those.survey.output.address if name == "output" else _address(those.survey, name)
        shift = next((stride for first, end, stride in those.regions if first <= address < end), 0)
        return memory[run * shift :]


def compile_loops(
    config: AcceleratorConfig, loops: Sequence[Repeated], memory: MemoryMap | None = None
) -> CompiledLoops:
    """Return a program that runs loops one after the other, each on what the one before has left.

    Constants, states and outputs of the runs of a loop lie at equal distances, which address registers count. Between
    two loops, and between runs, activations go through memory.

    Parameters
    ----------
    memory : MemoryMap, optional
        Of another program that shares constants and states with this one.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step.
    """
    memory = memory or MemoryMap()
    first = loops[0].lowered.input
    pitch = first.columns * first.storage.scratchpad_bytes
    pitch = -(-pitch // config.word_bytes) * config.word_bytes
    place = memory.new("input", first.rows * pitch)
    carried = PaddedRows(place.address, first.rows, first.columns, pitch, first.storage)
    commands: list[Command] = []
    compiled = {}
    for loop in loops:
        one = _compile(config, loop, memory, carried)
        compiled[loop.name] = one
        commands += _loop_commands(one)
    program = synchronise(config, [*commands, End()], apart=True)
    return CompiledLoops(
        config=config,
        memory=memory,
        commands=program,
        program_address=memory.new("program", COMMAND_BYTES * len(program)).address,
        input=carried,
        loops=compiled,
    )


def _compile(config: AcceleratorConfig, loop: Repeated, memory: MemoryMap, carried: PaddedRows) -> _Compiled:
    def survey(own: dict[str, MemoryMap], shared: MemoryMap) -> Survey:
        states = {*loop.lowered.states}

        def memory_of(name: str) -> MemoryMap:
            if name.startswith(loop.own):
                return own["states" if name in states else "constants"]
            return own["output"] if name == "output" else shared

        made = Survey(config, loop.lowered, memory_of, None if not loop.carried else (carried, carried))
        if not loop.carried:
            rows = loop.lowered.input.rows
            first = carried.address + (carried.rows - rows) * carried.pitch
            made.input = replace(carried, address=first, rows=rows)
        return made

    kinds = ("constants", "states", "output")
    # Once for the sizes, then in their places.
    sizes = {kind: MemoryMap() for kind in kinds}
    of_all = MemoryMap()
    survey(sizes, of_all)
    own, regions = {}, []
    for kind in kinds:
        stride = sizes[kind].next_page
        if not stride:
            own[kind] = MemoryMap()
            continue
        name = f"{loop.name}.{kind}"
        region = memory.new(name, loop.count * stride) if kind == "output" else memory.place(name, loop.count * stride)
        inside = MemoryMap(base=region.address)
        own[kind] = inside if kind == "output" else memory.nested.setdefault(name, inside)
        regions.append((region.address, region.address + stride, stride))
    made = survey(own, memory)
    if loop.carried and made.lowered.output.columns != carried.columns:
        raise ConfigError(
            f"{loop.name}: an output of {made.lowered.output.columns} columns is no input of the next run"
        )
    return _Compiled(loop, made, translate(config, made), tuple(regions))


def _loop_commands(loop: _Compiled) -> list[Command]:
    """Return the loop, with an address register for each region of which every run has its own part."""

    def addressed(command: Command) -> Command:
        if isinstance(command, Load | Weights | Store):
            for register, (first, end, _) in enumerate(loop.regions, 1):
                if first <= command.address < end:
                    return replace(command, register=register)
        return command

    registers = list(enumerate((stride for _, _, stride in loop.regions), 1))
    return [
        *(Set(register=register, value=0) for register, _ in registers),
        Loop(count=loop.repeated.count),
        *(addressed(command) for command in loop.translation.commands()),
        *(Add(register=register, value=stride) for register, stride in registers),
        Repeat(),
    ]


def _address(survey: Survey, name: str) -> int:
    if name in survey.weights:
        return survey.weights[name].address
    if name in survey.stored:
        return min(operand.address for operand in survey.stored[name].operands.values())
    return survey.constants[name].address
