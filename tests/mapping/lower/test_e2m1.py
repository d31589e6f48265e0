"""Activations as E2M1 by passes of the vector unit, against the format itself."""

import numpy as np
import pytest

from tilewright.mapping.lower.e2m1 import factors_constant
from tilewright.mapping.lower.lowering import Lowering
from tilewright.mapping.lower.operands import Operand
from tilewright.sim.formats import E2M1, stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.steps import empty_memory, run_steps, store

COLUMNS = 16


def converted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of rows of values, and the scales of the rows for numbers in halves."""
    precision = Precision(activations=stored.FP32, cache=stored.FP4_E2M1)
    operator = Operator(name="a", row="a", kind=Kind.INPUT, m=len(values), n=COLUMNS, precision=precision)
    lowering = Lowering(Graph((operator,)))
    a = lowering.matrix("a", len(values), COLUMNS)
    out = lowering.matrix("codes", len(values), COLUMNS, stored.FP4_E2M1)
    scales = lowering.run(a, Operand(stored.FP4_E2M1).magnitude, to="scale")
    lowering.quantised(a, scales, out=out)
    memory = empty_memory(lowering.buffers.values(), factors_constant(stored.FP4_E2M1, COLUMNS))
    store(memory, a, values)
    scalars = run_steps(lowering.steps, memory, lanes=8)
    return memory["codes"].reshape(values.shape), scalars["scale"]


@pytest.mark.parametrize("sign", [1, -1])
def test_every_number_and_every_middle(sign):
    numbers = E2M1.decode(np.arange(8))
    middles = (numbers[1:] + numbers[:-1]) / 2
    x = sign * np.concatenate([numbers, middles, [5.9]])
    codes, scales = converted(x[None])
    # The largest number is 12 halves of the scale, whose reciprocal is exact here.
    assert scales == 0.5
    assert (codes == E2M1.encode(x)).all()


def test_numbers_next_to_the_middles():
    numbers = E2M1.decode(np.arange(8))
    middles = (numbers[1:] + numbers[:-1]) / 2
    for factor in (1 - 2.0**-13, 1 + 2.0**-13):
        x = np.concatenate([middles * factor, -middles * factor, [6, -6]])
        codes, _ = converted(x[None])
        assert (codes == E2M1.encode(x)).all()


def test_numbers_are_missed_only_within_a_little_of_the_middles():
    rng = np.random.default_rng(2)
    numbers = E2M1.decode(np.arange(8))
    which = rng.integers(0, 7, (20000, COLUMNS))
    step, away = np.diff(numbers)[which], rng.uniform(2.0**-15, 2.0**-14, which.shape)
    x = (numbers[which] + step * (0.5 + away * rng.choice([-1, 1], which.shape))) * rng.choice([-1, 1], which.shape)
    x[:, 0] = 6
    scaled = (x * np.exp(3 * rng.standard_normal((len(x), 1)))).astype(np.float32)
    codes, _ = converted(scaled)
    assert (codes == E2M1.encode(x)).all()


def test_random_rows_come_to_the_nearest_number():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((4000, COLUMNS)) * np.exp(10 * rng.standard_normal((4000, 1)))
    x = stored.BF16.to_fp32(stored.BF16.from_fp32(rows.astype(np.float32)))
    codes, scales = converted(x)
    assert (np.abs(scales * 12 / np.abs(x).max(axis=1) - 1) < 1e-6).all()
    halves = x.astype(np.float64) / scales[:, None]
    numbers = E2M1.decode(codes) * 2
    nearest = E2M1.decode(E2M1.encode(halves / 2, saturate=True)) * 2
    assert (np.abs(numbers - halves) <= np.abs(nearest - halves) + 2.0**-13).all()
    assert set(codes.ravel()) == set(range(16))


def test_rows_of_zeros_are_zeros():
    codes, scales = converted(np.zeros((2, COLUMNS)))
    assert not scales.any()
    assert not (codes & 7).any()
