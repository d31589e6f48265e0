# amaranth: UnusedElaboratable=no
"""What the bench of the vector unit must see: arithmetic that is a little wrong, and RTL that is."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.vector import suite as vector
from tilewright.cocotb_tests.vector.harness import TOP, VectorHarness, harness_verilog
from tilewright.cocotb_tests.vector.operator_programs import operator_cases
from tilewright.hw.vector import reducer, unit
from tilewright.hw.verilog import convert
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.isa.vector_command import Function, Inverse, Reduce
from tilewright.sim.machine.vector import unit as machine
from tilewright.sim.machine.vector import values
from tilewright.sim.machine.vector.unit import VectorModel

CASES = [*operator_cases(vector.SMALL, vector.SEED), *vector.random_cases(vector.SMALL, 8)]


def left_behind() -> list[tuple[bytes, list[int]]]:
    """Return what the model leaves in memory after each case, and its cycles."""
    left = []
    for case in CASES:
        model = VectorModel(vector.SMALL, case.memory.copy())
        cycles = [model.run(command) for command in case.commands]
        left.append((model.memory.tobytes(), cycles))
    return left


def in_order(y: np.ndarray, lanes: int) -> np.ndarray:
    """Return sums in the order of columns."""
    total = np.zeros(len(y), np.float32)
    for column in y.T:
        total = total + column
    return total


def other_options(change: Callable) -> Callable:
    """Return a wrong twin of ``run_pass``, which changes the options of each pass."""
    return lambda options, a, **operands: values.run_pass(change(options), a, **operands)


RIGHT_ROUNDING = StoredFormat.from_fp32
FAULTS = {
    "sums in the order of columns": (values, "sums", in_order),
    "halves exchanged without a sign": (values, "rotated", lambda a, half: np.abs(a) if half else a),
    "NaN as it comes": (values, "canonical", lambda y: np.asarray(y, np.float32)),
    "bf16 truncated": (
        StoredFormat, "from_fp32",
        lambda form, y: (y.view(np.uint32) >> 16).astype(np.uint16) if form == stored.BF16 else RIGHT_ROUNDING(form, y),
    ),
    "mask a column late": (
        machine, "run_pass", other_options(lambda o: replace(o, mask_base=o.mask_base + 1)),
    ),
    "no mask": (machine, "run_pass", other_options(lambda o: replace(o, causal=False))),
    "sign of magnitudes": (
        machine, "run_pass", other_options(lambda o: replace(o, reduce=Reduce.MAXIMUM if o.reduce == Reduce.MAGNITUDE else o.reduce)),
    ),
    "root for reciprocal": (
        machine, "run_pass", other_options(lambda o: replace(o, inverse=Inverse.RSQRT if o.inverse == Inverse.RECIPROCAL else o.inverse)),
    ),
    "GELU for SiLU": (
        machine, "run_pass", other_options(lambda o: replace(o, function=Function.GELU if o.function == Function.SILU else o.function)),
    ),
    "offset forgotten": (machine, "run_pass", other_options(lambda o: replace(o, offset=0.0))),
    "a cycle less to begin": (machine, "START", machine.START - 1),
    "a short row does not wait": (machine, "INTERVAL", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_cases_tell_wrong_arithmetic_from_right(name, monkeypatch):
    right = left_behind()
    module, what, wrong = FAULTS[name]
    monkeypatch.setattr(module, what, wrong)
    with np.errstate(all="ignore"):
        assert left_behind() != right


TINY = VectorConfig(lanes=2, scalars=32, address_bits=13)
RTL_FAULTS = {
    "a partial sum begins late": (unit, "INTERVAL", 4),
    "-inf is not the least": (reducer, "MINUS_INFINITY_KEY", 0x80000000),
    "masked a step early": (unit, "Y", unit.Y - 1),
}


@pytest.mark.slow
@pytest.mark.cosim
@pytest.mark.parametrize("name", RTL_FAULTS)
def test_wrong_rtl_is_seen(name, monkeypatch):
    module, what, wrong = RTL_FAULTS[name]
    with monkeypatch.context() as patch:
        patch.setattr(module, what, wrong)
        if what == "Y":
            # What only the walkers follow: latencies stay as the model has them.
            patch.setattr(VectorConfig, "value_latency", property(lambda _: wrong))
        verilog = convert(VectorHarness(config=TINY), TOP)
    sources = harness_verilog(TINY)
    storage = sources[sources.index("// Words for simulation") :]
    model = runner.build(verilog + storage, TOP)
    with pytest.raises(runner.BenchError):
        vector.run(TINY, vector.random_cases(TINY, 6), model=model)
