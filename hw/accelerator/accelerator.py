"""The accelerator: command processor, units and scratchpad behind an AXI4 master, registers behind AXI4-Lite."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.command import INDEX_BITS
from tilewright.hw.accelerator.jobs import JobsUnit
from tilewright.hw.accelerator.load import LoadUnit
from tilewright.hw.accelerator.processor import Processor
from tilewright.hw.accelerator.product import ArrayUnit
from tilewright.hw.accelerator.reader import Reader, Target
from tilewright.hw.accelerator.registers import Registers
from tilewright.hw.accelerator.scheduler import Scheduler
from tilewright.hw.accelerator.scratchpad import Scratchpad
from tilewright.hw.accelerator.store import StoreUnit
from tilewright.hw.bus.axi import (
    forward,
    lite_slave_members,
    master_members,
    read_master_members,
    write_master_members,
)
from tilewright.hw.bus.register_file import events_layout
from tilewright.hw.definition import Definition
from tilewright.hw.layout import field
from tilewright.hw.pipeline import delay
from tilewright.hw.vector.unit import VectorUnit
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.accelerator_registers import Register, registers_of
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.units import Unit, signal_bits, units_of
from tilewright.sim.isa.vector_command import VectorCommand

PATIENCE = 1 << 12
"""Cycles without any progress after which a program is stopped; no unit is ever idle for so long while it works."""
NPE_PREFIX = "npe_m_axi_"
"""Prefix of the names of the NPE's port."""


def npe_members(config: AcceleratorConfig) -> dict[str, Any]:
    """Return the NPE's AXI4 port at the edge of an accelerator; the result is empty if it has no NPE."""
    npe = config.npe
    if npe is None:
        return {}
    return master_members(address_bits=npe.address_bits, data_bits=npe.bus_bits, prefix=NPE_PREFIX)


def connect_npe(m: Module, config: AcceleratorConfig, inner: Any, outer: Any, *, prefix: str = NPE_PREFIX) -> None:
    """Connect the NPE port of ``outer`` to the port of an inner component, whose names begin with ``prefix`` there."""
    for name, member in npe_members(config).items():
        inside, outside = getattr(inner, prefix + name.removeprefix(NPE_PREFIX)), getattr(outer, name)
        m.d.comb += outside.eq(inside) if member.flow == Out else inside.eq(outside)


class Core(wiring.Component):
    """The accelerator without its registers; it must be reset before each start.

    Members
    -------
    start : In(1), program : In(64)
        Begins the program.
    done : Out(1)
        The program has ended, and nothing is in flight.
    error, error_detail, error_index : Out
        Reason if the program was stopped; valid from ``done`` on.
    events : Out
        See ``Registers``.
    m_axi_..., with an NPE npe_m_axi_... : Out, In
    """

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        self._bus: dict[str, Any] = {"address_bits": config.address_bits, "data_bits": config.bus_bits}
        self._jobs = JobsUnit(config=config) if config.npe is not None else None
        self._vector = Definition("vector_unit", VectorUnit(config=config.vector))
        self._array = ArrayUnit(config=config) if config.cim is not None else None
        self._scratchpad = Scratchpad(config=config, readers=5, writers=3)
        of_array = self._array.definitions if self._array is not None else []
        self.definitions = [self._vector, *of_array, *self._scratchpad.definitions]
        if self._jobs is not None:
            self.definitions += self._jobs.definitions
        super().__init__(
            {
                "start": In(1),
                "program": In(64),
                "done": Out(1),
                "error": Out(8),
                "error_detail": Out(8),
                "error_index": Out(INDEX_BITS),
                "events": Out(events_layout(registers_of(config))),
                **master_members(**self._bus),
                **npe_members(config),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.processor = processor = Processor(config=config)
        m.submodules.reader = reader = Reader(config=config)
        m.submodules.scheduler = scheduler = Scheduler(config=config)
        m.submodules.load = load = LoadUnit(config=config)
        array = self._array
        if array is not None:
            m.submodules.array = array
        m.submodules.store = store = StoreUnit(config=config)
        m.submodules.scratchpad = scratchpad = self._scratchpad
        vector = self._vector.instantiate(m, "vector")
        forward(m, read_master_members(**self._bus), reader, self)
        forward(m, write_master_members(**self._bus), store, self)

        halt = Signal()
        jobs, units = self._jobs, units_of(config)
        array_done: Value = Const(0, 1) if array is None else array.done
        of_units = [load.done, array_done, vector.done, store.done]
        if jobs is not None:
            m.submodules.jobs = jobs
            connect_npe(m, config, jobs, self, prefix="m_axi_")
            wiring.connect(m, getattr(scheduler, f"begin{Unit.NPE}"), jobs.begin)
            m.d.comb += jobs.stop.eq(halt)
            of_units.append(jobs.done)
        for unit in units:
            wiring.connect(m, getattr(processor, f"enter{unit}"), getattr(scheduler, f"enter{unit}"))
        users: list[tuple[Unit, Any]] = [(Unit.LOAD, load), (Unit.STORE, store)]
        if array is not None:
            users.insert(1, (Unit.ARRAY, array))
        for unit, user in users:
            wiring.connect(m, getattr(scheduler, f"begin{unit}"), user.begin)
        self._connect_vector(m, vector, scheduler, scratchpad)
        if array is not None:
            wiring.connect(m, load.weights, array.weights)
        m.d.comb += [
            processor.start.eq(self.start),
            processor.program.eq(self.program),
            processor.active.eq(scheduler.active),
            processor.weights.eq(load.full),
            processor.halt.eq(halt),
            reader.fetch_valid.eq(processor.fetch_valid),
            reader.fetch_address.eq(processor.fetch_address),
            processor.fetch_ready.eq(reader.fetch_ready),
            processor.beat_valid.eq(reader.valid & (reader.target == Target.FETCH)),
            processor.beat_data.eq(reader.data),
            processor.beat_error.eq(reader.error),
            processor.beat_last.eq(reader.last),
            reader.load_valid.eq(load.burst_valid),
            reader.load_address.eq(load.burst_address),
            reader.load_length.eq(load.burst_length),
            reader.load_weights.eq(load.burst_weights),
            load.burst_ready.eq(reader.load_ready),
            load.load_valid.eq(reader.valid & (reader.target == Target.LOAD)),
            load.weights_valid.eq(reader.valid & (reader.target == Target.WEIGHTS)),
            load.beat_data.eq(reader.data),
            load.beat_error.eq(reader.error),
            reader.stop.eq(halt),
            store.stop.eq(halt),
            scheduler.halt.eq(halt),
            scheduler.done.eq(Cat(of_units)),
            # The vector unit's are the first three; without an array the ports of one stay idle.
            *([scratchpad.read3.eq(array.read), array.data.eq(scratchpad.data3)] if array is not None else []),
            scratchpad.read4.eq(store.read),
            store.data.eq(scratchpad.data4),
            *([scratchpad.write1.eq(array.write)] if array is not None else []),
            scratchpad.write2.eq(load.write),
        ]

        entered, begun = Signal(signal_bits(config)), Signal(signal_bits(config))
        for unit in units:
            enter, begin = getattr(processor, f"enter{unit}"), getattr(scheduler, f"begin{unit}")
            m.d.comb += [entered[unit].eq(enter.valid & enter.ready), begun[unit].eq(begin.valid & begin.ready)]
        moved = Cat(
            reader.m_axi_arvalid, ~reader.idle, ~store.idle, *((array.moved,) if array is not None else ()),
            scheduler.busy[Unit.VECTOR], store.m_axi_wvalid, entered, begun,
            *((~jobs.idle,) if jobs is not None else ()),
        ).any()  # fmt: skip
        still = Signal(range(PATIENCE + 1))
        going = Signal()
        with m.If(moved | ~going):
            m.d.sync += still.eq(0)
        with m.Elif(still != PATIENCE):
            m.d.sync += still.eq(still + 1)
        with m.If(self.start):
            m.d.sync += going.eq(1)
        with m.Elif(self.done):
            m.d.sync += going.eq(0)

        errors: list[tuple[Value, AcceleratorError, Value, Value | int]] = [
            (load.failed, AcceleratorError.LOAD_BUS, scheduler.index0, 0),
            (store.failed, AcceleratorError.STORE_BUS, scheduler.index3, 0),
            (vector.error.any(), AcceleratorError.VECTOR, scheduler.index2, vector.error),
            (scheduler.overflow, AcceleratorError.SEMAPHORE, scheduler.overflow_index, 0),
        ]
        if jobs is not None:
            errors.insert(3, (jobs.failed, AcceleratorError.NPE, scheduler.index4, jobs.code))
        with m.If(~halt & (going | self.start)):
            with m.If(still == PATIENCE):
                m.d.sync += [self.error.eq(AcceleratorError.DEADLOCK), self.error_index.eq(processor.error_index)]
                m.d.sync += halt.eq(1)
            with m.If(processor.error.any()):
                m.d.sync += [self.error.eq(processor.error), self.error_index.eq(processor.error_index), halt.eq(1)]
            for found, code, index, detail in reversed(errors):
                with m.If(found):
                    m.d.sync += [
                        self.error.eq(code), self.error_detail.eq(detail), self.error_index.eq(index), halt.eq(1)
                    ]  # fmt: skip
        closing = Signal()
        with m.If(processor.ended | halt):
            m.d.sync += closing.eq(1)
        done: Value = going & closing & reader.idle & ~reader.m_axi_arvalid & store.idle
        m.d.comb += self.done.eq(done if jobs is None else done & jobs.idle)
        m.d.comb += [
            self.events.commands.eq(entered.any()),
            self.events.read_beats.eq(self.m_axi_rvalid & self.m_axi_rready),
            self.events.write_beats.eq(self.m_axi_wvalid & self.m_axi_wready),
            *([self.events.array_weights.eq(array.starved)] if array is not None else []),
            *(
                self.events[f"{unit.name.lower()}_{what}"].eq(value[unit])
                for unit in units
                for what, value in (
                    ("busy", scheduler.busy),
                    ("signal", scheduler.no_signal),
                    ("bank", scheduler.no_bank),
                )
                if f"{unit.name}_{what.upper()}" in Register.__members__
            ),
        ]
        return m

    def _connect_vector(self, m: Module, vector, scheduler, scratchpad) -> None:
        """Give the vector unit its commands, with addresses within a bank, and its ports."""
        config = self.config
        begin = getattr(scheduler, f"begin{Unit.VECTOR}")
        command = begin.p.command
        m.d.comb += [
            vector.commands.valid.eq(begin.valid),
            begin.ready.eq(vector.commands.ready),
            *(vector.commands.p[name].eq(field(command, where)) for name, where in VectorCommand.FIELDS.items()),
        ]
        # What is above a bank's address is its number.
        numbers = {}
        bits = config.banks.bit_length() - 1
        for name in "abcd":
            address = field(command, VectorCommand.FIELDS[f"{name}_address"])
            whole, places = config.vector.address_bits, config.vector.element_address_bits
            number: Value = address[whole:]
            if name == "d":
                scatter = field(command, VectorCommand.FIELDS["scatter"])
                number = Mux(scatter, address[places:], number)
                m.d.comb += vector.commands.p.d_address.eq(Mux(scatter, address[:places], address[:whole]))
            numbers[name] = Signal(bits, name=f"bank_{name}")
            with m.If(begin.valid & begin.ready):
                m.d.sync += numbers[name].eq(number)
        for index, name in enumerate("abc"):
            read = getattr(scratchpad, f"read{index}")
            m.d.comb += [
                read.enable.eq(getattr(vector, f"{name}_enable")),
                read.bank.eq(numbers[name]),
                read.address.eq(getattr(vector, f"{name}_address")),
                getattr(vector, f"{name}_data").eq(getattr(scratchpad, f"data{index}")),
            ]
        m.d.comb += [
            scratchpad.write0.enable.eq(vector.d_enable),
            scratchpad.write0.bank.eq(numbers["d"]),
            scratchpad.write0.address.eq(vector.d_address),
            scratchpad.write0.mask.eq(vector.d_mask),
            scratchpad.write0.data.eq(vector.d_data),
        ]


class Accelerator(wiring.Component):
    """Runs programs from memory; see docs/accelerator.md, and docs/program.md for the commands.

    :mod:`.sim.machine.accelerator` has their cycles.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    s_axi_... : In, Out
        AXI4-Lite slave, 12 address bits: the registers.
    irq : Out(1)
        A program has ended, and IRQ_ENABLE is set.
    m_axi_... : Out, In
        AXI4 master.
    npe_m_axi_... : Out, In
        AXI4 master of the NPE, if there is one.
    """

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        self._bus: dict[str, Any] = {"address_bits": config.address_bits, "data_bits": config.bus_bits}
        self._core = Definition("accelerator_core", Core(config=config))
        self.definitions = [self._core]
        super().__init__({**lite_slave_members(), "irq": Out(1), **master_members(**self._bus), **npe_members(config)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.registers = registers = Registers(config=self.config)
        forward(m, lite_slave_members(), registers, self)
        core = self._core.instantiate(m, "core", clear=registers.start)
        forward(m, master_members(**self._bus), core, self)
        connect_npe(m, self.config, core, self)
        busy = Signal()
        with m.If(registers.start):
            m.d.sync += busy.eq(1)
        with m.Elif(core.done):
            m.d.sync += busy.eq(0)
        m.d.comb += [
            core.start.eq(delay(m, registers.start, "started")),
            core.program.eq(delay(m, registers.program_address, "program")),
            registers.busy.eq(busy),
            registers.done.eq(core.done),
            registers.error.eq(Cat(core.error, core.error_detail)),
            registers.error_index.eq(core.error_index),
            registers.events.eq(core.events),
            self.irq.eq(registers.irq),
        ]
        return m
