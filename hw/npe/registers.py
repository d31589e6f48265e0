"""The co-processor's registers."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import forward, lite_slave_members
from tilewright.hw.bus.axi_lite import AxiLiteSlave
from tilewright.hw.npe.counters import EVENTS_LAYOUT, Counters
from tilewright.hw.npe.register_map import REGISTER_MAP, Access
from tilewright.sim.config.npe import NPE_ID, Register


class Registers(wiring.Component):
    """Registers of ``REGISTER_MAP`` behind AXI4-Lite, with the counters of a run.

    An access to an unknown address, a write to a register that can only be read, and a write of start while ``busy``
    are refused (SLVERR) and do nothing. Bytes without strobe keep their content; a byte of CONTROL or IRQ_STATUS
    without strobe does nothing. A write to CONTROL that starts does not abort.

    Latency: see :class:`AxiLiteSlave`; ``start`` and ``abort_now`` are 1 in the cycle in which the write is carried
    out. CYCLES is the number of cycles with ``busy``: ``d - s`` for ``start`` in cycle ``s``, ``done`` in cycle ``d``.

    Parameters
    ----------
    rows, columns : int
        Of the array.
    bus_bytes : int
        Of a beat, a power of two.
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
    events : In(EVENTS_LAYOUT)
        What is counted while ``busy``.
    """

    def __init__(self, *, rows: int, columns: int, bus_bytes: int, modes_mask: int):
        self._geometry = rows | columns << 8 | (bus_bytes.bit_length() - 1) << 16
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
                "events": In(EVENTS_LAYOUT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.bus = bus = AxiLiteSlave()
        m.submodules.counters = counters = Counters()
        forward(m, lite_slave_members(), bus, self)

        stored = {
            entry.register: Signal(entry.bits, name=entry.register.name.lower(), init=entry.reset)
            for entry in REGISTER_MAP
            if entry.access in (Access.READ_WRITE, Access.CLEAR)
        }
        done, failed = Signal(), Signal()
        counts = counters.counters
        contents: dict[Register, Value] = {
            **stored,
            Register.ID: Const(NPE_ID, 32),
            Register.GEOMETRY: Const(self._geometry, 32),
            Register.MODES: Const(self._modes_mask, 32),
            Register.CONTROL: Const(0, 32),
            Register.STATUS: Cat(self.busy, done, failed),
            Register.COMPLETED: self.completed,
            Register.ERROR: self.error,
            Register.CYCLES: counts.cycles,
            Register.BUSY: counts.busy,
            Register.STALL_LOAD: counts.stall_load,
            Register.STALL_STORE: counts.stall_store,
            Register.READ_BEATS: counts.read_beats,
            Register.WRITE_BEATS: counts.write_beats,
        }

        m.d.comb += [bus.read_refused.eq(1), bus.write_refused.eq(1)]
        for entry in REGISTER_MAP:
            with m.If(bus.read_address == entry.register >> 2):
                m.d.comb += [bus.read_data.eq(contents[entry.register]), bus.read_refused.eq(0)]

        # Writes. Bits to be written, one by one: those of a byte without strobe are not.
        mask = Cat(strobe.replicate(8) for strobe in bus.write_strobe)
        ones = bus.write_data & mask  # what a command or a clearing write sets
        for entry in REGISTER_MAP:
            if entry.access is Access.READ:
                continue
            with m.If(bus.write_address == entry.register >> 2):
                m.d.comb += bus.write_refused.eq(0)
                if entry.access is Access.READ_WRITE:
                    old = stored[entry.register]
                    with m.If(bus.write):
                        m.d.sync += old.eq((old & ~mask) | ones)
                elif entry.access is Access.CLEAR:
                    with m.If(bus.write):
                        m.d.sync += stored[entry.register].eq(stored[entry.register] & ~ones)
                else:
                    m.d.comb += [
                        bus.write_refused.eq(ones[0] & self.busy),
                        self.start.eq(bus.write & ones[0] & ~self.busy),
                        self.abort_now.eq(bus.write & ones[1] & ~ones[0] & self.busy),
                    ]

        with m.If(self.start):
            m.d.sync += [done.eq(0), failed.eq(0)]
        with m.If(self.done):
            m.d.sync += [
                done.eq(~self.error.any()),
                failed.eq(self.error.any()),
                # Now rather than cleared, if software clears the end before this one in this cycle.
                stored[Register.IRQ_STATUS].eq(1),
            ]
        m.d.comb += [
            self.irq.eq(stored[Register.IRQ_STATUS] & stored[Register.IRQ_ENABLE]),
            self.descriptor_address.eq(Cat(stored[Register.DESCRIPTOR_LOW], stored[Register.DESCRIPTOR_HIGH])),
            self.count.eq(stored[Register.COUNT]),
            counters.clear.eq(self.start),
            counters.run.eq(self.busy),
            counters.events.eq(self.events),
        ]
        return m
