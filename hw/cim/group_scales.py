"""Scales of groups of weights: their banks, and the products of dot products with them."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.pipeline import delay
from tilewright.sim.config import TileConfig
from tilewright.sim.formats import stored


def scale_write_layout(config: TileConfig, tiles: int = 1) -> data.StructLayout:
    """Return the layout of one word of scales on its way into a bank of one tile: 8 bits a scale, the lowest column
    lowest."""
    return data.StructLayout(
        {
            "enable": tiles * config.groups,
            "bank": range(config.macro.weight_banks),
            "word": range(max(1, config.scale_beats(config.columns))),
            "data": config.weight_bus_bits,
        }
    )


class GroupScales(wiring.Component):
    """Multiplies the dot products of every group of rows with the scale of that group and column.

    ``scaled[g][c] = sums[g][c] * scale[bank][g][c]`` for uint8, ``sums[g][c] << scale[bank][g][c]`` for e8m0; exact.
    Scales are banked like the weights: a bank is written while another is used.

    Latency: ``LATENCY`` cycles. Throughput: one vector a cycle. A write is visible in the cycle after it.

    Parameters
    ----------
    config : TileConfig
        Shape and kind of the scales; must have groups.

    Members
    -------
    write : In(scale_write_layout)
        Writes one word of scales, for each group that is enabled.
    bank : In
        Bank whose scales the sums meet.
    valid : In(1)
        The sums are there; without it ``scaled`` keeps what it holds.
    sums : In
        Signed dot products of ``sum_bits`` for each group and column, column 0 of group 0 lowest.
    scaled : Out
        Signed products of ``scaled_bits`` in the same order.
    """

    LATENCY = 1

    def __init__(self, *, config: TileConfig):
        self.config = config
        self.sum_bits = config.macro.dot_bits(config.group_macros * config.macro.rows)
        self.scaled_bits = self.sum_bits + config.scale_growth_bits
        entries = config.groups * config.columns
        super().__init__(
            {
                "write": In(scale_write_layout(config)),
                "bank": In(range(config.macro.weight_banks)),
                "valid": In(1),
                "sums": In(entries * self.sum_bits),
                "scaled": Out(entries * self.scaled_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cfg = self.config
        per_word = cfg.weight_bus_bits // 8
        products = []
        for group in range(cfg.groups):
            for column in range(cfg.columns):
                word, place = divmod(column, per_word)
                chosen = Signal(cfg.scale_bits, name=f"scale_{group}_{column}")
                for bank in range(cfg.macro.weight_banks):
                    scale = Signal(cfg.scale_bits, name=f"bank{bank}_{group}_{column}", reset_less=True)
                    writes = self.write.enable[group] & (self.write.bank == bank) & (self.write.word == word)
                    with m.If(writes):
                        m.d.sync += scale.eq(self.write.data.word_select(place, 8))
                    with m.If(self.bank == bank):
                        m.d.comb += chosen.eq(scale)
                dot = self.sums.word_select(group * cfg.columns + column, self.sum_bits).as_signed()
                product = Signal(self.scaled_bits, name=f"product_{group}_{column}")
                m.d.comb += product.eq(dot * chosen if cfg.scales == stored.UINT8 else dot << chosen)
                with m.If(self.valid):
                    products.append(delay(m, product, f"scaled_{group}_{column}", reset_less=True))
        m.d.comb += self.scaled.eq(Cat(products))
        return m
