"""The bus side of registers: turns AXI4-Lite into single reads and writes."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.bus.axi import Response, lite_slave_members


class AxiLiteSlave(wiring.Component):
    """Turns AXI4-Lite transfers into accesses of one cycle, each answered in that cycle.

    A write is carried out when its address and its data are there, whichever came first, and there is room for its
    response; both wait in a register each. A read is carried out when its address is accepted.

    Latency: a write is carried out in the cycle after the later of address and data was accepted, its response is valid
    in the next one; read data are valid in the cycle after the address was accepted. Throughput: a write and a read
    every two cycles. No output depends on an input in the same cycle.

    Parameters
    ----------
    address_bits : int
        Width of the address, in bytes; the lowest two bits are ignored.
    prefix : str
        Prefix of the ports' names.

    Members
    -------
    write : Out(1)
        Word ``write_address`` is to be written, in this cycle, unless ``write_refused``.
    write_address, write_data, write_strobe : Out
        Number of the word, data, and a bit for each byte that counts.
    write_refused : In(1)
        Makes the response SLVERR.
    read : Out(1)
        Word ``read_address`` is to be read in this cycle.
    read_address : Out
        Number of the word.
    read_data : In(32)
        Content of this word.
    read_refused : In(1)
        Makes the response SLVERR and the data 0.
    s_axi_... : In, Out
        AXI4-Lite slave.
    """

    def __init__(self, *, address_bits: int = 12, prefix: str = "s_axi_"):
        self._prefix = prefix
        super().__init__(
            {
                "write": Out(1),
                "write_address": Out(address_bits - 2),
                "write_data": Out(32),
                "write_strobe": Out(4),
                "write_refused": In(1),
                "read": Out(1),
                "read_address": Out(address_bits - 2),
                "read_data": In(32),
                "read_refused": In(1),
                **lite_slave_members(address_bits=address_bits, prefix=prefix),
            }
        )

    def elaborate(self, platform):
        m = Module()

        def port(name: str) -> Signal:
            return getattr(self, self._prefix + name)

        def answer(refused: Signal):
            return Mux(refused, Response.SLVERR, Response.OKAY)

        address_held, data_held = Signal(), Signal()
        m.d.comb += [
            port("awready").eq(~address_held),
            port("wready").eq(~data_held),
            self.write.eq(address_held & data_held & ~port("bvalid")),
        ]
        with m.If(port("awvalid") & port("awready")):
            m.d.sync += [address_held.eq(1), self.write_address.eq(port("awaddr")[2:])]
        with m.If(port("wvalid") & port("wready")):
            m.d.sync += [data_held.eq(1), self.write_data.eq(port("wdata")), self.write_strobe.eq(port("wstrb"))]
        with m.If(port("bvalid") & port("bready")):
            m.d.sync += port("bvalid").eq(0)
        with m.If(self.write):
            m.d.sync += [
                address_held.eq(0),
                data_held.eq(0),
                port("bvalid").eq(1),
                port("bresp").eq(answer(self.write_refused)),
            ]

        m.d.comb += [
            port("arready").eq(~port("rvalid")),
            self.read.eq(port("arvalid") & port("arready")),
            self.read_address.eq(port("araddr")[2:]),
        ]
        with m.If(port("rvalid") & port("rready")):
            m.d.sync += port("rvalid").eq(0)
        with m.If(self.read):
            m.d.sync += [
                port("rvalid").eq(1),
                port("rdata").eq(Mux(self.read_refused, 0, self.read_data)),
                port("rresp").eq(answer(self.read_refused)),
            ]
        return m
