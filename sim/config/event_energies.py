"""Energies of the events on chip in a process: measured with cells of our own RTL, and as memories' data state them."""

from functools import cache
from typing import Annotated

from pydantic import Field

from .base import Frozen
from .load import load_description
from .process import FOLDER, process_file

Energy = Annotated[float, Field(ge=0, le=1e6)]


class MemoryMacro(Frozen):
    """A memory of a process that reads one word and writes one word in a cycle."""

    name: str
    words: Annotated[int, Field(ge=1)]
    """Number of words."""
    bits: Annotated[int, Field(ge=1)]
    """Width of a word in bits."""
    read_pj: Energy
    """Energy of reading a word."""
    write_pj: Energy
    """Energy of writing a word."""


class EventEnergies(Frozen):
    """Energy of each event above that of the idle clock, in pJ, with the edges that clock gates pass for it."""

    source: Annotated[str, Field(min_length=1)]
    """Process, tools with their versions, and page that says how the energies were measured."""
    command_pj: Energy
    """Energy of a command, from its fetch to the units that see it come."""
    read_pj_per_bit: Energy
    """Energy of a bit that main memory sends."""
    load_pj_per_bit: Energy
    """Energy of such a bit on its way into the scratchpad."""
    weight_load_pj_per_bit: Energy
    """Energy of such a bit on its way into the weight buffer."""
    queue_pj_per_bit: Energy
    """Energy of a bit that goes through the weight buffer, of flip-flops."""
    queue_words: Annotated[int, Field(ge=1)]
    """Words of the buffer that was measured; the energy grows with the number of words."""
    store_pj_per_element: Energy
    """Energy of an element that the store unit reads."""
    store_pj_per_bit: Energy
    """Energy of a bit that is written to main memory."""
    scratchpad_read_pj_per_bit: Energy
    """Energy of a bit between its bank of the scratchpad and a reader, without that of the bank."""
    scratchpad_write_pj_per_bit: Energy
    """Energy of a bit between a writer and its bank of the scratchpad, without that of the bank."""
    weight_write_pj_per_bit: Energy
    """Energy of a bit of a weight on its way from the weight buffer into a flip-flop of the array."""
    weight_row_pj_per_bit: Energy
    """Energy of such a bit for each row of the tile, past which it goes."""
    product_pj_per_bit_pair: Energy
    """Energy of a multiply-accumulate for each bit of the weight in the array times each bit of the input."""
    column_pj_per_bit_pair: Energy
    """Energy of the sum of a column of a macro, besides its products, for each bit of the weight times each bit of the
    input."""
    input_pj_per_bit: Energy
    """Energy of a bit of an activation that the input buffer takes."""
    vector_pj_per_bit: Energy
    """Energy of a bit of an input vector that the array takes from the input buffer."""
    sum_pj: Energy
    """Energy of a sum of a column in the accumulators."""
    partial_sum_pj: Energy
    """Energy of writing a partial sum and reading it later, in accumulators of flip-flops."""
    partial_sum_words: Annotated[int, Field(ge=1)]
    """Vectors of the accumulators that were measured; the energy grows with the number of vectors."""
    result_pj_per_bit: Energy
    """Energy of a bit of a result on its way to the scratchpad."""
    lane_pass_pj: Energy
    """Energy of a lane of the vector unit in a pass, besides that of its elements: its clock runs until they have left
    it."""
    element_pj: Energy
    """Energy of an element in a pass of the vector unit that changes nothing; the adders of row sums work, too."""
    add_pj: Energy
    """Energy of adding a row scalar to an element."""
    multiply_pj: Energy
    """Energy of multiplying an element by a row scalar."""
    exponential_pj: Energy
    """Energy of the exponential of an element."""
    gate_pj: Energy
    """Energy of SiLU or GELU of an element."""
    product_pj: Energy
    """Energy of multiplying an element by one of another matrix or by itself."""
    offset_pj: Energy
    """Energy of adding an element of another matrix."""
    row_sum_pj: Energy
    """Energy of taking an element into the sum of its row, beyond that of any element."""
    row_maximum_pj: Energy
    """Energy of taking an element into the maximum of its row, beyond that of any element."""
    reduction_pj: Energy
    """Energy of a pass that reduces rows, besides that of its elements: the clock of adders and row scalars runs until
    the last row scalar is there."""
    row_scalar_pj: Energy
    """Energy of a row scalar, of its inverse too."""
    memories: tuple[MemoryMacro, ...]
    """Memories for the banks of the scratchpad and for large buffers, the smallest first."""

    def memory(self, words: int) -> MemoryMacro:
        """Return the smallest memory with so many words; several of the largest one, of which one works, if none has
        them."""
        return next((each for each in self.memories if each.words >= words), self.memories[-1])


@cache
def event_energies(process: str) -> EventEnergies:
    """Return the energies of a process.

    Raises
    ------
    ConfigError
        If there is no such process, or nothing was measured in it.
    """
    return load_description(EventEnergies, process_file(process, "energy.toml"), FOLDER, "energies")
