"""The registers of the NPE."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import forward, lite_slave_members
from tilewright.hw.bus.register_file import RegisterFile, events_layout
from tilewright.sim.isa.npe_registers import Register, geometry


class Registers(wiring.Component):
    """The registers of the NPE behind AXI4-Lite; see :class:`RegisterFile` for accesses, latency, counters.

    Parameters
    ----------
    rows, columns : int
        Size of the array.
    bus_bytes : int
        Size of a beat, a power of two.
    modes_mask : int
        A bit for each format.

    Members
    -------
    s_axi_... : In, Out
        AXI4-Lite slave, 12 address bits.
    irq : Out(1)
        A start has ended and IRQ_ENABLE is set.
    start, abort_now : Out(1)
        For a cycle; ``start`` only when not ``busy``, ``abort_now`` only when ``busy``.
    descriptor_address : Out(64)
        DESCRIPTOR_HIGH and DESCRIPTOR_LOW; to be kept at ``start``, since software may write them at any time.
    count : Out(32)
        COUNT as it was written, allowed or not; likewise.
    busy : In(1)
        From the cycle after ``start`` to the one with ``done``.
    done : In(1)
        For a cycle, at the end.
    error : In(16)
        ERROR; with ``done``, not 0 if it has ended by an error.
    completed : In(16)
        COMPLETED.
    events : In
        Events that are counted while ``busy``: the array takes a word, waits for operands, waits to hand over results;
        a beat is read, written; by the names of the registers that count it.
    """

    def __init__(self, *, rows: int, columns: int, bus_bytes: int, modes_mask: int):
        self._geometry = geometry(rows, columns, bus_bytes)
        self._modes_mask = modes_mask
        super().__init__(
            {
                **lite_slave_members(),
                "irq": Out(1),
                "start": Out(1),
                "abort_now": Out(1),
                "descriptor_address": Out(64),
                "count": Out(32),
                "busy": In(1),
                "done": In(1),
                "error": In(16),
                "completed": In(16),
                "events": In(events_layout(Register)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.file = file = RegisterFile(Register)
        forward(m, lite_slave_members(), file, self)
        m.d.comb += [
            self.irq.eq(file.irq),
            self.start.eq(file.start),
            self.abort_now.eq(file.commands[1] & self.busy),
            self.descriptor_address.eq(Cat(file.stored.descriptor_low, file.stored.descriptor_high)),
            self.count.eq(file.stored["count"]),
            file.contents.geometry.eq(self._geometry),
            file.contents.modes.eq(self._modes_mask),
            file.contents.completed.eq(self.completed),
            file.contents.error.eq(self.error),
            file.busy.eq(self.busy),
            file.done.eq(self.done),
            file.failed.eq(self.error.any()),
            file.events.eq(self.events),
        ]
        return m
