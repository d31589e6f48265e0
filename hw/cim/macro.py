"""The digital CIM macro: a weight matrix that multiplies bit-serial activations in place."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.arith.carry_save import Heap, dadda_target, height, reduce_level
from tilewright.hw.cim.word_line import WordLine
from tilewright.hw.definition import Definition
from tilewright.hw.pipeline import delay
from tilewright.sim.config import MacroConfig


class Macro(wiring.Component):
    """Exact dot products of one activation vector with every column of a stored weight matrix.

    ``result[c] = sum(weight[bank][r][c] * activation[r] for r in range(rows))``, all signed two's complement.

    Activations arrive in ``slices`` consecutive cycles of ``input_bits_per_cycle`` bits, most significant
    first. Every weight bit is gated by every input bit, and one Dadda tree per column adds the products in
    carry-save form; the accumulator of a column doubles its sum for each further input bit. Weights rest in
    ``weight_banks`` banks, so that one can be written while another computes.

    Signs cost no extra adders: a product with the weight's sign bit is inverted, which offsets the sum of a
    column by ``rows * 2 ** (cell_bits - 1)`` for each input bit. Over all input bits, of which the sign
    bit counts negative, these offsets add up to -1 times that constant, which the last slice adds back.

    Latency: ``LATENCY`` cycles from the last slice to ``result_valid``. Throughput: one vector every
    ``slices`` cycles. There is no back-pressure: a result is there for one cycle.

    Parameters
    ----------
    config : MacroConfig
        Shape, widths and pipelining.

    Members
    -------
    write_enable, write_bank, write_row, write_data : In
        Writes one row of weights: ``columns`` weights of ``cell_bits``, column 0 lowest. A slice that
        follows in the next cycle sees it.
    slice_valid : In(1)
        One slice is present.
    slice_first, slice_last : In(1)
        The slice is the first (with the sign bits), the last of its vector.
    slice_bank : In
        Bank of weights to multiply with.
    slice_bits : In
        ``input_bits_per_cycle`` planes of ``rows`` bits, the least significant plane lowest.
    result_valid : Out(1)
        The dot products of a vector are present.
    result : Out
        ``columns`` dot products of ``result_bits``, column 0 lowest.
    """

    def __init__(self, *, config: MacroConfig):
        self.config = config
        self.definitions = [Definition("cim_word_line", WordLine(config=config))]
        super().__init__(
            {
                "write_enable": In(1),
                "write_bank": In(range(config.weight_banks)),
                "write_row": In(range(config.rows)),
                "write_data": In(config.columns * config.cell_bits),
                "slice_valid": In(1),
                "slice_first": In(1),
                "slice_last": In(1),
                "slice_bank": In(range(config.weight_banks)),
                "slice_bits": In(config.input_bits_per_cycle * config.rows),
                "result_valid": Out(1),
                "result": Out(config.columns * config.result_bits),
            }
        )

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        """Cycles from the last slice to the result."""
        return self.config.latency

    def elaborate(self, platform):
        m = Module()
        cfg = self.config
        trees = self._products(m)

        # The adder tree: levels of full adders with a register after every `tree_levels_per_stage` of them.
        flags = Cat(self.slice_valid, self.slice_first, self.slice_last)
        levels = stages = 0

        def level_done(heaps: list[Heap], name: str, *, final: bool = False) -> list[Heap]:
            nonlocal levels, stages, flags
            levels += 1
            if not final and levels % cfg.tree_levels_per_stage:
                return heaps
            stages += 1
            valid = flags[0]
            flags = delay(m, flags, f"{name}_flags")
            with m.If(valid):
                return [
                    [[delay(m, bit, f"{name}_tree{t}_w{k}_{i}", reset_less=True) for i, bit in enumerate(bits)]
                     for k, bits in enumerate(heap)]
                    for t, heap in enumerate(heaps)
                ]  # fmt: skip

        for level in range(cfg.tree_levels):
            target = dadda_target(max(height(tree) for tree in trees))
            trees = [reduce_level(m, tree, target, f"l{level}_tree{j}") for j, tree in enumerate(trees)]
            trees = level_done(trees, f"stage{level}")
        merged = self._merge(m, trees, first=flags[1], last=flags[2])
        for level in range(cfg.merge_levels):
            merged = reduce_level(m, merged, dadda_target(height(merged)), f"m{level}")
            [merged] = level_done([merged], f"merge{level}", final=level == cfg.merge_levels - 1)
        assert (stages, height(merged)) == (cfg.tree_stages, 2)

        self._accumulate(m, merged, valid=flags[0], first=flags[1], last=flags[2])
        return m

    def _products(self, m: Module) -> list[Heap]:
        """Gate every weight bit with every input bit: one heap for each bit of the slice."""
        cfg = self.config
        planes = [Signal(cfg.columns, name=f"write_plane{bit}") for bit in range(cfg.cell_bits)]
        for bit, plane in enumerate(planes):
            m.d.comb += plane.eq(self.write_data[bit :: cfg.cell_bits])
        writes = Signal(cfg.weight_banks)
        with m.If(self.write_enable):
            m.d.comb += writes.eq(1 << self.write_bank)
        sum_width = (cfg.rows * ((1 << cfg.cell_bits) - 1)).bit_length()
        trees: list[Heap] = [[[] for _ in range(sum_width)] for _ in range(cfg.input_bits_per_cycle)]
        [word_line] = self.definitions
        for row in range(cfg.rows):
            line = word_line.instantiate(m, f"row{row}")
            for bank in range(cfg.weight_banks):
                m.d.comb += line.write[bank].eq(writes[bank] & (self.write_row == row))
                for j in range(cfg.input_bits_per_cycle):
                    # Only the word lines of the computing bank toggle.
                    active = self.slice_bits[j * cfg.rows + row] & (self.slice_bank == bank)
                    m.d.comb += line.lines[j][bank].eq(active)
            m.d.comb += [port.eq(plane) for port, plane in zip(line.data, planes, strict=True)]
            for tree, products in zip(trees, line.products, strict=True):
                for bits, product in zip(tree, products, strict=False):
                    bits.append(product)
        return trees

    def _merge(self, m: Module, trees: list[Heap], *, first, last) -> Heap:
        """Join the trees of one slice; the tree of the sign bits counts negative."""
        cfg = self.config
        width = cfg.result_bits
        top = cfg.input_bits_per_cycle - 1
        merged: Heap = [[] for _ in range(width)]
        for j, tree in enumerate(trees):
            for weight, bits in enumerate(tree):
                for index in range(2):
                    vector = bits[index] if index < len(bits) else Const(0, cfg.columns)
                    if j == top:
                        vector = vector ^ first.replicate(cfg.columns)
                    elif index >= len(bits):
                        continue
                    if weight + j < width:
                        merged[weight + j].append(vector)
        # -(a + b) = ~a + ~b + 2 - 2 ** (n + 1) for n-bit a and b; and the offset of the inverted products.
        negation = (2 - (1 << (len(trees[top]) + 1))) << top
        offset = cfg.rows << (cfg.cell_bits - 1)
        correction = Signal(width)
        m.d.comb += correction.eq(
            Mux(first, Const(negation % (1 << width), width), 0) + Mux(last, Const(offset, width), 0)
        )
        for weight in range(width):
            merged[weight].append(correction[weight].replicate(cfg.columns))
        return merged

    def _accumulate(self, m: Module, pair: Heap, *, valid, first, last) -> None:
        """Turn the carry-save pair into words and add up the slices of a vector."""
        cfg = self.config
        width = cfg.result_bits
        for column in range(cfg.columns):
            addends = []
            for index in range(2):
                addend = Signal(width, name=f"column{column}_addend{index}")
                m.d.comb += addend.eq(Cat(bits[index][column] if index < len(bits) else Const(0, 1) for bits in pair))
                addends.append(addend)
            total = Signal(width, name=f"column{column}_total", reset_less=True)
            previous = Mux(first, 0, total << cfg.input_bits_per_cycle)
            with m.If(valid):
                m.d.sync += total.eq(previous + addends[0] + addends[1])
            m.d.comb += self.result.word_select(column, width).eq(total)
        m.d.sync += self.result_valid.eq(valid & last)
