"""Large storage for simulation.

Amaranth writes out the initial value of every word of a memory, which for the memories of a bench is most of
the text; this one is a Verilog module without initial values.
"""

from pathlib import Path

from amaranth.hdl import ClockSignal, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class SimulationStorage(wiring.Component):
    """Words that are written on the clock edge and read in the same cycle.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Number of words, at least 2.

    Members
    -------
    write_enable, write_address, write_data : In
        Writes a word.
    read_address, read_data : In, Out
        Reads a word.
    """

    SOURCE = Path(__file__).with_name("storage.v")
    """Verilog of the module that this component instantiates, which must be added to the sources."""

    def __init__(self, *, width: int, depth: int):
        self._depth = depth
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(range(depth)),
                "write_data": In(width),
                "read_address": In(range(depth)),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = Instance(
            "simulation_storage",
            p_WIDTH=len(self.write_data),
            p_DEPTH=self._depth,
            p_ADDRESS_WIDTH=len(self.write_address),
            i_clk=ClockSignal(),
            i_write_enable=self.write_enable,
            i_write_address=self.write_address,
            i_write_data=self.write_data,
            i_read_address=self.read_address,
            o_read_data=self.read_data,
        )
        return m
