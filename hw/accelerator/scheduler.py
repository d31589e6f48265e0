"""Queues of commands in front of the units, and the conditions under which the first of each begins: signals and bank
ports."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.command import INDEX_BITS, entry_layout
from tilewright.hw.layout import field
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import HEAD
from tilewright.sim.isa.depths import LOADS
from tilewright.sim.isa.units import Unit, signal_bits, units_of
from tilewright.sim.isa.widths import SEMAPHORE_BITS


class Scheduler(wiring.Component):
    """Lets the first command of each queue begin when its unit is free and its signals and bank ports are there.

    A semaphore counts, for each ordered pair of units, the signals that the one has given and the other has not taken.
    A command holds the read port of each bank that it reads, and the write port of the one it writes, from the cycle
    after it began to the one with ``done``; ports that the same unit holds are no obstacle. Of commands that could
    begin in the same cycle and want the same port, the unit of the lower number goes first.

    Latency: a command can begin two cycles after it entered its queue; what ``done`` gives is there in the next cycle.

    Members
    -------
    enter0 .. enter4 : In(stream)
        Commands for each unit that there is, :func:`entry_layout`.
    begin0 ... : Out(stream)
        Commands that begin; ``ready``: the unit could begin one.
    done : In
        A bit for each unit: the oldest command of a unit under way has ended.
    index0 ... : Out
        Number of the oldest command of each unit under way.
    halt : In(1)
        Nothing begins.
    active : Out(1)
        A command waits or is under way.
    busy, no_signal, no_bank : Out
        A bit for each unit: it runs a command; it could, but a signal, or a port, is not there.
    overflow : Out(1), overflow_index : Out
        A semaphore cannot count a signal; the command that gave it.
    """

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        layout = entry_layout(config)
        members: dict[str, Any] = {}
        self.units = units_of(config)
        for unit in self.units:
            members |= {
                f"enter{unit}": In(stream.Signature(layout)),
                f"begin{unit}": Out(stream.Signature(layout)),
                f"index{unit}": Out(INDEX_BITS),
            }
        count = signal_bits(config)
        super().__init__(
            {
                **members,
                "done": In(count),
                "halt": In(1),
                "active": Out(1),
                "busy": Out(count),
                "no_signal": Out(count),
                "no_bank": Out(count),
                "overflow": Out(1),
                "overflow_index": Out(INDEX_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        layout = entry_layout(config)
        heads: dict[Unit, Any] = {}
        waiting: dict[Unit, Value] = {}
        levels: list[Value] = []
        signals: dict[Unit, Value] = {}
        begins: dict[Unit, Value] = {}
        held: dict[Unit, tuple[Value, Value]] = {}
        for unit in self.units:
            enter, begin = getattr(self, f"enter{unit}"), getattr(self, f"begin{unit}")
            queue = SyncFIFOBuffered(width=layout.size, depth=config.queue_depth)
            m.submodules[f"queue{unit}"] = queue
            m.d.comb += [
                queue.w_data.eq(enter.p.as_value()),
                queue.w_en.eq(enter.valid),
                enter.ready.eq(queue.w_rdy),
                begin.p.eq(queue.r_data),
                queue.r_en.eq(begin.valid & begin.ready),
            ]
            heads[unit] = data.View(layout, queue.r_data)
            waiting[unit] = queue.r_rdy
            levels.append(queue.level)
            begins[unit] = Signal(name=f"begins{unit}")
            m.d.comb += begins[unit].eq(begin.valid & begin.ready)
            signals[unit] = self._under_way(m, unit, heads[unit], begins[unit], held)

        semaphores = self._semaphores(m, heads, begins, signals)
        for unit in self.units:
            head, begin = heads[unit], getattr(self, f"begin{unit}")
            wanted = field(head.command, HEAD["wait"])
            there = Cat((semaphores[giver][unit] != 0) | ~wanted[giver] for giver in self.units).all()
            # Ports that other units hold, or take in this cycle.
            clash: Value = Cat()
            for other in self.units:
                if other != unit:
                    reads, writes = held[other]
                    clash = Cat(clash, head.reads & reads, head.writes & writes)
                if other < unit:
                    taken = begins[other].replicate(config.banks)
                    clash = Cat(
                        clash, head.reads & heads[other].reads & taken, head.writes & heads[other].writes & taken
                    )
            free = Signal(name=f"free{unit}")
            could = Signal(name=f"could{unit}")
            m.d.comb += [
                free.eq(~clash.any()),
                could.eq(waiting[unit] & begin.ready & ~self.halt),
                begin.valid.eq(waiting[unit] & ~self.halt & there & free),
                self.no_signal[unit].eq(could & ~there),
                self.no_bank[unit].eq(could & there & ~free),
            ]
        m.d.comb += self.active.eq(Cat(levels, self.busy).any())
        return m

    def _under_way(self, m: Module, unit: Unit, head, begins: Value, held: dict) -> Value:
        """Keep what a unit's commands under way hold; return the signals that ``done`` gives."""
        banks, done = self.config.banks, self.done[unit]
        units = signal_bits(self.config)
        layout = data.StructLayout({"signal": units, "number": INDEX_BITS, "writes": banks})
        depth = LOADS if unit is Unit.LOAD else 1
        entries = Array(Signal(layout, name=f"under_way{unit}_{i}") for i in range(depth))
        first, last, count = (
            Signal(range(max(2, depth)), name=f"first{unit}"),
            Signal(range(max(2, depth)), name=f"last{unit}"),
            Signal(range(depth + 1), name=f"count{unit}"),
        )
        with m.If(begins):
            m.d.sync += [
                entries[last].signal.eq(field(head.command, HEAD["signal"])[:units]),
                entries[last].number.eq(head.index),
                entries[last].writes.eq(head.writes),
            ]
            if depth > 1:
                m.d.sync += last.eq(last + 1)
        if depth > 1:
            with m.If(done):
                m.d.sync += first.eq(first + 1)
        m.d.sync += count.eq(count + begins - done)
        m.d.comb += [self.busy[unit].eq(count != 0), getattr(self, f"index{unit}").eq(entries[first].number)]
        if depth > 1:
            reads: Value = Signal(banks, name=f"reads{unit}")
            writes = Signal(banks, name=f"writes{unit}")
            for bank in range(banks):
                holders = Signal(range(depth + 1), name=f"holders{unit}_{bank}")
                m.d.sync += holders.eq(holders + (begins & head.writes[bank]) - (done & entries[first].writes[bank]))
                m.d.comb += writes[bank].eq(holders != 0)
        else:
            reads, writes = Signal(banks, name=f"reads{unit}"), Signal(banks, name=f"writes{unit}")
            with m.If(begins):
                m.d.sync += [reads.eq(head.reads), writes.eq(head.writes)]
            with m.Elif(done):
                m.d.sync += [reads.eq(0), writes.eq(0)]
        held[unit] = reads, writes
        given = Signal(units, name=f"given{unit}")
        m.d.comb += given.eq(entries[first].signal & done.replicate(units))
        return given

    def _semaphores(self, m: Module, heads: dict, begins: dict, signals: dict) -> dict[Unit, dict[Unit, Signal]]:
        """Return the semaphores, by who gives and who takes."""
        semaphores: dict[Unit, dict[Unit, Signal]] = {}
        for giver in self.units:
            row = semaphores[giver] = {}
            for taker in self.units:
                count = Signal(SEMAPHORE_BITS, name=f"signals_{giver}_{taker}")
                taken = begins[taker] & field(heads[taker].command, HEAD["wait"])[giver]
                m.d.sync += count.eq(count + signals[giver][taker] - taken)
                with m.If(signals[giver][taker] & ~taken & count.all()):
                    m.d.comb += [self.overflow.eq(1), self.overflow_index.eq(getattr(self, f"index{giver}"))]
                row[taker] = count
        return semaphores
