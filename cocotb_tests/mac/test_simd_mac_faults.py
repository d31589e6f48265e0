"""Faults planted in the SIMD MAC, or in what the bench expects of it: the benches must detect each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Signal, Value

from tilewright.cocotb_tests.arith.late_results import LATE_RESULTS
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.harness.faults import FunctionFault, Wrong, changed, given
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.cocotb_tests.mac.suite import MacSuite, build_bench, case_vectors, mixed_vectors
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.arith.unit import Pipeline
from tilewright.hw.mac import alignment, core, decoder, simd_mac, tiny
from tilewright.sim.formats import Mode, simd
from tilewright.sim.formats.window import Window

pytestmark = pytest.mark.cosim

BYTES = "int8,fp8_e5m2"
OPERANDS: dict[str, Callable[[], Vectors]] = {
    "pairs of four lanes": lambda: case_vectors((Mode.FP4_E2M1,), "pairs"),
    "pairs of two lanes": lambda: case_vectors((Mode.INT8,), "pairs"),
    "specials": lambda: case_vectors((Mode.FP8_E5M2,), "specials"),
    "bf16 window": lambda: case_vectors((Mode.BF16,), "bf16 window"),
    "posit8_0": lambda: mixed_vectors((Mode.POSIT8_0,), 1500),
    "lanes": lambda: mixed_vectors((Mode.POSIT8_0, Mode.BF16), 1500),
    "modes": lambda: mixed_vectors((Mode.INT8, Mode.FP4_E2M1), 1500),
    "int8": lambda: mixed_vectors((Mode.INT8,), 1500),
    BYTES: lambda: mixed_vectors((Mode.INT8, Mode.FP8_E5M2), 1500),
    "wide": lambda: mixed_vectors((Mode.POSIT16_1, Mode.BF16), 1500),
}
"""Operands by name, for modes of the MAC under test."""
MODES = (Mode.FP4_E2M1, Mode.INT8, Mode.POSIT8_0, Mode.FP8_E5M2, Mode.POSIT16_1, Mode.BF16)
WRONG = "code 0x[0-9a-f]+ instead of"


def late(m: Module, value: Value, name: str) -> Value:
    """Return a value as it was one cycle ago."""
    before = Signal.like(value, name=name)
    m.d.sync += before.eq(value)
    return before


def sum_part(name: str, wrong: Callable[[Module, Value], Value]) -> Wrong:
    """Make an accumulator with a wrong part of its sum, given the module and the right part."""

    def change(accumulated: tuple, m: Module, *args: Any, **options: Any) -> tuple:
        total, last, later = accumulated
        return replace(total, **{name: wrong(m, getattr(total, name))}), last, later

    return changed(change)


def nothing(_: Module, part: Value) -> Value:
    return Const(0, len(part))


def for_ever(m: Module, part: Value) -> Value:
    """Return a flag that is never cleared."""
    seen = Signal(name="seen_for_ever")
    m.d.sync += seen.eq(seen | part)
    return part | seen


def closed(value: Value, enable: Value) -> Value:
    """Return the enable of a gate that is never open."""
    return Const(0, 1)


def _fault(
    name: str, owner: Any, function: str, wrong: Wrong, cases: str, says: str = WRONG, testcase: str = "replay"
) -> FunctionFault:
    """Return the fault of one function."""
    return FunctionFault(name=name, owner=owner, wrong={function: wrong}, cases=cases, says=says, testcase=testcase)


FAULTS = [
    _fault("fourth lane of four dropped", simd_mac, "decode_word", given(2, lambda m, modes, code, *rest, **_: code[:12]), "pairs of four lanes"),
    _fault("upper lane of two dropped", simd_mac, "decode_word", given(2, lambda m, modes, code, *rest, **_: code[:8]), "pairs of two lanes"),
    _fault("sign of a sum of lanes not extended", core, "_extended", changed(lambda extended, value, width: value), "lanes"),
    _fault("mode of the word before", simd_mac, "decode_word", given(3, lambda m, modes, code, mode, name, **_: late(m, mode, f"{name}_stale_mode")), "modes"),
    _fault("decoders isolated in their own modes", decoder, "gated", given(1, closed), "int8"),
    _fault("tiny products isolated in their own modes", tiny, "gated", given(1, closed), "pairs of four lanes"),
    _fault("shifters isolated in their own modes", alignment, "gated", given(1, closed), "lanes"),
    _fault("upper segments of the sum isolated in every mode", core, "_choice", changed(lambda right, m, mode, plan, name, group: Const(1, 1) if name == "narrow" else right), "wide"),
    _fault("output format of the word before", simd_mac, "encode_any", given(3, lambda m, modes, number, out, name: late(m, out, f"{name}_stale_out")), BYTES),
    _fault("sum not cleared", simd_mac, "accumulate_words", given(6, lambda *args, **options: Const(0, 1)), "int8"),
    _fault("waiting carries dropped", simd_mac, "accumulate_words", sum_part("carries", nothing), BYTES),
    _fault("NaN not kept", simd_mac, "accumulate_words", sum_part("nan", nothing), "specials"),
    _fault("NaR kept for ever", simd_mac, "accumulate_words", sum_part("nan", for_ever), "posit8_0"),
    _fault("negative infinity lost", simd_mac, "accumulate_words", sum_part("minus", nothing), "specials"),
    _fault("bf16 read as posits are", simd_mac, "accumulate_words", sum_part("is_bf16", nothing), "wide"),
    _fault("sticky bit dropped", simd_mac, "normalise_sum", changed(lambda normal, *args: (replace(normal[0], sticky=Const(0, 1)), normal[1])), "wide"),
    _fault(
        "words added again while they wait", Pipeline, "ready",
        lambda on, right: property(lambda pipe: right.fget(pipe) | on), "int8", testcase="random_waits",
    ),
    FunctionFault(name="results a cycle late", **LATE_RESULTS, testcase="replay", cases="int8"),
]  # fmt: skip
FAULTY = FaultySuite(bench=lambda: build_bench([MacSuite(MODES)]), faults=FAULTS, cases=lambda name: [OPERANDS[name]()])


class TestFaults(FaultTests):
    suites = (FAULTY,)


@pytest.mark.parametrize("lsb", [0, 1])
def test_a_window_that_is_one_off_is_detected(lsb, monkeypatch):
    # Seen from the other side: what is expected is wrong.
    right = simd.BF16_WINDOW
    monkeypatch.setattr(simd, "BF16_WINDOW", Window(right.lsb + lsb, right.top + 1 - lsb))
    with pytest.raises(BenchError, match=f"replay: .*{WRONG}"):
        FAULTY.run("replay", [OPERANDS["bf16 window"]()])


def test_the_right_window_passes():
    FAULTY.run("replay", "bf16 window")
