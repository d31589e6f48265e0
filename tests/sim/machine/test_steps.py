"""Steps of a program: what they refuse, and what they compute, against an element at a time."""

from dataclasses import replace

import numpy as np
import pytest

from tilewright.sim.formats import stored_format
from tilewright.sim.isa.steps import Buffer, Matrix, Pass, Product, Scalars
from tilewright.sim.isa.vector_command import Inverse, PassOptions, Reduce
from tilewright.sim.machine import steps
from tilewright.sim.machine.steps import codes, empty_memory, load, run_steps, store


def matrix(name: str, rows: int, columns: int, storage: str = "fp32") -> Matrix:
    return Matrix(Buffer(name, rows * columns, stored_format(storage)), rows, columns, columns)


def memory_of(*matrices: Matrix, **contents: np.ndarray) -> dict[str, np.ndarray]:
    return empty_memory([m.buffer for m in matrices], contents)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_is_the_sum_of_products(transposed):
    rng = np.random.default_rng(1)
    a, out = matrix("a", 3, 5, "int8"), matrix("out", 3, 4, "int32")
    weights = matrix("w", 4, 5, "int8") if transposed else matrix("w", 5, 4, "int8")
    left, right = rng.integers(-128, 128, (3, 5)), rng.integers(-128, 128, (weights.rows, weights.columns))
    memory = memory_of(a, out, weights, a=left, w=right)
    run_steps([Product(a=a, weights=weights, out=out, transposed=transposed)], memory, lanes=4)
    for r in range(3):
        for n in range(4):
            expected = sum(int(left[r, k]) * int(right[n, k] if transposed else right[k, n]) for k in range(5))
            assert load(memory, out)[r, n] == expected


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("inner", [1023, 1024, 1025, 2500])
def test_long_sums_of_int8_are_exact(inner, transposed, monkeypatch):
    """Sums beyond 2**24, where FP32 begins to skip odd numbers; weights in blocks of columns."""
    monkeypatch.setattr(steps, "BLOCK_COLUMNS", 3)
    rng = np.random.default_rng(inner)
    left = np.where(rng.random((2, inner)) < 0.1, rng.integers(-128, 128, (2, inner)), -128)
    right = np.where(rng.random((inner, 7)) < 0.1, rng.integers(-128, 128, (inner, 7)), -127)
    a, out = matrix("a", 2, inner, "int8"), matrix("out", 2, 7, "int32")
    weights = matrix("w", 7, inner, "int8") if transposed else matrix("w", inner, 7, "int8")
    memory = memory_of(a, out, weights, a=left, w=right.T if transposed else right)
    run_steps([Product(a=a, weights=weights, out=out, transposed=transposed)], memory, lanes=4)
    assert (load(memory, out) == left @ right).all()


def test_scales_of_groups_count_weights_and_sums_wrap():
    a, out = matrix("a", 1, 5, "int8"), matrix("out", 1, 2, "int32")
    weights, scales = matrix("w", 5, 2, "int4"), matrix("s", 3, 2, "uint8")
    memory = memory_of(
        a, out, weights, scales,
        a=np.array([1, 2, 3, 4, 5]), w=np.array([[1, 1], [1, 1], [2, 0], [2, 0], [-8, 7]]),
        s=np.array([[1, 255], [10, 1], [3, 2]]),
    )  # fmt: skip
    run_steps([Product(a=a, weights=weights, out=out, scales=scales, group=2)], memory, lanes=4)
    assert load(memory, out).tolist() == [[3 + 10 * 14 - 3 * 40, 255 * 3 + 2 * 35]]

    long, big, total = matrix("l", 1, 70000, "int8"), matrix("b", 70000, 1, "int8"), matrix("t", 1, 1, "int32")
    memory = memory_of(long, big, total, l=np.full(70000, -128), b=np.full(70000, -128))
    memory |= memory_of(scales := matrix("g", 1, 1, "uint8"), g=np.array([2]))
    run_steps([Product(a=long, weights=big, out=total, scales=scales, group=70000)], memory, lanes=4)
    assert load(memory, total)[0, 0] == 70000 * 128 * 128 * 2 - 2**32


def test_e2m1_counts_in_halves_and_e8m0_in_powers_of_two():
    a, out = matrix("a", 1, 4, "int8"), matrix("out", 1, 3, "int32")
    weights, scales = matrix("w", 4, 3, "fp4_e2m1"), matrix("s", 2, 3, "e8m0")
    memory = memory_of(
        a, out, weights, scales,
        a=np.array([1, 10, 100, -100]), w=np.array([[1, 2, 3], [4, 5, 6], [7, 15, 8], [0, 8, 9]]),
        s=np.array([[0, 1, 5], [0, 2, 15]]),
    )  # fmt: skip
    run_steps([Product(a=a, weights=weights, out=out, scales=scales, group=2)], memory, lanes=4)
    assert load(memory, out).tolist() == [[1 + 40 + 1200, 2 * (2 + 60) - 4 * 1200, 32 * (3 + 80) + 2**15 * 100]]


def test_bits_of_fp32_are_read_as_integers_and_four_of_them_kept():
    a, out = matrix("a", 1, 2), matrix("out", 1, 2, "fp4_e2m1")
    memory = memory_of(a, out)
    store(memory, a, np.array([[1.0, -1.0]]))
    bits = replace(a, bits_as=stored_format("int32"))
    assert load(memory, bits).tolist() == [[0x3F800000, 0x3F800000 - 2**31]]
    term = Scalars("t", 1)
    five = PassOptions(reduce=Reduce.MAXIMUM, scale=0.0, offset=2.0**23 + 5)
    run_steps(
        [Pass(options=five, a=a, linear=term), Pass(options=PassOptions(), a=a, add=term, out=out)], memory, lanes=4
    )
    assert memory["out"].tolist() == [6, 4]


def test_a_pass_reads_and_writes_its_matrices_and_scalars():
    a, b, c, out = matrix("a", 2, 3, "int32"), matrix("b", 1, 3), matrix("c", 2, 3, "bf16"), matrix("out", 2, 3, "int8")
    memory = memory_of(a, b, c, out, a=np.array([[1, 2, 3], [4, 5, -60]]))
    store(memory, b, np.array([[1.0, 0.5, 2.0]]))
    store(memory, c, np.full((2, 3), 0.25))
    magnitude = PassOptions(reduce=Reduce.MAGNITUDE, scale=0.5, inverse=Inverse.RECIPROCAL)
    two, half = Scalars("m", 2), Scalars("i", 2)
    scalars = run_steps(
        [
            Pass(options=magnitude, a=a, linear=two, inverse=half),
            Pass(options=PassOptions(), a=a, multiply=two, b=b.repeated(2), c=c, out=out),
        ],
        memory,
        lanes=4,
    )
    assert scalars["m"].tolist() == [1.5, 30]
    assert scalars["i"] == pytest.approx([1 / 1.5, 1 / 30])
    # Ties to even, saturating.
    assert load(memory, out).tolist() == [[2, 2, 9], [120, 75, -128]]


def test_parts_are_places_of_the_whole():
    whole = matrix("x", 6, 8, "int8")
    memory = memory_of(whole, x=np.arange(48))
    table = np.arange(48).reshape(6, 8)
    part = whole.part(rows=slice(2, 5), columns=slice(3, 7))
    assert (load(memory, part) == table[2:5, 3:7]).all()
    assert (load(memory, part.part(rows=slice(1, 2)).repeated(3)) == table[3, 3:7]).all()
    assert (load(memory, whole.reshaped(12, 4)) == table.reshape(12, 4)).all()
    codes(memory, part)[:] = 0
    assert memory["x"].sum() == table.sum() - table[2:5, 3:7].sum()


A, INT8 = matrix("a", 2, 3), matrix("e", 2, 3, "int8")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Matrix(A.buffer, 2, 3, 4), "a: element 6 of 6"),
        (lambda: Matrix(A.buffer, 2, 3, 3, -1), "a: element -1 of 6"),
        (lambda: Matrix(A.buffer, 0, 3, 3), "a: 0 x 3 elements are no matrix"),
        (lambda: A.repeated(2), "a: 2 rows are not one"),
        (lambda: A.part(columns=slice(0, 2)).reshaped(1, 4), "a: 2 x 2 is not 1 x 4 without gaps"),
        (lambda: Scalars("s", 3).part(2, 2), "s: scalars 2 to 3 of 3"),
        (lambda: Pass(options=PassOptions(), a=A, b=matrix("b", 3, 2)), "b: 3 x 2 beside 2 x 3"),
        (lambda: Pass(options=PassOptions(), a=A, add=Scalars("s", 3)), "s: 3 scalars of 2 rows"),
        (
            lambda: Pass(options=PassOptions(), a=A, out=matrix("s", 2, 3, "int32")),
            "s: a pass cannot write storage int32: int8 or bf16 or fp32$",
        ),
        (lambda: Pass(options=PassOptions(reduce=Reduce.SUM), a=A), "linear = None with reduce = sum"),
        (lambda: Pass(options=PassOptions(), a=A, inverse=Scalars("s", 2)), "with a function none"),
        (lambda: Pass(options=PassOptions(square=True), a=A, b=A), "a: no B beside a square"),
        (lambda: Product(a=INT8, weights=INT8, out=INT8), "e: 2 x 3 is not the shape of 2 x 3 times 2 x 3"),
        (
            lambda: Product(a=INT8, weights=INT8, out=matrix("o", 2, 2), transposed=True),
            "o: storage fp32 holds no sums",
        ),
        (lambda: Product(a=A, weights=INT8, out=matrix("o", 2, 2, "int32"), transposed=True), "a: storage fp32 cannot"),
        (
            lambda: Product(
                a=matrix("f", 2, 3, "fp4_e2m1"), weights=INT8, out=matrix("o", 2, 2, "int32"), transposed=True
            ),
            "f: storage fp4_e2m1 cannot be multiplied: int4 or int8$",
        ),
        (
            lambda: Product(a=INT8, weights=A, out=matrix("o", 2, 2, "int32"), transposed=True),
            "a: storage fp32 cannot be multiplied: int4 or int8 or fp4_e2m1$",
        ),
        (
            lambda: Product(a=INT8, weights=INT8, out=matrix("o", 2, 2, "int32"), transposed=True, group=2),
            "o: group = 2 with scales = None",
        ),
        (
            lambda: Product(
                a=INT8, weights=matrix("w", 3, 2, "int8"), out=matrix("o", 2, 2, "int32"), group=2, scales=INT8
            ),
            "e: .* do not scale groups of 2 of 3 x 2",
        ),
    ],
)
def test_steps_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_contents_of_another_size_are_refused():
    with pytest.raises(ValueError, match="a: 5 elements for 6"):
        memory_of(A, a=np.zeros(5))
