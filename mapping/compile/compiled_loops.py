"""A compiled program of loops, with the places of the constants, states and outputs of each run in main memory."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tilewright.sim.isa.encoding import encode

from .arguments import WORD, Argument, with_arguments
from .compiled import InMemory, PaddedRows
from .program import LoopSection
from .survey import Survey


@dataclass(frozen=True, kw_only=True)
class CompiledLoops(InMemory):
    """A program of loops, with the places of its data in main memory."""

    loops: Mapping[str, LoopSection]
    arguments: tuple[Argument, ...] = ()
    """Words of commands that depend on the position, if the program serves every position."""

    @property
    def output(self) -> PaddedRows:
        """Place of the output of the last loop; of its first run, if each run has one of its own."""
        [*_, last] = self.loops.values()
        return last.survey.output

    def at(self, position: int) -> "CompiledLoops":
        """Return a program that serves every position for one of them."""
        return replace(self, commands=with_arguments(self.commands, self.arguments, position))

    def write_arguments(self, memory: np.ndarray, position: int) -> None:
        """Write the arguments of a position, as a host does: nothing else of the program changes."""
        for each in self.arguments:
            word = encode(self.config, each.written(self.commands[each.command], position))[WORD]
            first = self.program_address + each.offset
            memory[first : first + len(word)] = np.frombuffer(word, np.uint8)

    def empty_memory(self, size: int = 0) -> np.ndarray:
        """Return memory with this program alone, uint8, and the scales of groups for weights that programs store.

        Parameters
        ----------
        size : int
            Size in bytes, if that is more than the program needs.
        """
        memory = np.zeros(max(size, self.memory.next_page), np.uint8)
        for name, section in self.loops.items():
            blocks = section.loop.blocks.count if section.loop.blocks else 1
            for run, block in itertools.product(range(section.loop.count), range(blocks)):
                for key, buffer in section.survey.stored.items():
                    for operand in buffer.operands.values():
                        operand.prepare(self._of_run(memory, name, key, run, block))
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

    def write_shared(self, memory: np.ndarray, constants: Mapping[str, np.ndarray]) -> None:
        """Write some constants that all runs of a loop share and that are no weights."""
        for section in self.loops.values():
            for name in constants.keys() & section.survey.constants.keys():
                view = section.survey.constants[name].view(memory)
                view[:] = np.asarray(constants[name]).reshape(view.shape)

    def read_state(self, memory: np.ndarray, loop: str, run: int, name: str, block: int = 0) -> np.ndarray:
        """Return the elements of a state of a run, by the name that the steps have, as they are stored; flat.

        Of a program that serves every position, those of a block.
        """
        survey, memory = self.loops[loop].survey, self._of_run(memory, loop, name, run, block)
        if name in survey.stored:
            return survey.stored[name].read(memory)
        return survey.constants[name].view(memory).ravel()

    def read_output(self, memory: np.ndarray, loop: str, run: int = 0) -> np.ndarray:
        """Return the output of a run, (rows, columns) float32."""
        section = self.loops[loop]
        place = section.survey.output
        if not section.loop.carried:
            memory = self._of_run(memory, loop, "output", run)
        return place.read(memory)

    def output_rows(self, loop: str) -> PaddedRows:
        """Return the addresses of the outputs of all runs of a loop, one row each.

        Raises
        ------
        ValueError
            If an output has several rows, or is the input of the next run.
        """
        section = self.loops[loop]
        place, count = section.survey.output, section.loop.count
        if section.loop.carried or place.rows > 1:
            raise ValueError(f"{loop}: its outputs are not one row for each run")
        region = next(each for each in section.regions if each.first <= place.address < each.end)
        return replace(place, rows=count, pitch=region.per_run)

    def _of_run(self, memory: np.ndarray, loop: str, name: str, run: int, block: int = 0) -> np.ndarray:
        """Return memory, shifted so that a buffer of another run, and block of the cache, is at the address of the
        first one's."""
        section = self.loops[loop]
        address = section.survey.output.address if name == "output" else _address(section.survey, name)
        for region in section.regions:
            if region.first <= address < region.end:
                return memory[run * region.per_run + block * region.per_block :]
        return memory


def _address(survey: Survey, name: str) -> int:
    if name in survey.weights:
        return survey.weights[name].address
    if name in survey.stored:
        return min(operand.address for operand in survey.stored[name].operands.values())
    return survey.constants[name].address
