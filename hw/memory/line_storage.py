"""Large storage for simulation that is filled and read back a line at a time."""

from pathlib import Path

from amaranth.hdl import ClockSignal, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class LineStorage(wiring.Component):
    """Words of which some bits, or a line of words, are written on the clock edge; two, and a line, are read at once.

    A Verilog module without initial values, for the reason that :class:`SimulationStorage` is one.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Number of words, at least 2, a multiple of ``line_words``.
    line_words : int
        Words of a line.

    Members
    -------
    write_enable, write_address, write_mask, write_data : In
        Writes the bits of a word that ``write_mask`` has.
    write_enable_1, write_address_1, write_mask_1, write_data_1 : In
        Likewise, after that.
    line_enable, line_address, line_data : In
        Writes the line that begins at word ``line_address * line_words``; it comes after the words.
    read_address_0, read_data_0, read_address_1, read_data_1 : In, Out
        Read a word each, in the same cycle.
    read_line_address, read_line_data : In, Out
        Read the line that begins at word ``read_line_address * line_words``, in the same cycle.
    """

    SOURCE = Path(__file__).with_name("line_storage.v")
    """Verilog of the module that this component instantiates, which must be added to the sources."""

    def __init__(self, *, width: int, depth: int, line_words: int):
        self._depth, self._line_words = depth, line_words
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(range(depth)),
                "write_mask": In(width),
                "write_data": In(width),
                "write_enable_1": In(1),
                "write_address_1": In(range(depth)),
                "write_mask_1": In(width),
                "write_data_1": In(width),
                "line_enable": In(1),
                "line_address": In(range(max(2, depth // line_words))),
                "line_data": In(width * line_words),
                "read_address_0": In(range(depth)),
                "read_data_0": Out(width),
                "read_address_1": In(range(depth)),
                "read_data_1": Out(width),
                "read_line_address": In(range(max(2, depth // line_words))),
                "read_line_data": Out(width * line_words),
            }
        )

    def elaborate(self, platform):
        m = Module()
        ports = {
            ("i_" if member.flow == In else "o_") + name: getattr(self, name)
            for name, member in self.signature.members.items()
        }
        m.submodules.storage = Instance(
            "simulation_line_storage",
            p_WIDTH=len(self.write_data),
            p_DEPTH=self._depth,
            p_ADDRESS_WIDTH=len(self.write_address),
            p_LINE_WORDS=self._line_words,
            p_LINE_ADDRESS_WIDTH=len(self.line_address),
            i_clk=ClockSignal(),
            **ports,
        )
        return m
