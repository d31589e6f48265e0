"""The NPE (matrix co-processor)."""

from typing import Any

from amaranth.hdl import Array as ArrayOf
from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import (
    forward,
    lite_slave_members,
    master_members,
    read_master_members,
    write_master_members,
)
from tilewright.hw.bus.read_master import ReadMaster
from tilewright.hw.bus.register_file import events_layout
from tilewright.hw.bus.write_master import WriteMaster
from tilewright.hw.definition import Definition
from tilewright.hw.npe.array import Array
from tilewright.hw.npe.control import Control
from tilewright.hw.npe.descriptor import mode_bits
from tilewright.hw.npe.drain import Drain
from tilewright.hw.npe.feeder import Feeder
from tilewright.hw.npe.loader import Kind, Loader, chunk_layout, entry_layout
from tilewright.hw.npe.panels import Panels, Parameters
from tilewright.hw.npe.receiver import Receiver
from tilewright.hw.npe.registers import Registers
from tilewright.hw.npe.results import Results
from tilewright.hw.npe.store import Store
from tilewright.hw.pipeline import delay
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.depths import B_PANELS, CHUNKS_AHEAD, PARAMETER_SLOTS
from tilewright.sim.isa.npe_registers import Register, mode_mask


class NpeCore(wiring.Component):
    """The NPE without its registers: ``C = act(scale * (A @ B^T) + bias + residual)``, see docs/npe.md.

    Parameters
    ----------
    config : NpeConfig

    Members
    -------
    start, abort_now : In(1)
        See :class:`.control.Control`; ``start`` only when not ``busy``.
    descriptor_address : In(64), count : In(32)
        The first descriptor and how many there are; taken with ``start``.
    busy : Out(1)
        From the cycle after ``start`` to the one with ``done``.
    done : Out(1)
        For a cycle, at the end: all is written.
    error : Out(16), completed : Out(16)
        Code and detail; descriptors done. From ``done`` on.
    events : Out
        See :class:`.registers.Registers`.
    m_axi_... : In, Out
        Memory, AXI4.
    """

    def __init__(self, *, config: NpeConfig):
        self.config = config
        self._bus: dict[str, Any] = {"address_bits": config.address_bits, "data_bits": config.bus_bits}
        self._array = Array(config)
        results = Results(config)
        self._results = Definition("npe_results", results)
        self.definitions = [*self._array.definitions, self._results]
        lag = results.REDUCTIONS_LAG
        assert lag <= Store.RECORDS_AFTER, f"reductions are there after {lag} cycles, but stored before"
        made = (self._array.LATENCY, results.LATENCY, results.PARAMETER_LATENCY, results.INTERVAL)
        modelled = (
            config.array_latency, config.result_latency, config.parameter_latency, config.reduction_interval
        )  # fmt: skip
        assert made == modelled, f"latencies are {made}, but the exact model has {modelled}"
        super().__init__(self._members())

    def _members(self) -> dict[str, Any]:
        return {
            "start": In(1),
            "abort_now": In(1),
            "descriptor_address": In(64),
            "count": In(32),
            "busy": Out(1),
            "done": Out(1),
            "error": Out(16),
            "completed": Out(16),
            "events": Out(events_layout(Register)),
            **master_members(**self._bus),
        }

    def _software(self, m: Module) -> Any:
        """Return the component with the members that start a job: this one, or one that is added to the module."""
        return self

    def elaborate(self, platform):
        m = Module()
        config = self.config
        control = Control(config)
        limits = {"outstanding": config.outstanding, "max_burst": config.max_burst}
        reads, writes = ReadMaster(**self._bus, **limits), WriteMaster(**self._bus, **limits)
        m.submodules.control = control
        software = self._software(m)
        m.submodules.reads, m.submodules.writes = reads, writes
        forward(m, read_master_members(**self._bus), reads, self)
        forward(m, write_master_members(**self._bus), writes, self)

        # Everything that a job leaves something in begins anew with each.
        def cleared(name: str, component):
            m.submodules[name] = ResetInserter(control.clear)(component)
            return component

        loader = cleared("loader", Loader(config))
        receiver = cleared("receiver", Receiver(config))
        feeder = cleared("feeder", Feeder(config))
        a_panels = cleared("a_panels", Panels(config, Kind.A, config.rows, config.panels, striped=True))
        b_panels = cleared("b_panels", Panels(config, Kind.B, config.columns, B_PANELS))
        parameters = cleared("parameters", Parameters(config, PARAMETER_SLOTS))
        array = cleared("array", self._array)
        interval = self._results.component.INTERVAL
        drain = cleared("drain", Drain(config, interval, Panels.LATENCY + self._array.LATENCY))
        results = [
            self._results.instantiate(m, f"results{i}", clear=control.clear) for i in range(config.results_per_cycle)
        ]
        store = cleared("store", Store(config))

        # Memory to receiver; what the loader is ahead of it is bounded by the bursts in flight.
        entry, chunk = entry_layout(config), chunk_layout(config)
        entries = cleared("entries", SyncFIFO(width=entry.size, depth=config.outstanding + 2))
        chunks = cleared("chunks", SyncFIFO(width=chunk.size, depth=CHUNKS_AHEAD))
        for queue, source, sink, layout in (
            (entries, loader.entries, receiver.entries, entry),
            (chunks, loader.chunks, feeder.chunks, chunk),
        ):
            m.d.comb += [
                queue.w_data.eq(source.p),
                queue.w_en.eq(source.valid),
                source.ready.eq(queue.w_rdy),
                sink.p.eq(data.View(layout, queue.r_data)),
                sink.valid.eq(queue.r_rdy),
                queue.r_en.eq(sink.ready),
            ]
        m.d.comb += [
            reads.requests.p.eq(Mux(control.fetching, control.requests.p.as_value(), loader.requests.p.as_value())),
            reads.requests.valid.eq(Mux(control.fetching, control.requests.valid, loader.requests.valid)),
            control.requests.ready.eq(reads.requests.ready),
            loader.requests.ready.eq(reads.requests.ready & ~control.fetching),
            receiver.words.p.eq(reads.words.p),
            receiver.words.valid.eq(reads.words.valid & ~control.fetching),
            reads.words.ready.eq(control.fetching | receiver.words.ready),
            receiver.discard.eq(control.stop),
            control.word.eq(reads.words.p),
            control.word_valid.eq(reads.words.valid),
        ]

        # Receiver to buffers; feeder to array.
        for buffer in (a_panels, b_panels, parameters):
            m.d.comb += buffer.write.eq(receiver.write)
        job = control.job
        d = job.descriptor
        word_chunk = feeder.chunk
        m.d.comb += [
            feeder.completed.eq(receiver.completed),
            a_panels.enable.eq(feeder.word),
            a_panels.address.eq(feeder.a_address),
            a_panels.select.eq(feeder.select),
            a_panels.bank.eq(feeder.a_bank),
            b_panels.enable.eq(feeder.word),
            b_panels.address.eq(feeder.b_address),
            b_panels.select.eq(feeder.select),
            array.a.eq(a_panels.words),
            array.b.eq(b_panels.words),
            array.mode.eq(d.mode),
        ]
        for port, value in (
            (array.valid, feeder.word),
            (array.first, feeder.first),
            (array.last, feeder.last),
            (array.rows, word_chunk.tile.rows),
            (array.columns, word_chunk.tile.columns),
        ):
            m.d.comb += port.eq(delay(m, value, f"array_{port.name}", cycles=Panels.LATENCY))

        # Array to results to store: several, of which each has every so many rows, in step with the first.
        first, own = results[0], store.row[: (len(results) - 1).bit_length()]
        eight, sixteen = mode_bits(d.residual_format)
        m.d.comb += [
            drain.tile_ends.eq(feeder.tile_ends),
            drain.chunk.eq(word_chunk),
            drain.captured.eq(array.captured),
            drain.reductions_on.eq(job.reductions_on),
            drain.slot_released.eq(store.slot_released),
            drain.records_stored.eq(store.records_stored),
            feeder.frees.eq(drain.frees),
            array.shift.eq(drain.shift),
            array.row.eq(drain.element.row),
            parameters.slot.eq(first.wanted.parameters),
            parameters.row.eq(first.wanted.row),
            parameters.column.eq(first.wanted.column),
            parameters.scale_by_row.eq(d.scale[0]),
            parameters.bias_by_row.eq(d.bias[0]),
            parameters.residual_eight.eq(eight),
            parameters.residual_sixteen.eq(sixteen),
            store.job.eq(job),
            store.tile_ends.eq(feeder.tile_ends),
            store.chunk.eq(word_chunk),
            store.code_valid.eq(Cat(each.code_valid for each in results)),
            store.element.eq(first.code_element),
            store.sum.eq(ArrayOf(each.row_sum for each in results)[own]),
            store.squares.eq(ArrayOf(each.row_squares for each in results)[own]),
            store.maximum.eq(ArrayOf(each.row_maximum for each in results)[own]),
            loader.start.eq(control.begin),
            loader.job.eq(job),
            receiver.job.eq(job),
            store.start.eq(control.begin),
            loader.a_released.eq(feeder.release_a),
            loader.b_released.eq(feeder.release_b),
            loader.parameters_released.eq(first.parameters_released),
        ]
        for i, each in enumerate(results):
            m.d.comb += [
                each.sum.eq(array.sums[i]),
                each.valid.eq(drain.element_valid[i]),
                each.element.eq(drain.element),
                each.descriptor.eq(d),
                each.scale.eq(parameters.scale[i]),
                each.bias.eq(parameters.bias[i]),
                each.residual.eq(parameters.residual[i]),
                each.read_panel.eq(store.panel),
                each.read_row.eq(store.row),
                store.code[i].eq(each.code),
            ]
        wiring.connect(m, store.requests, writes.requests)
        wiring.connect(m, store.words, writes.words)

        fed = Signal()
        with m.If(control.begin):
            m.d.sync += fed.eq(0)
        with m.Elif(feeder.tile_ends & word_chunk.final):
            m.d.sync += fed.eq(1)
        m.d.comb += [
            control.start.eq(software.start),
            control.abort.eq(software.abort_now),
            control.descriptor_address.eq(software.descriptor_address),
            control.count.eq(software.count),
            control.finished.eq(store.finished),
            control.read_error.eq(receiver.error),
            control.read_kind.eq(receiver.error_kind),
            control.write_error.eq(writes.error),
            control.idle.eq(reads.idle & writes.idle),
            reads.stop.eq(control.stop),
            writes.stop.eq(control.stop),
            software.busy.eq(control.busy),
            software.done.eq(control.done),
            software.error.eq(control.error),
            software.completed.eq(control.completed),
            software.events.busy.eq(feeder.word),
            software.events.stall_load.eq(control.running & ~fed & feeder.waits_for_load),
            software.events.stall_store.eq(feeder.waits_for_drain),
            software.events.read_beats.eq(self.m_axi_rvalid & self.m_axi_rready),
            software.events.write_beats.eq(self.m_axi_wvalid & self.m_axi_wready),
        ]
        return m


class Npe(NpeCore):
    """``C = act(scale * (A @ B^T) + bias + residual)`` on an array of SIMD MACs; see docs/npe.md.

    Parameters
    ----------
    config : NpeConfig

    Members
    -------
    s_axi_... : In, Out
        Registers, AXI4-Lite.
    m_axi_... : In, Out
        Memory, AXI4.
    irq : Out(1)
        A start has ended.
    """

    def _members(self) -> dict[str, Any]:
        return {**lite_slave_members(), **master_members(**self._bus), "irq": Out(1)}

    def _software(self, m: Module) -> Registers:
        config = self.config
        m.submodules.registers = registers = Registers(
            rows=config.rows, columns=config.columns, bus_bytes=config.bus_bytes, modes_mask=mode_mask(config.modes)
        )
        forward(m, lite_slave_members(), registers, self)
        return registers

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.irq.eq(m.submodules.registers.irq)
        return m
