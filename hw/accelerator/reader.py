"""The read channels of the AXI4 master, which commands, data and weights share."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import drive_burst_constants, read_master_members
from tilewright.sim.config.accelerator import AcceleratorConfig


class Target(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Destination of a beat."""

    FETCH = 0
    LOAD = 1
    WEIGHTS = 2


class Reader(wiring.Component):
    """Offers bursts, those of commands before those of loads, and names the destination of each beat that arrives.

    A burst is in flight from the cycle in which it is taken here to the one of its last beat; there are never more than
    ``outstanding``. Who asks has room for all beats: they are taken as they come.

    Latency: ``arvalid`` rises in the cycle after a burst was taken (``LATENCY``); beats pass without a register.
    Throughput: a burst and a beat a cycle.

    Members
    -------
    fetch_valid, fetch_address : In
        The burst of a command.
    fetch_ready : Out(1)
    load_valid, load_address, load_length, load_weights : In
        A burst of ``load_length + 1`` beats, within a page.
    load_ready : Out(1)
    valid, target, last : Out
        A beat has come; for whom; it is the last of its burst.
    data, error : Out
        The beat, and its response.
    stop : In(1)
        No burst is taken.
    idle : Out(1)
        Nothing is in flight.
    m_axi_ar..., m_axi_r... : Out, In
    """

    LATENCY = 1

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        bits = config.address_bits
        super().__init__(
            {
                "fetch_valid": In(1),
                "fetch_address": In(bits),
                "fetch_ready": Out(1),
                "load_valid": In(1),
                "load_address": In(bits),
                "load_length": In(8),
                "load_weights": In(1),
                "load_ready": Out(1),
                "valid": Out(1),
                "target": Out(Target),
                "last": Out(1),
                "data": Out(config.bus_bits),
                "error": Out(2),
                "stop": In(1),
                "idle": Out(1),
                **read_master_members(address_bits=bits, data_bits=config.bus_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        drive_burst_constants(m, self, "m_axi_ar", config.bus_bits)
        in_flight = Signal(range(config.outstanding + 1))
        room, offered, ended = Signal(), Signal(), Signal()
        m.submodules.targets = targets = SyncFIFO(width=2, depth=config.outstanding)
        m.d.comb += [
            room.eq((in_flight != config.outstanding) & (~self.m_axi_arvalid | self.m_axi_arready) & ~self.stop),
            self.fetch_ready.eq(room),
            self.load_ready.eq(room & ~self.fetch_valid),
            offered.eq(room & (self.fetch_valid | self.load_valid)),
            ended.eq(self.valid & self.last),
            targets.w_en.eq(offered),
            targets.w_data.eq(Mux(self.fetch_valid, Target.FETCH, Mux(self.load_weights, Target.WEIGHTS, Target.LOAD))),
            targets.r_en.eq(ended),
            self.m_axi_rready.eq(1),
            self.valid.eq(self.m_axi_rvalid),
            self.target.eq(targets.r_data),
            self.last.eq(self.m_axi_rlast),
            self.data.eq(self.m_axi_rdata),
            self.error.eq(self.m_axi_rresp),
            self.idle.eq(in_flight == 0),
        ]
        m.d.sync += in_flight.eq(in_flight + offered - ended)
        with m.If(offered):
            m.d.sync += [
                self.m_axi_arvalid.eq(1),
                self.m_axi_araddr.eq(Mux(self.fetch_valid, self.fetch_address, self.load_address)),
                self.m_axi_arlen.eq(Mux(self.fetch_valid, config.command_beats - 1, self.load_length)),
            ]
        with m.Elif(self.m_axi_arready):
            m.d.sync += self.m_axi_arvalid.eq(0)
        return m
