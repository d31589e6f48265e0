"""The NPE as a unit of the accelerator."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.command import entry_layout
from tilewright.hw.bus.axi import forward, master_members
from tilewright.hw.definition import Definition
from tilewright.hw.layout import field
from tilewright.hw.npe.npe import NpeCore
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Jobs


class JobsUnit(wiring.Component):
    """Starts the NPE, which runs the descriptors of a command and uses nothing but main memory.

    Latency: the first descriptor is asked for in the cycle after the command began; ``done`` is in the cycle in
    which the NPE reports that everything is written. Each command ends before the next begins.

    Parameters
    ----------
    config : AcceleratorConfig
        Accelerator with an NPE.

    Members
    -------
    begin : In(stream)
        A command.
    done : Out(1)
        The command has ended, or was stopped.
    failed : Out(1), code : Out(8)
        With ``done``: it was stopped, by this error of the NPE.
    stop : In(1)
        Ends what runs, as soon as memory has answered.
    idle : Out(1)
        Nothing runs.
    m_axi_... : Out, In
        The NPE's port.
    """

    def __init__(self, *, config: AcceleratorConfig):
        assert config.npe is not None
        self._npe = Definition("npe_core", NpeCore(config=config.npe))
        self.definitions = [self._npe]
        self._bus: dict[str, Any] = {"address_bits": config.npe.address_bits, "data_bits": config.npe.bus_bits}
        super().__init__(
            {
                "begin": In(stream.Signature(entry_layout(config))),
                "done": Out(1),
                "failed": Out(1),
                "code": Out(8),
                "stop": In(1),
                "idle": Out(1),
                **master_members(**self._bus),
            }
        )

    def elaborate(self, platform):
        m = Module()
        npe = self._npe.instantiate(m, "npe")
        forward(m, master_members(**self._bus), npe, self)
        m.d.comb += [
            self.begin.ready.eq(~npe.busy),
            npe.start.eq(self.begin.valid & self.begin.ready),
            npe.descriptor_address.eq(self.begin.p.address),
            npe.count.eq(field(self.begin.p.command, Jobs.FIELDS["count"])),
            npe.abort_now.eq(self.stop & npe.busy),
            self.done.eq(npe.done),
            self.failed.eq(npe.done & npe.error.any()),
            self.code.eq(npe.error[:8]),
            self.idle.eq(~npe.busy),
        ]
        return m
