"""The registers of a component that software starts and that counts its events."""

from collections.abc import Iterable

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import forward, lite_slave_members
from tilewright.hw.bus.axi_lite import AxiLiteSlave
from tilewright.hw.bus.counters import Counters
from tilewright.sim.isa.registers import Access, MappedRegister

CYCLES = "cycles"
"""Name of the counter that has no event of its own: it counts the cycles with ``busy``."""


def events_layout(entries: Iterable[MappedRegister]) -> data.StructLayout:
    """Return the layout of the events: a bit for each register that counts, except CYCLES, by its name in lower
    case."""
    return data.StructLayout({entry.member: 1 for entry in entries if entry.counts and entry.member != CYCLES})


class RegisterFile(wiring.Component):
    """Registers of a map behind AXI4-Lite, with the counters of a run.

    The map has ID, CONTROL, whose bit 0 starts, STATUS (busy, done without error, ended by an error), IRQ_ENABLE,
    IRQ_STATUS and CYCLES; what else it has is up to the component around this one.

    An access to an unknown address, a write to a register that can only be read, and a write of start while ``busy``
    are refused (SLVERR) and do nothing. Bytes without strobe keep their content; a byte of CONTROL or IRQ_STATUS
    without strobe does nothing. A write to CONTROL with bit 0 does nothing of its other bits.

    Latency: see :class:`AxiLiteSlave`; ``start`` and ``commands`` are set in the cycle in which the write is carried
    out. CYCLES is the number of cycles with ``busy``: ``d - s`` for ``start`` in cycle ``s``, ``done`` in cycle ``d``.

    Parameters
    ----------
    entries : iterable of MappedRegister
        The registers.

    Members
    -------
    s_axi_... : In, Out
        AXI4-Lite slave, 12 address bits.
    irq : Out(1)
        A start has ended and IRQ_ENABLE is set.
    start : Out(1)
        For a cycle, only when not ``busy``.
    commands : Out
        CONTROL's bits that are written with 1, for a cycle; bit 0 is 0.
    stored : Out
        Contents of the registers that software can write, by their names in lower case; keep the contents that a run
        needs at ``start``, since software may write registers at any time.
    contents : In
        Contents of the registers that software can only read, except ID, STATUS and those that count, by their names.
    busy : In(1)
        From the cycle after ``start`` to the one with ``done``.
    done : In(1)
        For a cycle, at the end.
    failed : In(1)
        With ``done``: the run ended by an error.
    events : In
        Events that are counted while ``busy``, see :func:`events_layout`.
    """

    def __init__(self, entries: Iterable[MappedRegister]):
        self._entries = tuple(entries)
        self._by_name = {entry.member: entry for entry in self._entries}
        shown = (
            entry
            for entry in self._entries
            if entry.access is Access.READ and not entry.counts and entry.member not in ("id", "status")
        )
        stored = (entry for entry in self._entries if entry.access is Access.READ_WRITE)
        super().__init__(
            {
                **lite_slave_members(),
                "irq": Out(1),
                "start": Out(1),
                "commands": Out(self._by_name["control"].bits),
                "stored": Out(data.StructLayout({entry.member: entry.bits for entry in stored})),
                "contents": In(data.StructLayout({entry.member: entry.bits for entry in shown})),
                "busy": In(1),
                "done": In(1),
                "failed": In(1),
                "events": In(events_layout(self._entries)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.bus = bus = AxiLiteSlave()
        m.submodules.counters = counters = Counters(entry.member for entry in self._entries if entry.counts)
        forward(m, lite_slave_members(), bus, self)

        stored = {
            entry.member: Signal(entry.bits, name=entry.member, init=entry.reset)
            for entry in self._entries
            if entry.access in (Access.READ_WRITE, Access.CLEAR)
        }
        done, failed = Signal(), Signal()
        fixed: dict[str, Value] = {
            **stored,
            "id": Const(self._by_name["id"].reset, 32),
            "control": Const(0, 32),
            "status": Cat(self.busy, done, failed),
        }

        def content(entry: MappedRegister) -> Value:
            if entry.counts:
                return counters.counters[entry.member]
            return fixed[entry.member] if entry.member in fixed else self.contents[entry.member]

        m.d.comb += [bus.read_refused.eq(1), bus.write_refused.eq(1)]
        for entry in self._entries:
            with m.If(bus.read_address == entry >> 2):
                m.d.comb += [bus.read_data.eq(content(entry)), bus.read_refused.eq(0)]

        # Writes. Bits to be written, one by one: those of a byte without strobe are not.
        mask = Cat(strobe.replicate(8) for strobe in bus.write_strobe)
        ones = bus.write_data & mask  # what a command or a clearing write sets
        for entry in self._entries:
            if entry.access is Access.READ:
                continue
            with m.If(bus.write_address == entry >> 2):
                m.d.comb += bus.write_refused.eq(0)
                if entry.access is Access.READ_WRITE:
                    old = stored[entry.member]
                    with m.If(bus.write):
                        m.d.sync += old.eq((old & ~mask) | ones)
                elif entry.access is Access.CLEAR:
                    with m.If(bus.write):
                        m.d.sync += stored[entry.member].eq(stored[entry.member] & ~ones)
                else:
                    m.d.comb += [
                        bus.write_refused.eq(ones[0] & self.busy),
                        self.start.eq(bus.write & ones[0] & ~self.busy),
                    ]
                    with m.If(bus.write & ~ones[0]):
                        m.d.comb += self.commands.eq(ones)

        with m.If(self.start):
            m.d.sync += [done.eq(0), failed.eq(0)]
        with m.If(self.done):
            m.d.sync += [
                done.eq(~self.failed),
                failed.eq(self.failed),
                # Now rather than cleared, if software clears the end before this one in this cycle.
                stored["irq_status"].eq(1),
            ]
        m.d.comb += [
            self.irq.eq(stored["irq_status"] & stored["irq_enable"]),
            counters.clear.eq(self.start),
            counters.run.eq(self.busy),
            counters.events[CYCLES].eq(1),
        ]
        m.d.comb += [
            self.stored[entry.member].eq(stored[entry.member])
            for entry in self._entries
            if entry.access is Access.READ_WRITE
        ]
        m.d.comb += [counters.events[name].eq(self.events[name]) for name, _ in self.events.shape()]
        return m
