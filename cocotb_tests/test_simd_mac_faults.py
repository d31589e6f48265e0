"""Faults planted in the SIMD MAC, or in what the bench is told of it: each one must be seen."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from amaranth.hdl import Cat, Const, Module, Signal, Value

from tilewright.cocotb_tests.runner import BenchError
from tilewright.cocotb_tests.simd_mac import Design, build_bench, case_vectors, mixed_vectors
from tilewright.hw.arith.unit import Pipeline
from tilewright.hw.mac import core, decoder, read_out, simd_mac
from tilewright.sim.formats import Mode, simd
from tilewright.sim.formats.window import Window
from tilewright.sim.machine import simd_mac as model

pytestmark = pytest.mark.cosim


def late(m: Module, value: Value, name: str) -> Value:
    """Return a value as it was one cycle ago."""
    before = Signal.like(value, name=name)
    m.d.sync += before.eq(value)
    return before


def lane_dropped(right):
    def lane(m, plan, mode, code, name):
        significand, *rest = right(m, plan, mode, code, name)
        return [significand & 0 if name.endswith("_1") else significand, *rest]

    return lane


def tiny_lane_dropped(right):
    return lambda m, a, b, chosen: right(m, a, Cat(b[:21], Const(0, 7)), chosen)


def without_sign(right):
    return lambda value, width: Cat(value, Const(0, max(width - len(value), 0)))


def stale_mode(right):
    return lambda m, modes, code, mode, name: right(m, modes, code, late(m, mode, f"{name}_stale_mode"), name)


def stale_out(right):
    return lambda m, modes, number, out, name: right(m, modes, number, late(m, out, f"{name}_stale_out"), name)


def first_ignored(right):
    return lambda *args, **given: right(*args, **{**given, "first": Const(0, 1)})


def without_sticky(right):
    def chunk(*args):
        number, window, _, zero = right(*args)
        return number, window, Const(0, 1), zero

    return chunk


def without_waiting_carries(right):
    return lambda m, segments, name: right(m, replace(segments, carries=[Const(0, 1) for _ in segments.carries]), name)


def without_minus_infinity(right):
    def specials(*args):
        nan, plus, _ = right(*args)
        return nan, plus, Const(0, 1)

    return specials


@dataclass(frozen=True)
class Fault:
    """A function of a module that gives something else while a MAC is built, and the run that must see it.

    ``wrong`` makes the faulty function of the right one.
    """

    name: str
    module: object
    function: str
    wrong: Callable
    modes: tuple[Mode, ...]
    case: str = "random"
    testcase: str = "replay"
    stages: int = 0


BYTES = (Mode.INT8, Mode.FP8_E5M2)
EVERYDAY = [
    Fault("upper lane of two dropped", decoder, "_lane", lane_dropped, (Mode.INT8,), "pairs"),
    Fault("fourth lane of four dropped", core, "_tiny_products", tiny_lane_dropped, (Mode.FP4_E2M1,), "pairs"),
    Fault("sign of a sum of lanes not extended", core, "_extended", without_sign, (Mode.POSIT8_0, Mode.BF16)),
    Fault("mode of the word before", simd_mac, "decode_word", stale_mode, (Mode.INT8, Mode.FP4_E2M1)),
    Fault("sum not cleared", core, "accumulate", first_ignored, (Mode.INT8,)),
    Fault("sticky bit dropped", read_out, "highest_chunk", without_sticky, (Mode.INT8,)),
    Fault(
        "words added again while they wait", Pipeline, "ready", lambda _: property(lambda pipe: Const(1, 1)),
        (Mode.INT8,), testcase="random_waits", stages=6,
    ),
]  # fmt: skip
OTHERS = [
    Fault("output format of the word before", simd_mac, "encode_any", stale_out, BYTES),
    Fault("waiting carries dropped", read_out, "look_ahead", without_waiting_carries, BYTES, stages=3),
    Fault("negative infinity lost", core, "_specials", without_minus_infinity, (Mode.FP8_E5M2,), "specials"),
]


@pytest.mark.parametrize(
    "fault", [*EVERYDAY, *(pytest.param(fault, marks=pytest.mark.slow) for fault in OTHERS)], ids=lambda fault: fault.name
)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    operands = mixed_vectors(fault.modes, 1500) if fault.case == "random" else case_vectors(fault.modes, fault.case)
    monkeypatch.setattr(fault.module, fault.function, fault.wrong(getattr(fault.module, fault.function)))
    bench = build_bench([Design(fault.modes, fault.stages)])
    with pytest.raises(BenchError, match=fault.testcase):
        bench.run(operands, fault.testcase)


def test_a_special_that_stays_is_seen(monkeypatch):
    # The sum still begins anew, the flags do not.
    right_cut, right_accumulate, seen = Pipeline.cut, core.accumulate, []

    def cut(pipe, name, *values):
        later = right_cut(pipe, name, *values)
        if name != "placed":
            return later
        value, places, first, *rest = later
        seen.append(first)
        return value, places, Const(0, 1), *rest

    def accumulate(m, addend, segment_bits, name, *, first):
        return right_accumulate(m, addend, segment_bits, name, first=seen.pop())

    monkeypatch.setattr(Pipeline, "cut", cut)
    monkeypatch.setattr(core, "accumulate", accumulate)
    bench = build_bench([Design((Mode.POSIT8_0,), 0)])
    with pytest.raises(BenchError, match="code 0x80 instead of"):
        bench.run(mixed_vectors((Mode.POSIT8_0,), 1500))


@pytest.mark.parametrize("edge", ["lower", "upper"])
def test_a_window_that_is_one_off_is_seen(edge, monkeypatch):
    # Seen from the other side: what is expected is wrong.
    right = simd.BF16_WINDOW
    wrong = Window(right.lsb + 1, right.top) if edge == "lower" else Window(right.lsb, right.top + 1)
    monkeypatch.setattr(simd, "BF16_WINDOW", wrong)
    operands = case_vectors((Mode.BF16,), "bf16 window")
    with pytest.raises(BenchError, match="replay"):
        build_bench([Design((Mode.BF16,), 0)]).run(operands)


@pytest.mark.slow
def test_a_register_more_than_the_model_has_is_seen(monkeypatch):
    monkeypatch.setattr(model, "REGISTERS", 0)
    with pytest.raises(BenchError, match=r"'late': [1-9]"):
        build_bench([Design((Mode.BF16,), 0)]).run(mixed_vectors((Mode.BF16,), 100))
