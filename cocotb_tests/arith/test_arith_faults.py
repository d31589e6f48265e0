"""Faults planted in arithmetic units, at the edges of units and in their timing: the benches must detect each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Const, Mux, Value

from tilewright.cocotb_tests.arith.faulty_stream_harness import FaultyStream, edge_fault
from tilewright.cocotb_tests.arith.harness import Beside
from tilewright.cocotb_tests.arith.late_results import LATE_RESULTS
from tilewright.cocotb_tests.arith.suite import UnitSuite
from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.arith.vectors import Vectors, all_pairs, two_operand_vectors
from tilewright.cocotb_tests.harness.faults import Fault, FunctionFault, TextFault, Wrong, changed, given
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.hw.arith import (
    adder,
    booth,
    minifloat_codec,
    mixed_mac,
    multiplier,
    posit_codec,
    quire,
    read_out,
    segmented_quire,
    significand_multiplier,
)
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.mixed_mac import MixedMac, SumShape
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.read_out import ReadOut
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import E4M3, E5M2, FP16, Posit

pytestmark = pytest.mark.cosim

P4, P5, P8, P16 = Posit(4, 1), Posit(5, 1), Posit(8, 0), Posit(16, 1)
ZERO = Const(0, 1)
ONE = Const(1, 1)
SUM_OF_MIXED = {"width": SumShape.of(P5, E4M3).bits, "lsb": SumShape.of(P5, E4M3).lsb}


def fault(name: str, owner: Any, function: str, wrong: Wrong, says: str, testcase: str = "replay") -> FunctionFault:
    """Return the fault of one function."""
    return FunctionFault(name=name, owner=owner, wrong={function: wrong}, testcase=testcase, says=says)


def wrong_parts(**parts: Callable[[Any], Value]) -> Wrong:
    """Make a function that returns a record of which some parts are wrong, given the record."""
    return changed(lambda record, *args: replace(record, **{name: part(record) for name, part in parts.items()}))


def sticky(bit: int) -> Wrong:
    """Make a shifter that always reports lost bits, or never."""
    return changed(lambda shifted, *args, **options: (shifted[0], Const(bit, 1)))


def without_sign_of_zero(m, format, number, name) -> Any:
    return replace(number, sign=number.sign & ~number.zero)


MIXED_FAULTS = [
    fault("NaR ignored", adder, "decode_posit", wrong_parts(nan=lambda number: ZERO), "posit8_0 add .* instead of"),
    fault(
        "subnormals lost", adder, "decode_minifloat",
        wrong_parts(significand=lambda part: Mux(part.significand[-1], part.significand, 0)),
        "fp8_e5m2 add .* instead of",
    ),
    fault(
        "ties of minifloats rounded up", minifloat_codec, "shift_right_sticky", sticky(1), r"fp8_\w+ \w+ .* instead of"
    ),
    fault(
        "sign of zero lost", multiplier, "encode", given(2, without_sign_of_zero), "fp8_e4m3 multiply 0x0 instead of 0x80"
    ),
    fault(
        "Booth's corrections lost", booth, "booth_rows", changed(lambda rows, *args: [(row, ZERO) for row, _ in rows]),
        "multiply .* instead of",
    ),
]  # fmt: skip


def mixed_units() -> UnitsBench:
    """Return combinational units of several formats side by side."""
    return UnitsBench.of([Beside([Adder(P8), Adder(E5M2), Multiplier(E4M3), Multiplier(P8, style="rows")])])


def mixed_vectors(_: str) -> list[Vectors]:
    operations = [("add", P8), ("add", E5M2), ("multiply", E4M3), ("multiply", P8)]
    return [two_operand_vectors(operations, 8, *all_pairs(8))]


PIPELINE = "arith_harness.channel0.unit"
PIPELINE_FAULTS: list[Fault] = [
    TextFault(
        name="stalls ignored", module=PIPELINE, pattern="(assign product_ready =) o__ready;",
        replacement=r"\1 ON | o__ready;", testcase="random_waits",
    ),
    TextFault(
        name="pipeline not reset", module=PIPELINE, pattern=r"\brst \?", replacement="(rst & ~ON) ?",
        testcase="reset_in_flight",
    ),
    FunctionFault(name="results a cycle late", **LATE_RESULTS, testcase="replay"),
]  # fmt: skip
DOT_FAULTS = [
    fault("first ignored", quire, "accumulate", given("first", lambda *args, **options: ZERO), "instead of"),
    fault(
        "carries between segments lost", quire, "accumulate",
        lambda on, right: lambda m, addend, bits, name, **options: right(
            m, addend, bits, name, **options, joined=[~on] * (len(addend) // bits)
        ),
        "instead of",
    ),
    fault(
        "sign of products not extended", quire, "coarse_places", given(3, lambda *args, **options: ZERO), "instead of"
    ),
]  # fmt: skip
SPECIAL_FAULTS = [
    fault("NaN not kept", quire, "_sticky", changed(lambda seen, *args: ZERO), "instead of"),
    fault("NaN kept for ever", quire, "_sticky", given(2, lambda *args: ZERO), "instead of"),
]
CONVERTER_FAULTS = [fault("sticky bit of posits dropped", posit_codec, "shift_right_sticky", sticky(0), "instead of")]
READ_OUT_FAULTS = [
    fault(
        "sticky bit of the read-out dropped", read_out, "highest_chunk",
        changed(lambda found, *args: (*found[:2], ZERO, found[3])), "instead of",
    ),
    fault("scale ignored", read_out, "read_out", given("power", lambda *args, **options: ZERO), "instead of"),
]  # fmt: skip
MIXED_MAC_FAULTS: list[Fault] = [
    fault("NaR and NaN ignored", mixed_mac, "multiply", wrong_parts(nan=lambda product: ZERO), "nan 0x0 instead of 0x1"),
    fault("signs ignored", mixed_mac, "multiply", wrong_parts(sign=lambda product: ZERO), "sum .* instead of"),
    fault(
        "fraction of weights lost", mixed_mac, "decode_posit",
        wrong_parts(fraction=lambda number: Const(0, len(number.fraction))), "sum .* instead of",
    ),
    fault(
        "subnormal activations lost", mixed_mac, "decode_minifloat",
        wrong_parts(significand=lambda part: Mux(part.significand[-1], part.significand, 0)), "sum .* instead of",
    ),
    fault("first ignored", mixed_mac, "accumulate", given(3, lambda *args: ZERO), "instead of"),
    fault("carries of additions lost", mixed_mac, "add", given(2, lambda *args: ZERO), "sum .* instead of"),
    fault("last carry lost", mixed_mac, "increment", given(2, lambda *args: ZERO), "sum .* instead of"),
    TextFault(
        name="products added while they wait", module=PIPELINE, pattern="(assign product_moves =) (.*?);",
        replacement=r"\1 ON | \2;", testcase="random_waits", says="instead of",
    ),
    TextFault(
        name="pipeline not reset", module=PIPELINE, pattern=r"\brst \?", replacement="(rst & ~ON) ?",
        testcase="reset_in_flight",
    ),
]  # fmt: skip
LANE_FAULTS = [
    fault(
        "carries between lanes", significand_multiplier, "add_lanes",
        lambda on, right: lambda m, one, two, passes, name: right(
            m, one, two, {bit: value | on for bit, value in passes.items()}, name
        ),
        "instead of",
    ),
]  # fmt: skip
SEGMENT_FAULTS = [
    fault(
        "carries between lanes of sums", segmented_quire, "look_ahead",
        given("joined", lambda *args, joined: [ONE] * len(joined)), "instead of",
    ),
]  # fmt: skip
EDGE_FAULTS = [
    edge_fault("withdraws", "random_waits", "an offer was withdrawn or changed"),
    edge_fault("changes", "random_waits", "an offer was withdrawn or changed"),
    edge_fault("pauses", "replay", r"'rtl_cycles': 26\d, 'model_cycles': 256"),
    edge_fault("repeats", "random_waits", "instead of|results of"),
    edge_fault("swallows", "random_waits", "instead of|results of"),
]


def of_unit(
    design: UnitSuite, faults: Sequence[Fault], stages: int = 0, wrapped: Callable[[Unit], Unit] = lambda unit: unit
) -> FaultySuite:
    """Return a unit with faults, and its operands; ``wrapped`` puts the unit into another one."""

    def vectors(_: str) -> list[Vectors]:
        unit = design.build(stages)
        unit._MustUse__silence = True  # only its shapes are used
        return [design.vectors(unit, 3000)]

    return FaultySuite(
        name=design.name,
        bench=lambda: UnitsBench.of([wrapped(design.build(stages))], care=design.care),
        faults=faults,
        cases=vectors,
    )


class TestFaults(FaultTests):
    suites = (
        FaultySuite(name="several", bench=mixed_units, faults=MIXED_FAULTS, cases=mixed_vectors),
        of_unit(UnitSuite(Multiplier, (P8,)), PIPELINE_FAULTS, stages=2),
        of_unit(UnitSuite(Multiplier, (P4,)), EDGE_FAULTS, wrapped=FaultyStream),
        of_unit(UnitSuite(Mac, (P16,)), DOT_FAULTS, stages=2),
        of_unit(UnitSuite(Mac, (E4M3,)), SPECIAL_FAULTS),
        of_unit(UnitSuite(Converter, (P16, P8)), CONVERTER_FAULTS),
        of_unit(UnitSuite(MixedMac, (P5, E4M3)), MIXED_MAC_FAULTS, stages=2),
        of_unit(UnitSuite(ReadOut, (FP16,), {**SUM_OF_MIXED, "scale_bits": 8}), READ_OUT_FAULTS),
        of_unit(UnitSuite(SignificandMultiplier), LANE_FAULTS),
        of_unit(UnitSuite(SegmentedQuire), SEGMENT_FAULTS),
    )
