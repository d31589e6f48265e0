"""Faults planted in the NPE's epilogue, its tables and its timing: the benches must detect each."""

import dataclasses

import numpy as np
import pytest
from amaranth.hdl import Cat, Const

from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.harness.delay_faults import early, late, never, off
from tilewright.cocotb_tests.harness.faults import FunctionFault, changed, given, instead, number
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.npe import epilogue_harness
from tilewright.cocotb_tests.npe.epilogue_suite import EpilogueSuite
from tilewright.cocotb_tests.npe.epilogue_vectors import tile_vectors
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.arith import activation, gate
from tilewright.hw.npe import epilogue
from tilewright.sim.config.npe import REDUCTION_INTERVAL
from tilewright.sim.formats.activation import ACTIVATIONS
from tilewright.sim.formats.simd import Mode

# They have a build of their own; faults of the NPE, of the arithmetic units and of the SIMD MAC are everyday tests.
pytestmark = [pytest.mark.cosim, pytest.mark.slow]

SMALL = EpilogueSuite((Mode.POSIT8_0, Mode.FP8_E4M3, Mode.BF16), 6)


def kept_at_reset(right, m, value, name, *, cycles=1, reset_less=False):
    return None if reset_less else right(m, value, f"kept_{name}", cycles=cycles, reset_less=True)


def bits_lost(m, modes, number, out, name):
    return dataclasses.replace(number, fraction=Cat(Const(0, 12), number.fraction[12:]))


def below_nan(right, a, b):
    # With is_nan at 0 for all: what is no number loses against what is.
    return right(a, b) & ~(a[23:31].all() & a[:23].any())


def _fault(name: str, owner, wrong: dict, cases: str, seen_in: str, testcase: str = "replay") -> FunctionFault:
    """Return a fault that the bench must find in a part of a result."""
    return FunctionFault(
        name=name, owner=owner, wrong=wrong, cases=cases, testcase=testcase, says=f"{seen_in}.* instead of"
    )


READ = ("valid", "code", "tag")
"""Values of the harness that say when results are read."""
FAULTS = [
    _fault("bias a cycle early", epilogue, early("bias"), "combinations", "code"),
    _fault("residual a cycle early", epilogue, early("residual"), "residuals", "code"),
    _fault("rows never begin anew", epilogue, never("first"), "reductions", "sum"),
    _fault("squares never begin anew", epilogue, never("square_first"), "reductions", "squares"),
    _fault("flags kept at reset", epilogue, {"delay": instead(kept_at_reset)}, "combinations", "", "reset_in_flight"),
    _fault("closed gate forgotten", activation, never("closed"), "activations", "maximum"),
    _fault("table goes on beyond its end", gate, never("beyond"), "activations", "maximum"),
    _fault("gate of the magnitude", gate, never("negative"), "activations", "maximum"),
    _fault("no interpolation", gate, never("t"), "activations", "maximum"),
    _fault("another NaN", activation, {"NAN_CODE": number(0xFFC00000)}, "requantise", "maximum"),
    _fault("maximum begins at zero", epilogue, {"MINUS_INFINITY": number(0)}, "reductions", "maximum"),
    _fault("maximum forgets NaN", epilogue, {"is_nan": instead(lambda *_: Const(0, 1)), "_greater": instead(below_nan)}, "reductions", "maximum"),
    _fault("maximum of magnitudes", epilogue, {"_greater": instead(lambda _, a, b: a[:31] > b[:31])}, "reductions", "maximum"),
    _fault("the last of equal zeros", epilogue, {"_greater": changed(lambda greater, a, b: greater | ~(a[:31] | b[:31]).any())}, "reductions", "maximum"),
    _fault("bits lost before rounding", epilogue, {"encode_any": given(2, bits_lost)}, "requantise", "code"),
    _fault("ReLU is none", activation, {"RELU": number(0)}, "activations", "maximum"),
    _fault("GELU from SiLU's table", activation, {"GELU": number(1)}, "activations", "maximum"),
    _fault("an entry of a table is off", gate, off("base", ACTIVATIONS["silu"].base[200], 1), "activations", "maximum"),
    _fault("results read a cycle early", epilogue_harness, early(*READ), "reductions", "squares"),
    FunctionFault(
        name="results read a cycle late", owner=epilogue_harness, wrong=late(*READ), cases="scales", testcase="replay",
        says="'late': [1-9]",
    ),
]  # fmt: skip


def small_vectors(case: str) -> list[Vectors]:
    """Return the words of a case for the small epilogue; they are few where a few are enough."""
    few = {"combinations": 100, "reductions": 100, "scales": 100}
    options = {"count": few[case]} if case in few else {}
    return [SMALL.vectors(case, **options)]


FAULTY = FaultySuite(bench=lambda: SMALL.build(optimisation="-O0"), faults=FAULTS, cases=small_vectors)


class TestFaults(FaultTests):
    suites = (FAULTY,)


def test_rows_that_come_too_early_are_detected():
    vectors = tile_vectors(
        SMALL.tiles("reductions", count=100),
        np.random.default_rng(1),
        rows=SMALL.rows,
        interval=REDUCTION_INTERVAL - 1,
    )
    with pytest.raises(BenchError, match=r"(sum|squares) .* instead of"):
        FAULTY.run("replay", [vectors])
