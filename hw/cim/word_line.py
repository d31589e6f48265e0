"""One word line of a CIM macro: a row of weights in every bank, and their one-bit products."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.sim.config import MacroConfig


class WordLine(wiring.Component):
    """Stores one row of weights for each bank and gates its bits with the bits of one activation.

    Products appear in the same cycle as ``lines`` (latency 0); a write is visible in the cycle after it.
    Products with a weight's sign bit (the highest plane) are inverted, see :class:`Macro`.

    Parameters
    ----------
    config : MacroConfig
        Widths and number of banks.

    Members
    -------
    write : In
        One enable for each bank.
    data : In, array of cell_bits
        Weights as bit planes over the columns, the least significant first.
    lines : In, array of input_bits_per_cycle
        For each bit of the slice, lowest first, one line for each bank; at most one bank's lines are high.
    products : Out, array of input_bits_per_cycle x cell_bits
        For each bit of the slice and each bit of the weights, lowest first, one bit for each column.
    """

    def __init__(self, *, config: MacroConfig):
        self.config = config
        super().__init__(
            {
                "write": In(config.weight_banks),
                "data": In(config.columns).array(config.cell_bits),
                "lines": In(config.weight_banks).array(config.input_bits_per_cycle),
                "products": Out(config.columns).array(config.input_bits_per_cycle, config.cell_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cfg = self.config
        for bit in range(cfg.cell_bits):
            products = [Const(0, cfg.columns)] * cfg.input_bits_per_cycle
            for bank in range(cfg.weight_banks):
                weights = Signal(cfg.columns, name=f"weights_bank{bank}_bit{bit}", reset_less=True)
                with m.If(self.write[bank]):
                    m.d.sync += weights.eq(self.data[bit])
                products = [
                    product | Mux(lines[bank], weights, 0) for product, lines in zip(products, self.lines, strict=True)
                ]
            for j, product in enumerate(products):
                inverted = bit == cfg.cell_bits - 1
                m.d.comb += self.products[j][bit].eq(~product if inverted else product)
        return m
