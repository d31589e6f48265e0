"""Activations: the table, the integers, special values, and errors against float64."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from tilewright.sim.formats import ACTIVATIONS, BF16, activate
from tilewright.sim.formats import activation as module

TABLES = pytest.mark.parametrize("name", ACTIVATIONS)


def gate_of(name: str, x: float) -> float:
    """Return a gate in float64, in another form than the table's builder."""
    if name == "silu":
        return (1 + math.tanh(x / 2)) / 2 if x > -4 else math.exp(x) / (1 + math.exp(x))
    return (1 + math.erf(x / math.sqrt(2))) / 2 if x > -1 else math.erfc(-x / math.sqrt(2)) / 2


def scalar_gate(name: str, x: float) -> Fraction:
    """Return the gate of a finite number as the contract says it, in integers."""
    table = ACTIVATIONS[name]
    shift = {"silu": 16, "gelu": 17}[name]
    u = int(abs(Fraction(x)) * 2**shift)
    if u >= 1 << 20:
        p = 1 << 24
    else:
        index, t = divmod(u, 1 << 11)
        p = table.base[index] + ((table.base[index + 1] - table.base[index]) * t >> 11)
    return Fraction(p if x >= 0 else (1 << 24) - p, 1 << 24)


def numbers() -> np.ndarray:
    """Return all of bf16's finite values and places between all entries, and beside them."""
    bf16 = np.arange(0x7F80, dtype=np.uint32) << 16
    steps = np.arange(0, 20, 1 / 1024, dtype=np.float32)
    fine = np.random.default_rng(1).uniform(0, 17, 200_000).astype(np.float32)
    x = np.unique(np.concatenate([bf16.view(np.float32), steps, np.nextafter(steps, np.float32(-1))[1:], fine]))
    return np.concatenate([x, -x])


@TABLES
def test_table(name):
    table = ACTIVATIONS[name]
    assert table.range == {"silu": 16, "gelu": 8}[name]
    assert table.step == {"silu": 1 / 32, "gelu": 1 / 64}[name]
    assert table.fraction_bits == {"silu": 16, "gelu": 17}[name]
    base = table.base
    assert len(base) == 513
    assert base[0] == 1 << 23
    assert max(base) <= 1 << 24
    assert all(low <= high for low, high in itertools.pairwise(base))
    # So far from a tie that the last bit of a float64 does not matter.
    scaled = [gate_of(name, i * table.step) * 2**24 for i in range(513)]
    assert [round(x) for x in scaled] == list(base)
    assert min(abs(x % 1 - 0.5) for x in scaled) > 1e-6


@TABLES
def test_gates_are_the_integers_of_the_contract(name):
    x = numbers()[::17]
    gates = ACTIVATIONS[name].gate(x)
    assert gates.dtype == np.float32
    for number, gate in zip(x.tolist(), gates.tolist(), strict=True):
        assert Fraction(gate) == scalar_gate(name, number), number


@TABLES
def test_one_rounding_follows(name):
    x = numbers()[::101]
    products = [Fraction(number) * scalar_gate(name, number) for number in x.tolist()]
    for number, product, y in zip(x.tolist(), products, activate(name, x).tolist(), strict=True):
        # Of FP32 no neighbour is nearer.
        near = np.float32(y)
        error = abs(Fraction(y) - product)
        for other in (np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))):
            if np.isfinite(other):
                assert error <= abs(Fraction(float(other)) - product), number


@TABLES
def test_errors(name):
    # A gate is constant between two positions, and what it stands for rises: the errors are largest at their ends.
    # Below zero they are the same.
    table = ACTIVATIONS[name]
    first = (np.arange(1 << 20) * 2.0**-table.fraction_bits).astype(np.float32)
    x = np.concatenate([first, np.nextafter(np.append(first[1:], np.float32(table.range)), np.float32(0))])
    exact = np.array([gate_of(name, number) for number in x.tolist()])
    gate_error = np.abs(table.gate(x) - exact).max()
    error = np.abs(activate(name, x) - x.astype(np.float64) * exact).max()
    print(f"{name}: gate {gate_error:.4g}, activation {error:.4g} below {table.range}")
    # What is stated, and not much more than is measured.
    assert 0.99 * module.MAX_GATE_ERROR[name] < gate_error <= module.MAX_GATE_ERROR[name]
    assert 0.99 * module.MAX_ERROR[name] < error <= module.MAX_ERROR[name]
    below = -x[::7]
    exact = np.array([gate_of(name, number) for number in below.tolist()])
    assert np.abs(table.gate(below) - exact).max() <= module.MAX_GATE_ERROR[name]
    assert np.abs(activate(name, below) - below.astype(np.float64) * exact).max() <= module.MAX_ERROR[name]
    outside = numbers()[np.abs(numbers()) >= table.range]
    exact = np.array([gate_of(name, number) if number > -700 else 0.0 for number in outside.tolist()])
    error = np.abs(activate(name, outside) - outside.astype(np.float64) * exact)
    assert (error <= module.MAX_ERROR[name] + np.spacing(np.abs(outside)) / 2).all()


def test_special_values():
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -100.0, 100.0, 1e-45, -3e38], np.float32)
    nan, inf = 0x7FC00000, 0x7F800000
    for name in ACTIVATIONS:
        y = activate(name, x)
        assert y.dtype == np.float32
        bits = y.view(np.uint32).tolist()
        # Half of the smallest subnormal number is a tie: to even, which is zero.
        assert bits == [nan, inf, 0, 0, 0x80000000, 0, int(x[6:7].view(np.uint32)[0]), 0, 0]
    other_nans = np.array([0xFFC00000, 0x7F800001, 0x7FFFFFFF], np.uint32).view(np.float32)
    for name in module.NAMES:
        assert activate(name, other_nans).view(np.uint32).tolist() == [nan] * 3


def test_none_and_relu():
    x = np.array([[1.5, -1.5], [0.0, -0.0], [np.inf, -np.inf]], np.float32)
    assert activate("none", x).view(np.uint32).tolist() == x.view(np.uint32).tolist()
    assert activate("relu", x).view(np.uint32).tolist() == [[0x3FC00000, 0], [0, 0], [0x7F800000, 0]]
    assert np.isnan(activate("relu", np.float32(np.nan)))
    with pytest.raises(ValueError, match=r"^activation = tanh is not allowed: one of none, relu, silu, gelu$"):
        activate("tanh", x)


@TABLES
def test_bf16_results_are_off_by_one_code_at_most(name):
    codes = np.arange(0x7F80)
    x = BF16.decode(np.concatenate([codes, codes | 0x8000]))
    exact = x * np.array([gate_of(name, number) if number > -700 else 0.0 for number in x.tolist()])
    # Where the table's error does not dominate.
    kept = np.abs(exact) > 0.01
    got, wanted = BF16.encode(activate(name, x.astype(np.float32)).astype(float))[kept], BF16.encode(exact)[kept]
    assert np.abs(got.astype(int) - wanted).max() <= 1
    assert (got == wanted).mean() > 0.97
