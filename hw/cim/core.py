"""The core of a CIM tile: its macros, the scales of groups of weights, and the sums over the grid's rows."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.e2m1 import decode_e2m1
from tilewright.hw.cim.group_scales import GroupScales, scale_write_layout
from tilewright.hw.cim.macro import Macro
from tilewright.hw.definition import Definition
from tilewright.hw.pipeline import delay
from tilewright.sim.config import TileConfig
from tilewright.sim.formats import stored


class TileCore(wiring.Component):
    """Multiplies the slices of a vector with a bank of weights and adds over the grid's rows.

    ``sums[c] = sum(scale[g][c] * sum(weight[r][c] * activation[r] for r in group g) for g in groups)``, exact; without
    group scales there is one group of scale 1. Macros in a column of the grid share the columns of a block, those in
    a row its inputs. Weights of fp4_e2m1 are decoded on their way into the macros and count in units of 1/2.

    Latency: ``LATENCY`` cycles from the last slice of a vector to its sums. Throughput: one vector every
    ``macro.slices`` cycles. There is no back-pressure: sums are there for one cycle.

    Parameters
    ----------
    config : TileConfig
        Shape, formats and scales.

    Members
    -------
    write_enable, write_bank, write_row, write_data : In
        Writes one row of weights: one enable for each row of the grid; one code of ``weight_bits`` for each column.
    scale_write : In(scale_write_layout)
        Writes one word of scales; only with group scales.
    slice_valid, slice_first, slice_last, slice_bank : In
        The slice, as for the macro.
    slice_bits : In
        ``input_bits_per_cycle`` planes of ``rows`` bits, the least significant plane lowest.
    sum_valid : Out(1)
        The sums of a vector are present.
    sums : Out
        One sum of ``sum_bits`` for each column, column 0 lowest.
    """

    def __init__(self, *, config: TileConfig):
        self.config = config
        macro = config.macro
        self.definitions = [Definition("cim_macro", Macro(config=macro))]
        scales = {"scale_write": In(scale_write_layout(config))} if config.group_rows else {}
        super().__init__(
            {
                "write_enable": In(config.grid_rows),
                "write_bank": In(range(macro.weight_banks)),
                "write_row": In(range(macro.rows)),
                "write_data": In(config.columns * macro.weight_bits),
                **scales,
                "slice_valid": In(1),
                "slice_first": In(1),
                "slice_last": In(1),
                "slice_bank": In(range(macro.weight_banks)),
                "slice_bits": In(macro.input_bits_per_cycle * config.rows),
                "sum_valid": Out(1),
                "sums": Out(config.columns * config.sum_bits),
            }
        )

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        """Cycles from the last slice to the sums."""
        return self.config.macro.latency + self.config.grid_stages

    def elaborate(self, platform):
        m = Module()
        cfg = self.config
        dots, valid = self._macros(m)
        valids = [valid]
        for stage in range(1, cfg.grid_stages + 1):
            valids.append(delay(m, valids[-1], f"valid_{stage}"))
        stages = 0
        if cfg.group_rows:
            # Sums within each group, then their products with its scales.
            groups = [
                self._add(m, dots[first : first + cfg.group_macros], f"group{index}", valids)
                for index, first in enumerate(range(0, cfg.grid_rows, cfg.group_macros))
            ]
            stages += cfg.group_stages
            m.submodules.scales = scales = GroupScales(config=cfg)
            bits = scales.sum_bits
            for index, word in enumerate(word for words in groups for word in words):
                m.d.comb += scales.sums.word_select(index, bits).eq(word)
            m.d.comb += [
                scales.write.eq(self.scale_write),
                scales.valid.eq(valids[stages]),
                scales.bank.eq(delay(m, self.slice_bank, "sum_bank", cycles=cfg.macro.latency + stages)),
            ]
            stages += scales.LATENCY
            scaled = [
                scales.scaled.word_select(index, scales.scaled_bits).as_signed()
                for index in range(cfg.groups * cfg.columns)
            ]
            dots = [scaled[first : first + cfg.columns] for first in range(0, len(scaled), cfg.columns)]
        assert stages + (len(dots) - 1).bit_length() == cfg.grid_stages
        m.d.comb += self.sum_valid.eq(valids[-1])
        for column, word in enumerate(self._add(m, dots, "grid", valids[stages:])):
            extended = Signal(cfg.sum_bits, name=f"sum{column}")
            m.d.comb += [extended.eq(word), self.sums.word_select(column, cfg.sum_bits).eq(extended)]
        return m

    def _macros(self, m: Module) -> tuple[list[list[Value]], Value]:
        """Instantiate the grid; return its dot products, by row of the grid and column, and when they are there."""
        cfg, macro = self.config, self.config.macro
        weights: Value = self.write_data
        if macro.weights == stored.FP4_E2M1:
            codes = [self.write_data.word_select(column, 4) for column in range(cfg.columns)]
            weights = Cat(decode_e2m1(m, code, f"weight{column}") for column, code in enumerate(codes))
        [definition] = self.definitions
        row_bits = macro.columns * macro.cell_bits
        dots: list[list[Value]] = []
        for grid_row in range(cfg.grid_rows):
            words: list[Value] = []
            for grid_column in range(cfg.grid_columns):
                instance = definition.instantiate(m, f"macro_{grid_row}_{grid_column}")
                planes = [
                    self.slice_bits.word_select(j, cfg.rows).word_select(grid_row, macro.rows)
                    for j in range(macro.input_bits_per_cycle)
                ]
                m.d.comb += [
                    instance.write_enable.eq(self.write_enable[grid_row]),
                    instance.write_bank.eq(self.write_bank),
                    instance.write_row.eq(self.write_row),
                    instance.write_data.eq(weights.word_select(grid_column, row_bits)),
                    instance.slice_valid.eq(self.slice_valid),
                    instance.slice_first.eq(self.slice_first),
                    instance.slice_last.eq(self.slice_last),
                    instance.slice_bank.eq(self.slice_bank),
                    instance.slice_bits.eq(Cat(planes)),
                ]
                words += [
                    instance.result.word_select(column, macro.result_bits).as_signed()
                    for column in range(macro.columns)
                ]
                valid = instance.result_valid
            dots.append(words)
        return dots, valid

    def _add(self, m: Module, rows: list[list[Value]], name: str, valids: list[Value]) -> list[Value]:
        """Add rows of words column by column, two at a time, a register after each level.

        ``valids`` says for each level whether its words are there; registers keep what they hold if they are not.
        """
        level = 0
        while len(rows) > 1:
            pairs = [rows[i : i + 2] for i in range(0, len(rows), 2)]
            with m.If(valids[level]):
                rows = [
                    [delay(m, sum(terms[1:], start=terms[0]), f"{name}_level{level}_{i}_column{column}",
                           reset_less=True)
                     for column, terms in enumerate(zip(*pair, strict=True))]
                    for i, pair in enumerate(pairs)
                ]  # fmt: skip
            level += 1
        return rows[0]
