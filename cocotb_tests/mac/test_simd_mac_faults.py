"""Faults planted in the SIMD MAC, or in what the bench expects of it: the benches must detect each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from amaranth.hdl import Cat, Const, Module, Signal, Value

from tilewright.cocotb_tests.mac.suite import MOST_STAGES, MacSuite, build_bench, case_vectors, mixed_vectors
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.arith.unit import Pipeline
from tilewright.hw.mac import core, simd_mac
from tilewright.sim.formats import Mode, simd
from tilewright.sim.formats.window import Window
from tilewright.sim.machine.mac import simd_mac as model

pytestmark = pytest.mark.cosim


def late(m: Module, value: Value, name: str) -> Value:
    """Return a value as it was one cycle ago."""
    before = Signal.like(value, name=name)
    m.d.sync += before.eq(value)
    return before


def lanes_kept(bits: int) -> Callable:
    """Make a decoder that sees the low bits of a word only."""
    return lambda right: (
        lambda m, modes, code, mode, name: right(m, modes, Cat(code[:bits], Const(0, 16 - bits)), mode, name)
    )


def without_sign(right):
    return lambda value, width: Cat(value, Const(0, max(width - len(value), 0)))


def stale_mode(right):
    return lambda m, modes, code, mode, name: right(m, modes, code, late(m, mode, f"{name}_stale_mode"), name)


def stale_out(right):
    return lambda m, modes, number, out, name: right(m, modes, number, late(m, out, f"{name}_stale_out"), name)


def first_ignored(right):
    def accumulate(m, pipe, modes, a, b, mode, first, *rest, **options):
        return right(m, pipe, modes, a, b, mode, Const(0, 1), *rest, **options)

    return accumulate


def summed(**change: Callable) -> Callable:
    """Make an accumulator that changes some parts of its sum, given the module and the part."""

    def wrong(right):
        def accumulate(m, *args, **options):
            total, last, later = right(m, *args, **options)
            parts = {name: part(m, getattr(total, name)) for name, part in change.items()}
            return replace(total, **parts), last, later

        return accumulate

    return wrong


def nothing(_: Module, part: Value) -> Value:
    return Const(0, len(part))


def for_ever(m: Module, part: Value) -> Value:
    """Return a flag that is never cleared."""
    seen = Signal(name="seen_for_ever")
    m.d.sync += seen.eq(seen | part)
    return part | seen


def without_sticky(right):
    def normalise(*args):
        number, later = right(*args)
        return replace(number, sticky=Const(0, 1)), later

    return normalise


@dataclass(frozen=True)
class Fault:
    """A function of a module that returns something else while a MAC is built, and the run that must detect it.

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
    Fault("fourth lane of four dropped", simd_mac, "decode_word", lanes_kept(12), (Mode.FP4_E2M1,), "pairs"),
    Fault("sign of a sum of lanes not extended", core, "_extended", without_sign, (Mode.POSIT8_0, Mode.BF16)),
    Fault("mode of the word before", simd_mac, "decode_word", stale_mode, (Mode.INT8, Mode.FP4_E2M1)),
    Fault("NaR kept for ever", simd_mac, "accumulate_words", summed(nan=for_ever), (Mode.POSIT8_0,)),
    Fault("sticky bit dropped", simd_mac, "normalise_sum", without_sticky, (Mode.POSIT8_0,)),
    Fault(
        "words added again while they wait", Pipeline, "ready", lambda _: property(lambda pipe: Const(1, 1)),
        (Mode.INT8,), testcase="random_waits", stages=6,
    ),
]  # fmt: skip
OTHERS = [
    Fault("sum not cleared", simd_mac, "accumulate_words", first_ignored, (Mode.INT8,)),
    Fault("upper lane of two dropped", simd_mac, "decode_word", lanes_kept(8), (Mode.INT8,), "pairs"),
    Fault("output format of the word before", simd_mac, "encode_any", stale_out, BYTES),
    Fault("waiting carries dropped", simd_mac, "accumulate_words", summed(carries=nothing), BYTES),
    Fault("NaN not kept", simd_mac, "accumulate_words", summed(nan=nothing), (Mode.FP8_E4M3,), "specials"),
    Fault("negative infinity lost", simd_mac, "accumulate_words", summed(minus=nothing), (Mode.FP8_E5M2,), "specials"),
    Fault(
        "bf16 read as posits are", simd_mac, "accumulate_words", summed(is_bf16=nothing), (Mode.POSIT16_1, Mode.BF16)
    ),
]


@pytest.mark.parametrize(
    "fault",
    [*EVERYDAY, *(pytest.param(fault, marks=pytest.mark.slow) for fault in OTHERS)],
    ids=lambda fault: fault.name,
)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    operands = mixed_vectors(fault.modes, 1500) if fault.case == "random" else case_vectors(fault.modes, fault.case)
    monkeypatch.setattr(fault.module, fault.function, fault.wrong(getattr(fault.module, fault.function)))
    stages = min(fault.stages, MOST_STAGES)
    with pytest.raises(BenchError, match=fault.testcase):
        build_bench([MacSuite(fault.modes, stages)]).run(operands, fault.testcase)


def test_a_window_that_is_one_off_is_seen(monkeypatch):
    # Seen from the other side: what is expected is wrong.
    right = simd.BF16_WINDOW
    bench = build_bench([MacSuite((Mode.BF16,), 0)])
    for wrong in (Window(right.lsb + 1, right.top), Window(right.lsb, right.top + 1)):
        monkeypatch.setattr(simd, "BF16_WINDOW", wrong)
        with pytest.raises(BenchError, match="replay"):
            bench.run(case_vectors((Mode.BF16,), "bf16 window"))
    monkeypatch.setattr(simd, "BF16_WINDOW", right)
    bench.run(case_vectors((Mode.BF16,), "bf16 window"))


@pytest.mark.slow
def test_a_register_more_than_the_model_has_is_seen(monkeypatch):
    monkeypatch.setattr(model, "REGISTERS", 0)
    with pytest.raises(BenchError, match=r"'late': [1-9]"):
        build_bench([MacSuite((Mode.BF16,), 0)]).run(mixed_vectors((Mode.BF16,), 100))
