"""Faults planted in the NPE's epilogue, or in what the bench expects of it: the benches must detect each."""

import dataclasses
import functools

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Value

from tilewright.cocotb_tests.arith.built_units import BuiltUnits
from tilewright.cocotb_tests.harness.chosen_faults import Fault, FaultyUnit, planted, with_fault
from tilewright.cocotb_tests.npe import epilogue_harness
from tilewright.cocotb_tests.npe import epilogue_suite as bench
from tilewright.cocotb_tests.npe.epilogue_harness import REDUCTIONS_LAG, EpilogueUnit, care, element_layout
from tilewright.cocotb_tests.npe.epilogue_suite import EpilogueSuite
from tilewright.cocotb_tests.npe.epilogue_vectors import tile_vectors
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.arith import activation, gate
from tilewright.hw.npe import epilogue
from tilewright.sim.config.npe import EPILOGUE_LATENCY, REDUCTION_INTERVAL
from tilewright.sim.formats.simd import Mode

pytestmark = pytest.mark.cosim

SMALL = EpilogueSuite((Mode.POSIT8_0, Mode.FP8_E4M3, Mode.BF16), 6)
LATENCY = EPILOGUE_LATENCY + REDUCTIONS_LAG
BITS = element_layout(SMALL.rows).size


def early(*names: str) -> dict:
    """Make the delay of some values a cycle shorter."""

    def delay(right, m, value, name, *, cycles=1, **options):
        return right(m, value, f"early_{name}", cycles=cycles - 1, **options) if name in names else None

    return {"delay": delay}


def never(*names: str) -> dict:
    """Make some values 0."""

    def delay(right, m, value, name, **options):
        return Const(0, len(Value.cast(value))) if name in names else None

    return {"delay": delay}


def kept_at_reset(right, m, value, name, *, cycles=1, reset_less=False):
    return None if reset_less else right(m, value, f"kept_{name}", cycles=cycles, reset_less=True)


def bits_lost(right, m, modes, number, out, name):
    shorter = dataclasses.replace(number, fraction=Cat(Const(0, 12), number.fraction[12:]))
    return right(m, modes, shorter, out, f"shorter_{name}")


def below_nan(right, a, b):
    # With is_nan at 0 for all: what is no number loses against what is.
    return right(a, b) & ~(a[23:31].all() & a[:23].any())


FAULTS = [
    Fault("bias a cycle early", epilogue, early("bias"), "combinations", "code"),
    Fault("residual a cycle early", epilogue, early("residual"), "residuals", "code"),
    Fault("rows never begin anew", epilogue, never("first"), "reductions", "sum"),
    Fault("squares never begin anew", epilogue, never("square_first"), "reductions", "squares"),
    Fault("flags kept at reset", epilogue, {"delay": kept_at_reset}, "combinations", "", "reset_in_flight"),
    Fault("closed gate forgotten", activation, never("closed"), "activations", "maximum"),
    Fault("table goes on beyond its end", gate, never("beyond"), "activations", "maximum"),
    Fault("gate of the magnitude", gate, never("negative"), "activations", "maximum"),
    Fault("no interpolation", gate, never("t"), "activations", "maximum"),
    Fault("another NaN", activation, {"NAN_CODE": 0xFFC00000}, "requantise", "maximum"),
    Fault("maximum begins at zero", epilogue, {"MINUS_INFINITY": 0}, "reductions", "maximum"),
    Fault("maximum forgets NaN", epilogue, {"is_nan": lambda *_: Const(0, 1), "_greater": below_nan}, "reductions", "maximum"),
    Fault("maximum of magnitudes", epilogue, {"_greater": lambda _, a, b: a[:31] > b[:31]}, "reductions", "maximum"),
    Fault("the last of equal zeros", epilogue, {"_greater": lambda right, a, b: right(a, b) | ~(a[:31] | b[:31]).any()}, "reductions", "maximum"),
    Fault("bits lost before rounding", epilogue, {"encode_any": bits_lost}, "requantise", "code"),
    Fault("ReLU is none", activation, {"RELU": 0}, "activations", "maximum"),
    Fault("GELU from SiLU's table", activation, {"GELU": 1}, "activations", "maximum"),
]  # fmt: skip
EVERYDAY = {
    "bias a cycle early", "rows never begin anew", "flags kept at reset", "closed gate forgotten",
    "maximum forgets NaN", "bits lost before rounding",
}  # fmt: skip


def small_vectors(case: str):
    """Return the words of a case for the small epilogue; they are few where a few are enough."""
    few = {"combinations": 100, "reductions": 100}
    options = {"count": few[case]} if case in few else {}
    return SMALL.vectors(case, **options)


@functools.cache
def faulty() -> BuiltUnits:
    """Return the model with all faults, built once."""
    with planted(FAULTS):
        unit = FaultyUnit(EpilogueUnit(SMALL.modes, rows=SMALL.rows))
        return BuiltUnits.of([unit], latencies=[LATENCY], care=care)


def test_without_a_fault_it_is_right():
    for case in ("combinations", "reductions", "activations"):
        faulty().run(with_fault(small_vectors(case), 0, bits=BITS))
    faulty().run(with_fault(small_vectors("combinations"), 0, bits=BITS), "reset_in_flight")


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=[] if fault.name in EVERYDAY else pytest.mark.slow, id=fault.name)
        for number, fault in enumerate(FAULTS, 1)
    ],
)
def test_a_planted_fault_is_seen(number):
    fault = FAULTS[number - 1]
    with pytest.raises(BenchError, match=rf"{fault.testcase}: .*{fault.seen_in}.* instead of") as seen:
        faulty().run(with_fault(small_vectors(fault.case), number, bits=BITS), fault.testcase)
    print(str(seen.value)[:200])


def test_rows_that_come_too_early_are_seen():
    vectors = tile_vectors(
        SMALL.tiles("reductions", count=100),
        np.random.default_rng(1),
        rows=SMALL.rows,
        interval=REDUCTION_INTERVAL - 1,
    )
    with pytest.raises(BenchError, match=r"(sum|squares) .* instead of"):
        faulty().run(with_fault(vectors, 0, bits=BITS))


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_wrong_latency_is_seen(wrong, monkeypatch):
    monkeypatch.setattr(bench, "EPILOGUE_LATENCY", EPILOGUE_LATENCY + wrong)
    with pytest.raises(BenchError, match=r"'late': [1-9]"):
        SMALL.build(optimisation="-O0").run(SMALL.vectors("scales", count=100))


@pytest.mark.slow
def test_reductions_read_too_early_are_seen(monkeypatch):
    for module in (epilogue_harness, bench):
        monkeypatch.setattr(module, "REDUCTIONS_LAG", REDUCTIONS_LAG - 1)
    with pytest.raises(BenchError, match=r"squares .* instead of"):
        SMALL.build(optimisation="-O0").run(SMALL.vectors("reductions"))


@pytest.mark.slow
def test_a_table_with_one_entry_one_unit_off_is_seen(monkeypatch):
    vectors = SMALL.vectors("activations")
    table = gate.ACTIVATIONS["silu"]
    wrong = dataclasses.replace(table)
    wrong.__dict__["base"] = tuple(base + (index == 200) for index, base in enumerate(table.base))
    monkeypatch.setattr(gate, "ACTIVATIONS", gate.ACTIVATIONS | {"silu": wrong})
    with pytest.raises(BenchError, match=r"maximum .* instead of"):
        SMALL.build(optimisation="-O0").run(vectors)
