"""Decodes fp4_e2m1 weights."""

from amaranth.hdl import Module, Mux, Signal, Value

from tilewright.sim.formats import stored

E2M1_HALVES = tuple(int(count) for count in stored.FP4_E2M1.decode(range(8)))
"""Magnitudes in units of 1/2, indexed by the lower three bits of the code: 0, 1, 2, 3, 4, 6, 8, 12."""


def decode_e2m1(m: Module, code: Value, name: str) -> Value:
    """Return the value of a 4-bit code in units of 1/2, 5 bits in two's complement: exact; -0 is 0."""
    magnitude = Signal(4, name=f"{name}_magnitude")
    with m.Switch(code[:3]):
        for index, halves in enumerate(E2M1_HALVES):
            with m.Case(index):
                m.d.comb += magnitude.eq(halves)
    value = Signal(5, name=f"{name}_value")
    m.d.comb += value.eq(Mux(code[3], -magnitude, magnitude))
    return value
