"""The array of SIMD MACs: outputs stay in place, operands are broadcast."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.definition import Definition
from tilewright.hw.mac.core import SimdMacCore
from tilewright.hw.mac.decoder import decode_word, operand_layout
from tilewright.hw.pipeline import delay
from tilewright.sim.config.npe import NpeConfig


class Array(wiring.Component):
    """Computes ``sums[r][c] += dot(a[r], b[c])``, one word of every row and column in each cycle.

    Words are taken apart once for each row and each column, not in every MAC. With the last word of a tile the sums
    move to registers of their own, from which they are shifted out a column at a time while the array goes on.

    Latency: ``LATENCY`` cycles from the last word to the cycle of ``captured``, behind which the sums can be read.

    Members
    -------
    valid, first, last, mode : In
        Control of the words in this cycle.
    a, b : In
        A word for each row, for each column.
    rows, columns : In
        Rows and columns that are used; the others stand still.
    captured : Out(1)
        Sums of a tile are being taken over.
    shift : In(1)
        Go on to the next column.
    row : In
        First row of the sums that are read, a multiple of their number, ``results_per_cycle``.
    sums : Out
        The first column's sums in this row and in those that follow, as :class:`SimdMacCore` has them.
    """

    def __init__(self, config: NpeConfig):
        self.config = config
        core = SimdMacCore(config.modes)
        self._core = Definition("simd_mac_core", core)
        self.definitions = [self._core]
        self.LATENCY = 1 + core.LATENCY
        self._sum_shape = core.signature.members["result"].shape
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "mode": In(4),
                "a": In(16 * config.rows),
                "b": In(16 * config.columns),
                "rows": In(range(config.rows + 1)),
                "columns": In(range(config.columns + 1)),
                "captured": Out(1),
                "shift": In(1),
                "row": In(range(config.rows)),
                "sums": Out(data.ArrayLayout(self._sum_shape, config.results_per_cycle)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        layout = operand_layout(config.modes)
        valid = delay(m, self.valid, "decoded_valid")
        first, last, mode = (
            delay(m, value, f"decoded_{name}", reset_less=True)
            for name, value in (("first", self.first), ("last", self.last), ("mode", self.mode))
        )

        def operands(words, count, used, name):
            decoded, uses = [], []
            for index in range(count):
                part = f"{name}{index}"
                operand = Signal(layout, name=f"{part}_operand", reset_less=True)
                use = Signal(name=f"{part}_used")
                wanted = self.valid & (used > index)
                m.d.sync += use.eq(wanted)
                with m.If(wanted):
                    m.d.sync += operand.eq(
                        decode_word(m, config.modes, words.word_select(index, 16), self.mode, part).packed()
                    )
                decoded.append(operand)
                uses.append(use)
            return decoded, uses

        a, a_used = operands(self.a, config.rows, self.rows, "a")
        b, b_used = operands(self.b, config.columns, self.columns, "b")
        m.d.comb += self.captured.eq(delay(m, valid & last, "captured", cycles=self.LATENCY - 1))
        firsts = []
        for r in range(config.rows):
            held = [Signal(self._sum_shape, name=f"held{r}_{c}", reset_less=True) for c in range(config.columns)]
            for c in range(config.columns):
                core = self._core.instantiate(m, f"mac{r}_{c}")
                m.d.comb += [
                    core.a.eq(a[r]),
                    core.b.eq(b[c]),
                    core.mode.eq(mode),
                    core.first.eq(first),
                    core.last.eq(last),
                    core.valid.eq(a_used[r] & b_used[c]),
                ]
                beside = held[c + 1] if c + 1 < config.columns else held[c]
                with m.If(self.captured | self.shift):
                    m.d.sync += held[c].eq(Mux(self.captured, core.result, beside))
            firsts.append(held[0])
        count = config.results_per_cycle
        with m.Switch(self.row):
            for r in range(0, config.rows, count):
                with m.Case(r):
                    m.d.comb += [self.sums[i].eq(value) for i, value in enumerate(firsts[r : r + count])]
        return m
