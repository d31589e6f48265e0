"""Faults planted in the vector unit's functions, or in what the bench expects of them: the benches must detect each."""

import dataclasses
import functools

import pytest
from amaranth.hdl import Const, Value

from tilewright.cocotb_tests.arith.built_units import BuiltUnits
from tilewright.cocotb_tests.harness.chosen_faults import Fault, FaultyUnit, planted, with_fault
from tilewright.cocotb_tests.runner import BenchError
from tilewright.cocotb_tests.vector.functions_suite import COMPONENTS, LATENCY, OPERANDS, FunctionUnit, function_vectors
from tilewright.hw.vector import exponential, interpolation, inverse
from tilewright.sim.formats.functions import LOG2_E

pytestmark = pytest.mark.cosim


def never(name: str) -> dict:
    """Make a value 0."""

    def delay(right, m, value, given, **options):
        return Const(0, len(Value.cast(value))) if given == name else None

    return {"delay": delay}


def early(name: str) -> dict:
    """Make the delay of a value a cycle shorter."""

    def delay(right, m, value, given, *, cycles=1, **options):
        return right(m, value, f"early_{given}", cycles=cycles - 1, **options) if given == name else None

    return {"delay": delay}


TABLE = [
    ("no interpolation", interpolation, never("t")),
    ("place a cycle early", interpolation, early("t")),
]
OWN = {
    "exponential": [
        ("sign forgotten", exponential, never("negative")),
        ("below zero not told from above", exponential, never("below")),
        ("large arguments forgotten", exponential, never("large")),
        ("subnormal results not flushed", exponential, never("zero")),
        ("infinity forgotten", exponential, never("infinite")),
        ("NaN forgotten", exponential, never("nan")),
        ("another NaN", exponential, {"NAN_CODE": 0xFFC00000}),
        ("log2(e) a unit off", exponential, {"LOG2_E": LOG2_E + 1}),
        ("exponent a cycle early", exponential, early("scale")),
    ],
    "inverse": [
        ("sign forgotten", inverse, never("sign")),
        ("subnormal results not flushed", inverse, never("flushed")),
        ("zero forgotten", inverse, never("infinite")),
        ("NaN forgotten", inverse, never("nan")),
        ("infinity forgotten", inverse, never("top")),
        ("another NaN", inverse, {"NAN_CODE": 0x7FC00001}),
        ("exponent a cycle early", inverse, early("scale")),
    ],
}
EVERYDAY = {"log2(e) a unit off", "subnormal results not flushed"}


def faults(name: str) -> list[Fault]:
    """Return the faults of a component."""
    return [Fault(text, module, wrong, name, "result") for text, module, wrong in TABLE + OWN[name]]


@functools.cache
def faulty(name: str) -> BuiltUnits:
    """Return the model of a component with all its faults, built once."""
    with planted(faults(name)):
        return BuiltUnits.of([FaultyUnit(FunctionUnit(name))], latencies=[LATENCY[name]])


@pytest.mark.parametrize("name", COMPONENTS)
def test_without_a_fault_it_is_right(name):
    faulty(name).run(with_fault(function_vectors(name, 1000), 0, bits=OPERANDS.size))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(name, number, marks=[] if fault.name in EVERYDAY else pytest.mark.slow, id=f"{name}: {fault.name}")
        for name in COMPONENTS
        for number, fault in enumerate(faults(name), 1)
    ],
)
def test_a_planted_fault_is_seen(name, number):
    with pytest.raises(BenchError, match=r"replay: .*result .* instead of") as seen:
        faulty(name).run(with_fault(function_vectors(name, 1000), number, bits=OPERANDS.size))
    print(str(seen.value)[:200])


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPONENTS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_wrong_latency_is_seen(name, wrong):
    bench = BuiltUnits.of([FunctionUnit(name)], latencies=[LATENCY[name] + wrong])
    with pytest.raises(BenchError, match=r"'late': [1-9]"):
        bench.run(function_vectors(name, 100))


@pytest.mark.slow
def test_a_rounding_that_is_not_is_seen(monkeypatch):
    monkeypatch.setattr(interpolation, "HALF", 0)
    with pytest.raises(BenchError, match=r"result .* instead of"):
        BuiltUnits.of([FunctionUnit("inverse")]).run(function_vectors("inverse", 1000))


@pytest.mark.slow
def test_a_table_with_one_entry_off_is_seen(monkeypatch):
    table = exponential.EXP2
    wrong = dataclasses.replace(table)
    # By half a place of the significand; around the entry half of all results are others.
    wrong.__dict__["base"] = tuple(base + 4 * (index == 200) for index, base in enumerate(table.base))
    monkeypatch.setattr(exponential, "EXP2", wrong)
    with pytest.raises(BenchError, match=r"result .* instead of"):
        BuiltUnits.of([FunctionUnit("exponential")]).run(function_vectors("exponential", 100_000))
