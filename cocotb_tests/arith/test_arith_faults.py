"""Faults planted in arithmetic units, or in what the bench expects of them: the benches must detect each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType

import pytest
from amaranth.hdl import Const, Module, Mux, Signal, Value

from tilewright.cocotb_tests.arith.suite import UnitSuite, run_bench
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.arith import (
    adder,
    booth,
    minifloat_codec,
    multiplier,
    posit_codec,
    quire,
    read_out,
    segmented_quire,
    significand_multiplier,
    unit,
)
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.read_out import ReadOut
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import BF16, E4M3, E5M2, Posit

pytestmark = pytest.mark.cosim

P4, P8, P16 = Posit(4, 1), Posit(8, 0), Posit(16, 1)


@dataclass(frozen=True)
class Fault:
    """A function of a module that returns something else while a design is elaborated, and the test that must detect
    it.

    ``wrong`` makes the faulty function of the right one.
    """

    name: str
    module: ModuleType
    function: str
    wrong: Callable
    design: UnitSuite
    testcase: str = "replay"
    stages: int = 0


def constant_sticky(bit: int) -> Callable:
    """Make a shifter that always reports lost bits, or never."""

    def wrong(right):
        def shift(*args, **options):
            return right(*args, **options)[0], Const(bit, 1)

        return shift

    return wrong


def changed(**change: Callable) -> Callable:
    """Make a decoder of numbers that changes some parts, given the number."""

    def wrong(right):
        def decode(*args):
            number = right(*args)
            return replace(number, **{name: part(number) for name, part in change.items()})

        return decode

    return wrong


def given(**options) -> Callable:
    """Make a function that receives other arguments than the caller gives."""
    return lambda right: lambda *args, **given: right(*args, **{**given, **options})


def without_sign_of_zero(right):
    def encode(m, format, number, name):
        return right(m, format, replace(number, sign=number.sign & ~number.zero), name)

    return encode


def without_corrections(right):
    return lambda *args: [(row, Const(0, 1)) for row, _ in right(*args)]


def without_sticky(right):
    def chunk(*args):
        number, window, _, zero = right(*args)
        return number, window, Const(0, 1), zero

    return chunk


def without_sign(right):
    return lambda m, distance, fine_bits, sign, name, **given: right(m, distance, fine_bits, Const(0, 1), name, **given)


def without_borders(right):
    return lambda m, one, two, passes, name: right(m, one, two, dict.fromkeys(passes, Const(1, 1)), name)


def never_specials(right):
    return lambda m, flag, *args: Const(0, 1)


def specials_for_ever(right):
    return lambda m, flag, first, *args: right(m, flag, Const(0, 1), *args)


def pipeline_that_never_waits(right):
    def pipeline(*args):
        made = right(*args)
        made._stalls = False
        return made

    return pipeline


def valid_without_reset(right):
    def signal(*args, name=None, **given):
        if name and name.endswith("_valid"):
            given["reset_less"] = True
        return right(*args, name=name, **given)

    return signal


FAULTS = [
    Fault("sticky bit of posits dropped", posit_codec, "shift_right_sticky", constant_sticky(0), UnitSuite(Converter, (P16, P8))),
    Fault("ties of minifloats rounded up", minifloat_codec, "shift_right_sticky", constant_sticky(1), UnitSuite(Multiplier, (E4M3,))),
    Fault("NaR ignored", adder, "decode_posit", changed(nan=lambda number: Const(0, 1)), UnitSuite(Adder, (P8,))),
    Fault(
        "subnormals lost", adder, "decode_minifloat",
        changed(significand=lambda part: Mux(part.significand[-1], part.significand, 0)), UnitSuite(Adder, (E5M2,)),
    ),
    Fault("sign of zero lost", multiplier, "encode", without_sign_of_zero, UnitSuite(Multiplier, (E4M3,))),
    Fault("Booth's corrections lost", booth, "booth_rows", without_corrections, UnitSuite(Multiplier, (P8,), {"style": "rows"})),
    Fault("first ignored", quire, "accumulate", given(first=Const(0, 1)), UnitSuite(Mac, (P8,))),
    Fault("carries between segments lost", quire, "accumulate", given(joined=[Const(0, 1)] * 8), UnitSuite(Mac, (P16,))),
    Fault("sign of products not extended", quire, "coarse_places", without_sign, UnitSuite(Mac, (P8,)), stages=2),
    Fault("NaN not kept", quire, "_sticky", never_specials, UnitSuite(Mac, (E4M3,))),
    Fault("NaN kept for ever", quire, "_sticky", specials_for_ever, UnitSuite(Mac, (E4M3,))),
    Fault("sticky bit of the read-out dropped", read_out, "highest_chunk", without_sticky, UnitSuite(ReadOut, (BF16,), {"width": 32, "lsb": -8})),
    Fault("carries between lanes", significand_multiplier, "add_lanes", without_borders, UnitSuite(SignificandMultiplier)),
    Fault("carries between lanes of sums", segmented_quire, "look_ahead", given(joined=None), UnitSuite(SegmentedQuire)),
    Fault("stalls ignored", unit, "Pipeline", pipeline_that_never_waits, UnitSuite(Multiplier, (P8,)), "random_waits", 2),
    Fault("pipeline not reset", unit, "Signal", valid_without_reset, UnitSuite(Multiplier, (P8,)), "reset_in_flight", 2),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    monkeypatch.setattr(fault.module, fault.function, fault.wrong(getattr(fault.module, fault.function)))
    tested = fault.design.build(fault.stages)
    vectors = fault.design.vectors(tested, 3000)
    with pytest.raises(BenchError, match=fault.testcase):
        run_bench([tested], vectors, fault.testcase, care=fault.design.care)


def test_a_wrong_latency_is_seen():
    design = UnitSuite(Multiplier, (P4,))
    units = [design.build(1), design.build(2)]
    vectors = design.vectors(units[0], 0)
    with pytest.raises(BenchError, match=r"channel 1.*'late': [1-9]"):
        run_bench(units, vectors, latencies=[1, 1])


class Faulty(Unit):
    """A combinational unit with a fault at its edge, seen in some cycles only.

    Parameters
    ----------
    inner : Unit
        A unit without stages.
    fault : str
        "withdraws", "changes", "pauses", "repeats" or "swallows".
    """

    def __init__(self, inner: Unit, fault: str):
        self.inner = inner
        self.fault = fault
        super().__init__(inner.i.p.shape(), inner.o.p.shape())

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        count = Signal(5)
        m.d.sync += count.eq(count + 1)
        now = count == 31
        payload = Value.cast(inner.o.p)
        m.d.comb += [
            Value.cast(inner.i.p).eq(Value.cast(self.i.p)),
            inner.i.valid.eq(self.i.valid & ~(now if self.fault == "withdraws" else 0)),
            inner.o.ready.eq(self.o.ready),
            self.i.ready.eq(inner.i.ready & ~(now if self.fault in ("withdraws", "pauses", "repeats") else 0)),
            self.o.valid.eq(inner.o.valid & ~(now if self.fault in ("pauses", "swallows") else 0)),
            # Wrong for as long as nobody takes it.
            Value.cast(self.o.p).eq(payload ^ (now & ~self.o.ready if self.fault == "changes" else 0)),
        ]
        return m


@pytest.mark.parametrize(
    ("fault", "testcase", "message"),
    [
        ("withdraws", "random_waits", "withdrawn or changed"),
        pytest.param("changes", "random_waits", "withdrawn or changed", marks=pytest.mark.slow),
        ("pauses", "replay", "'rtl_cycles': 67"),
        pytest.param("repeats", "random_waits", "instead of|results of", marks=pytest.mark.slow),
        ("swallows", "random_waits", "instead of|results of"),
    ],
)
def test_a_stream_that_breaks_its_contract_is_seen(fault, testcase, message):
    design = UnitSuite(Multiplier, (P8,))
    inner = design.build(0)
    vectors = design.vectors(inner, 0)
    with pytest.raises(BenchError, match=message):
        run_bench([Faulty(inner, fault)], vectors, testcase)
