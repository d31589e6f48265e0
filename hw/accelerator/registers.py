"""The accelerator's registers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import forward, lite_slave_members
from tilewright.hw.bus.register_file import RegisterFile, events_layout
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.accelerator_registers import registers_of


class Registers(wiring.Component):
    """The registers of an accelerator behind AXI4-Lite; see :class:`RegisterFile` for accesses, latency, counters.

    Software writes an address of 64 bits, allowed or not, whatever the configuration.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    s_axi_... : In, Out
        AXI4-Lite slave, 12 address bits.
    irq : Out(1)
        A start has ended and IRQ_ENABLE is set.
    start : Out(1)
        For a cycle, only when not ``busy``.
    program_address : Out(64)
        PROGRAM_HIGH and PROGRAM_LOW; to be kept at ``start``, since software may write them at any time.
    busy : In(1)
        From the cycle after ``start`` to the one with ``done``.
    done : In(1)
        For a cycle, at the end.
    error : In(16)
        With ``done``, code 7:0 and detail 15:8; not 0 if it has ended by an error. Kept in ERROR until the next start.
    error_index : In(32)
        With ``done``, kept in ERROR_INDEX likewise.
    events : In
        Events that are counted while ``busy``, a bit for each register from COMMANDS on, by its name in lower case.
    """

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                **lite_slave_members(),
                "irq": Out(1),
                "start": Out(1),
                "program_address": Out(64),
                "busy": In(1),
                "done": In(1),
                "error": In(16),
                "error_index": In(32),
                "events": In(events_layout(registers_of(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.file = file = RegisterFile(registers_of(self.config))
        forward(m, lite_slave_members(), file, self)
        error, error_index = Signal(16), Signal(32)
        with m.If(self.start):
            m.d.sync += [error.eq(0), error_index.eq(0)]
        with m.If(self.done):
            m.d.sync += [error.eq(self.error), error_index.eq(self.error_index)]
        m.d.comb += [
            self.irq.eq(file.irq),
            self.start.eq(file.start),
            self.program_address.eq(Cat(file.stored.program_low, file.stored.program_high)),
            file.contents.error.eq(error),
            file.contents.error_index.eq(error_index),
            file.busy.eq(self.busy),
            file.done.eq(self.done),
            file.failed.eq(self.error.any()),
            file.events.eq(self.events),
        ]
        return m
