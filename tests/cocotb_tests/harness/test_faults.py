"""Planted faults: without a fault in force everything is right, with one its change alone is there."""

from types import SimpleNamespace

import pytest
from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from tilewright.cocotb_tests.harness.faults import (
    CHOSEN,
    READER,
    FunctionFault,
    TextFault,
    changed,
    given,
    instead,
    number,
    plant,
    planted,
    with_text_faults,
)
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.hw.verilog import convert

PARTS = SimpleNamespace(STEP=3, add=lambda a, b: (a + b)[:8], pair=lambda a, *, plus: [a, (a + plus)[:8]])
"""What a circuit uses while it is elaborated."""
FAULTS = [
    FunctionFault(name=name, owner=PARTS, wrong=wrong, testcase="none")
    for name, wrong in (
        ("another number", {"STEP": number(4)}),
        ("another function", {"add": instead(lambda right, a, b: right(a, a))}),
        ("another result", {"add": changed(lambda total, a, b: (total + 1)[:8])}),
        ("another argument", {"add": given(1, lambda a, b: a)}),
        ("another option", {"pair": given("plus", lambda a, plus: plus + 1)}),
        ("no fault for these arguments", {"add": instead(lambda right, a, b: None)}),
    )
]


class Circuit(wiring.Component):
    """``o = a + STEP + (a + 5)`` in 8 bits."""

    a: In(8)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        total = Signal(8)
        _, more = PARTS.pair(self.a, plus=5)
        m.d.comb += [total.eq(PARTS.add(self.a, more)), self.o.eq(Value.cast(total) + PARTS.STEP)]
        return m


def outputs(numbers: range) -> list[int]:
    """Return the output for a = 7 with each fault in force."""
    with planted(enumerate(FAULTS, 1)):
        circuit = Circuit()
        module = Module()
        module.submodules.circuit = circuit
        simulator = Simulator(module)
    found = []

    async def bench(ctx) -> None:
        ctx.set(circuit.a, 7)
        for chosen in numbers:
            ctx.set(CHOSEN, chosen)
            found.append(ctx.get(circuit.o))

    simulator.add_testbench(bench)
    simulator.run()
    return found


def test_one_fault_is_in_force_or_none():
    right = 7 + 12 + 3
    # 7 + 7 comes instead of 7 + 12 for the second and the fourth.
    assert outputs(range(len(FAULTS) + 1)) == [right, right + 1, 17, right + 1, 17, right + 1, right]


def test_names_are_right_again_afterwards():
    names = ("STEP", "add", "pair")
    before = [getattr(PARTS, name) for name in names]
    with planted(enumerate(FAULTS, 1)):
        assert "planted_fault" in convert(Circuit(), "circuit")
        assert PARTS.STEP is not before[0]
    assert [getattr(PARTS, name) for name in names] == before
    assert "planted_fault" not in convert(Circuit(), "circuit")


def test_verilog_with_planted_functions_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    with planted(enumerate(FAULTS, 1)), pytest.raises(AssertionError, match="must not be kept in the cache"):
        kept_verilog(lambda: "module faulty; endmodule")
    assert kept_verilog(lambda: "module right; endmodule") == "module right; endmodule"


TEXT = "module top (a, o);\n  assign o = a + 1;\nendmodule\nmodule other (a, o);\n  assign o = a + 1;\nendmodule\n"


def test_a_fault_of_the_text_is_in_its_module_only():
    fault = TextFault(name="x", testcase="none", module="other", pattern=r"(a \+) 1", replacement=r"\1 (ON ? 2 : 1)")
    top, other = with_text_faults(TEXT, "top", [(3, fault)]).split("module other")
    assert "assign o = a + 1;" in top
    assert f"{READER} text_fault_in_force ();" in top
    assert "assign o = a + ((top.text_fault_in_force.number == 8'd3) ? 2 : 1);" in other


def test_a_pattern_that_matches_nothing_is_an_error():
    with pytest.raises(ValueError, match="nothing in module other matches b"):
        plant(TEXT, "other", "b", "c")
