"""The epilogue as a unit for the arithmetic bench: an element comes in, its code and its row's state go out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.unit import Unit
from tilewright.hw.npe.epilogue import CONTROL_LAYOUT, RESULT_BITS, Epilogue
from tilewright.hw.pipeline import delay
from tilewright.sim.formats.simd import Mode

REDUCTIONS_LAG = 6
"""Cycles from an element's code to the reductions that include it, as the bench expects them."""
NOTE_BITS = 6
"""Width of the part of a tag that has no meaning."""
REDUCTIONS = ("sum", "squares", "maximum")


def tag_layout(rows: int) -> data.StructLayout:
    """Return the layout of a tag, which stays with an element: its row, and whether the row's reductions are
    compared."""
    return data.StructLayout({"note": NOTE_BITS, "row": range(rows), "final": 1})


def element_layout(rows: int) -> data.StructLayout:
    """Return an element with the control word in force; without ``last`` it is a cycle in which there is none."""
    return data.StructLayout(
        {
            "control": CONTROL_LAYOUT,
            "value": 32,
            "scale": 32,
            "bias": 32,
            "residual": 16,
            "row": range(rows),
            "first": 1,
            "tag": tag_layout(rows),
            "last": 1,
        }
    )


def result_layout(rows: int) -> data.StructLayout:
    """Return a code and the reductions of the element's row."""
    return data.StructLayout({"code": RESULT_BITS, "tag": tag_layout(rows), **dict.fromkeys(REDUCTIONS, 32)})


def care(result: data.View) -> Value:
    """Return the bits to compare: reductions only behind the last element of a row, when nothing more comes."""
    before = len(result.code) + len(Value.cast(result.tag))
    return Cat(Const(-1, before), result.tag.final.replicate(32 * len(REDUCTIONS)))


class EpilogueUnit(Unit):
    """An :class:`Epilogue` whose control comes with each element, and stays when none comes.

    The reductions are those ``REDUCTIONS_LAG`` cycles after the code, which waits for them.
    """

    def __init__(self, modes: tuple[Mode, ...], *, rows: int):
        self._rows = rows
        self._tag = tag_layout(rows)
        self.epilogue = Epilogue(modes, rows=rows, tag_bits=self._tag.size)
        super().__init__(element_layout(rows), result_layout(rows), back_pressure=False)

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        return self.epilogue.LATENCY + REDUCTIONS_LAG

    def elaborate(self, platform):
        m = Module()
        m.submodules.epilogue = epilogue = self.epilogue
        p = self.i.p
        control, now = Signal(CONTROL_LAYOUT), Signal(CONTROL_LAYOUT)
        m.d.comb += Value.cast(now).eq(Mux(self.i.valid, Value.cast(p.control), Value.cast(control)))
        m.d.sync += control.eq(now)
        m.d.comb += [epilogue.control.eq(now), epilogue.valid.eq(self.i.valid & p.last)]
        m.d.comb += [
            getattr(epilogue, name).eq(p[name]) for name in ("value", "scale", "bias", "residual", "row", "first")
        ]
        m.d.comb += epilogue.tag.eq(Value.cast(p.tag))
        cycles = REDUCTIONS_LAG
        tag = data.View(self._tag, delay(m, epilogue.code_tag, "tag", cycles=cycles))
        m.d.comb += [
            epilogue.read_row.eq(tag.row),
            self.o.valid.eq(delay(m, epilogue.code_valid, "valid", cycles=cycles)),
            self.o.p.code.eq(delay(m, epilogue.code, "code", cycles=cycles)),
            self.o.p.tag.eq(tag),
            *(self.o.p[name].eq(getattr(epilogue, name)) for name in REDUCTIONS),
        ]
        return m
