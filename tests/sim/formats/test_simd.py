"""SIMD words and their dot products: against exact rationals, libraries of others, and in time."""

import time
import tracemalloc
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from tests.sim.formats.checks import same, to_value
from tilewright.sim.formats import (
    ALL_MODES,
    BF16,
    XR_NPE_MODES,
    Mode,
    Posit,
    matmul,
    pack,
    parse_modes,
    scalar,
    simd_dot,
    simd_matmul,
    simd_sum,
    unpack,
)
from tilewright.sim.formats.scalar import Special

MODES = pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.label)


def random_words(rng: np.random.Generator, mode: Mode, shape: tuple[int, ...], *, finite: bool = False) -> np.ndarray:
    """Return words of which half the codes are any, others zero, extreme, or near one another."""
    ends = mode.format.encode([0.0, -0.0, mode.format.min, mode.format.max, mode.format.lowest, 1.0])
    codes = rng.integers(0, 1 << mode.bits, (*shape[:-1], shape[-1] * mode.lanes))
    codes = np.where(rng.random(codes.shape) < 0.2, rng.choice(ends, codes.shape), codes)
    if mode is Mode.BF16:
        # Of like size, so that most products lie in the window or at its edges.
        near = BF16.encode(rng.choice([1, -1], codes.shape) * np.exp2(rng.uniform(-45, 18, codes.shape)))
        codes = np.where(rng.random(codes.shape) < 0.8, near, codes)
    if finite:
        codes = np.where(np.isfinite(mode.format.decode(codes)), codes, 1)
    return pack(mode, codes)


def check_sums(mode: Mode, a: np.ndarray, b: np.ndarray) -> list:
    """Assert that the sums of rows of words are those of the specification, rounded to odd, and return them."""
    sums = [scalar.simd_dot(mode, x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    for total, got in zip(sums, simd_sum(mode, a, b), strict=True):
        value = to_value(got)
        if isinstance(total, Special) or total == value:
            assert value == total, (mode, got, total)
        else:
            assert isinstance(value, Fraction)
            assert int(got.view(np.int64)) & 1, "what is rounded is odd"
            assert abs(value - total) < Fraction(float(np.spacing(abs(got))))
    for out in Mode:
        codes = simd_dot(mode, a, b, out)
        assert codes.tolist() == [scalar.encode(out.format, total) for total in sums]
    return sums


def test_modes():
    assert [mode.lanes for mode in Mode] == [4, 4, 4, 2, 2, 2, 2, 1, 1]
    assert [mode.bits for mode in Mode] == [4, 4, 4, 8, 8, 8, 8, 16, 16]
    assert [mode.label for mode in Mode] == [mode.format.name for mode in Mode]
    assert tuple(int(mode) for mode in ALL_MODES) == tuple(range(9))


def test_modes_are_read():
    assert parse_modes("all") == ALL_MODES
    assert parse_modes("xr-npe") == XR_NPE_MODES == parse_modes("posit16_1,fp4_e2m1, posit8_0,posit4_1")
    assert parse_modes("bf16") == (Mode.BF16,)
    with pytest.raises(ValueError, match=r"^modes = fp4_e2m1,fp5 is not allowed: 'fp5' is none of all, xr-npe, fp4"):
        parse_modes("fp4_e2m1,fp5")
    with pytest.raises(ValueError, match=r"^modes = int4,int4 is not allowed: each mode once"):
        parse_modes("int4,int4")
    with pytest.raises(ValueError, match=r"^modes =  is not allowed: '' is none"):
        parse_modes("")


def test_words_by_hand():
    assert pack(Mode.INT4, [1, 2, 3, 4, -1]).tolist() == [0x4321, 0x000F]
    assert pack(Mode.INT8, [[0x12, 0x34], [-1, 0x56]]).tolist() == [[0x3412], [0x56FF]]
    assert pack(Mode.BF16, [0x3F80, 0x8000]).tolist() == [0x3F80, 0x8000]
    assert pack(Mode.INT8, np.zeros((3, 0), int)).shape == (3, 0)
    assert unpack(Mode.INT4, [0x4321]).tolist() == [1, 2, 3, 4]
    assert unpack(Mode.POSIT8_0, np.array([[0x3412]], np.uint16)).tolist() == [[0x12, 0x34]]
    assert unpack(Mode.FP4_E2M1, np.zeros((2, 3), np.uint16)).dtype == np.uint8
    # 1 * 1 + 2 * -1 + 3 * 2 + 4 * 0 and so on.
    assert simd_sum(Mode.INT4, [0x4321], [0x02F1]) == 5


@MODES
def test_words_there_and_back(mode):
    words = np.arange(1 << 16, dtype=np.uint16).reshape(16, -1)
    codes = unpack(mode, words)
    assert codes.shape == (16, 4096 * mode.lanes)
    assert codes.dtype == mode.format.code_dtype
    assert (pack(mode, codes) == words).all()
    assert (pack(mode, codes.astype(np.int64) - (1 << mode.bits)) == words).all()


@MODES
def test_random_sums_against_rationals(mode):
    rng = np.random.default_rng(int(mode) + 1)
    for length, rows, finite in ((1, 60, False), (3, 20, False), (3, 20, True), (40, 8, True), (700, 1, True)):
        shape = rows, length
        check_sums(mode, random_words(rng, mode, shape, finite=finite), random_words(rng, mode, shape, finite=finite))


@MODES
def test_sums_that_cancel(mode):
    rng = np.random.default_rng(9)
    format = mode.format
    a, b = random_words(rng, mode, (6, 20), finite=True), random_words(rng, mode, (6, 20), finite=True)
    if mode is Mode.BF16:
        # A too large product would not cancel.
        a, b = BF16.encode(rng.standard_normal((2, 6, 20)) * np.exp2(rng.uniform(-40, 13, (2, 6, 20))))
    a_codes = unpack(mode, a)
    values = format.decode(a_codes)
    a_codes[values == format.lowest] = format.encode(-format.max)  # the integer without a negative
    minus = format.encode(-format.decode(a_codes))
    a, minus = pack(mode, a_codes), pack(mode, minus)
    least = 1.0 if mode is not Mode.BF16 else 2.0**-33
    tiny = pack(mode, np.array([[format.encode(least)]] * 6))
    sums = check_sums(mode, np.concatenate([a, tiny, minus], 1), np.concatenate([b, tiny, b], 1))
    assert sums == [Fraction(least) ** 2] * 6


def bf16_words(*values: float) -> np.ndarray:
    words = BF16.encode(values)
    assert BF16.decode(words).tolist() == list(values)
    return words


def test_window_of_bf16_by_hand():
    # 1.0 is 128 * 2**-7: a product of two powers of two is 2**14 * 2**(e - 14).
    rows = {
        (2.0**-33, 2.0**-33): 2.0**-66,  # e = -80
        (2.0**-34, 2.0**-33): 0.0,
        (1.9921875 * 2.0**-34, -1.9921875 * 2.0**-33): 0.0,
        (1.9921875 * 2.0**-33, -1.9921875 * 2.0**-33): -(1.9921875**2) * 2.0**-66,
        (2.0**15, 2.0**14): 2.0**29,  # e = 15
        (-1.9921875 * 2.0**15, 1.9921875 * 2.0**14): -(1.9921875**2) * 2.0**29,
        (2.0**15, 2.0**15): np.inf,
        (-(2.0**15), 2.0**15): -np.inf,
        (2.0**-133, 2.0**100): 2.0**-33,  # subnormal: 1 * 2**-133
        (2.0**-133, 2.0**60): 2.0**-73,  # -133 + 53 = -80
        (2.0**-133, 2.0**59): 0.0,
        (2.0**-127, 2.0**59): 0.0,
        (2.0**-126, 2.0**60): 2.0**-66,
        (0.0, 2.0**127): 0.0,
        (2.0**127, 2.0**127): np.inf,
        (np.inf, 2.0**-133): np.inf,
        (-np.inf, 0.0): np.nan,
    }
    a, b = (bf16_words(*column)[:, None] for column in zip(*rows, strict=True))
    assert same(simd_sum(Mode.BF16, a, b), np.array(list(rows.values()))).all()
    check_sums(Mode.BF16, a, b)
    big, minus = bf16_words(2.0**20, -(2.0**20))
    assert np.isnan(simd_sum(Mode.BF16, [big, minus], [big, big]))
    assert simd_sum(Mode.BF16, [big, minus], [big, minus]) == np.inf
    # Zeros of too large a partner count as zeros; what is too small is not kept for later.
    assert simd_sum(Mode.BF16, np.tile(bf16_words(2.0**-34), 1000), np.tile(bf16_words(2.0**-33), 1000)) == 0


def test_window_of_bf16_at_every_exponent():
    codes = np.arange(0, 256) << 7 | 0x55
    a, b = (x.reshape(-1, 1) for x in np.meshgrid(codes, codes | 0x8000, indexing="ij"))
    got = simd_sum(Mode.BF16, a, b)
    every = np.multiply.outer(BF16.decode(codes), BF16.decode(codes | 0x8000)).reshape(-1)
    exponents = np.add.outer(*[np.maximum(np.arange(256), 1) - 134] * 2).reshape(-1)
    expected = np.where(exponents > 15, -np.inf, np.where(exponents < -80, 0.0, every))
    assert same(got, np.where(np.isfinite(every), expected, every)).all()
    # What a user may rely on: products in [2**-64, 2**31) as they are.
    plain = (np.abs(every) >= 2.0**-64) & (np.abs(every) < 2.0**31)
    assert (got == every)[plain].all()
    assert plain.sum() > 10_000


DTYPES = {
    Mode.FP4_E2M1: ml_dtypes.float4_e2m1fn,
    Mode.FP8_E4M3: ml_dtypes.float8_e4m3fn,
    Mode.FP8_E5M2: ml_dtypes.float8_e5m2,
    Mode.BF16: ml_dtypes.bfloat16,
}


@pytest.mark.parametrize("mode", DTYPES, ids=lambda mode: mode.label)
def test_against_ml_dtypes(mode):
    rng = np.random.default_rng(11)
    dtype = DTYPES[mode]
    a, b = (rng.standard_normal((500, 4 * mode.lanes)).astype(np.float32).astype(dtype) for _ in range(2))
    if mode is not Mode.FP4_E2M1:
        a[:20, 3] = np.nan
        b[20:30, 1] = -np.inf if mode is not Mode.FP8_E4M3 else np.nan
    kind = f"u{mode.format.code_dtype.itemsize}"
    products = a.astype(np.float64) * b.astype(np.float64)
    # A few products of like size: float64 has room.
    expected = products.sum(axis=1)
    got = simd_sum(mode, pack(mode, a.view(kind)), pack(mode, b.view(kind)))
    assert same(got, expected + 0.0).all()
    codes = simd_dot(mode, pack(mode, a.view(kind)), pack(mode, b.view(kind)))
    if mode is Mode.FP4_E2M1:
        # There is nothing above its largest value.
        expected = np.clip(expected, -6, 6)
    kept = np.isfinite(expected)
    with np.errstate(over="ignore"):
        theirs = expected.astype(np.float32).astype(dtype)
    assert (codes[kept] == theirs.view(kind)[kept]).all()
    assert (np.isnan(mode.format.decode(codes)) == np.isnan(expected)).all()


@pytest.mark.parametrize("mode", [Mode.POSIT8_0, Mode.POSIT16_1], ids=lambda mode: mode.label)
def test_against_softposit(mode):
    softposit = pytest.importorskip("softposit", reason="softposit could not be built here (see Makefile)")
    make, quire = getattr(softposit, f"posit{mode.bits}"), getattr(softposit, f"quire{mode.bits}")
    rng = np.random.default_rng(12)
    # A quire has room for 2**6 of the largest products.
    a, b = (random_words(rng, mode, (200, 40 // mode.lanes), finite=True) for _ in range(2))
    results = simd_dot(mode, a, b)
    for x, y, result in zip(unpack(mode, a).tolist(), unpack(mode, b).tolist(), results.tolist(), strict=True):
        total = quire()
        for p, q in zip(x, y, strict=True):
            total.qma(make(bits=p), make(bits=q))
        assert total.toPosit().v.v == result


@pytest.mark.parametrize("mode", [Mode.INT4, Mode.INT8], ids=lambda mode: mode.label)
def test_against_integers(mode):
    rng = np.random.default_rng(13)
    a, b = rng.integers(-(1 << mode.bits - 1), 1 << mode.bits - 1, (2, 50, 1000))
    expected = (a * b).sum(axis=1)
    assert (simd_sum(mode, pack(mode, a), pack(mode, b)) == expected).all()
    assert (simd_matmul(mode, a, b) == a @ b.T).all()


@MODES
def test_leading_axes_broadcast(mode):
    rng = np.random.default_rng(14)
    a, b = random_words(rng, mode, (5, 1, 9), finite=True), random_words(rng, mode, (7, 9))
    sums = simd_sum(mode, a, b)
    assert sums.shape == (5, 7)
    for i in range(5):
        assert same(sums[i], np.array([simd_sum(mode, a[i, 0], row) for row in b])).all()
    assert simd_sum(mode, a[..., :0], b[:, :0]).tolist() == [[0.0] * 7] * 5
    with pytest.raises(ValueError, match=r"shapes .* last axes must have one length"):
        simd_sum(mode, a, b[:, :-1])


@MODES
@pytest.mark.parametrize("kind", ["any", "finite", "few specials"])
def test_matrix_products_are_the_sums(mode, kind, monkeypatch):
    # Small blocks, so that there are several of each kind.
    monkeypatch.setattr(matmul, "BLOCK_ROWS", 7)
    monkeypatch.setattr(matmul, "BLOCK_COLUMNS", 5)
    monkeypatch.setattr(matmul, "BLOCK_LENGTH", 33)
    rng = np.random.default_rng(15)
    k = 25 * mode.lanes
    a, b = (
        unpack(mode, random_words(rng, mode, (rows, k // mode.lanes), finite=kind != "any"))[:, : k - 3]
        for rows in (17, 13)
    )
    if kind == "few specials":
        specials = mode.format.encode([np.inf, -np.inf, np.nan, 0.0, 1.0])
        a[rng.integers(0, 17, 9), rng.integers(0, k - 3, 9)] = rng.choice(specials, 9)
        b[rng.integers(0, 13, 9), rng.integers(0, k - 3, 9)] = rng.choice(specials, 9)
    sums = simd_matmul(mode, a, b)
    assert same(sums, simd_sum(mode, pack(mode, a)[:, None], pack(mode, b))).all()


@pytest.mark.parametrize("kind", ["normal", "few tiny", "wide"])
def test_bf16_matrix_products_at_the_edges_of_the_window(kind):
    rng = np.random.default_rng(16)
    a, b = rng.standard_normal((20, 300)), rng.standard_normal((30, 300))
    if kind == "few tiny":
        a[3, 5:9] = 2.0**-70
        b[7, 6] = 2.0**-65
        b[9, 8] = -(2.0**66)
    if kind == "wide":
        a, b = (x * np.exp2(rng.uniform(-46, 13, x.shape)) for x in (a, b))
    a, b = BF16.encode(a), BF16.encode(b)
    sums = simd_matmul(Mode.BF16, a, b)
    assert same(sums, simd_sum(Mode.BF16, a[:, None], b)).all()
    assert np.isfinite(sums).mean() > 0.4
    if kind == "wide":
        # Not what sums without a window would give.
        assert (sums != BF16.decode(a) @ BF16.decode(b).T).mean() > 0.5


def test_empty_matrices():
    for mode in (Mode.INT4, Mode.BF16, Mode.POSIT16_1):
        assert simd_matmul(mode, np.zeros((2, 0), int), np.zeros((3, 0), int)).tolist() == [[0.0] * 3] * 2
        assert simd_matmul(mode, np.zeros((0, 4), int), np.zeros((3, 4), int)).shape == (0, 3)


@MODES
def test_large_matrix_products_in_little_time_and_memory(mode):
    rng = np.random.default_rng(17)
    a, b = mode.format.encode(rng.standard_normal((128, 2048))), mode.format.encode(rng.standard_normal((512, 2048)))
    tracemalloc.start()
    start = time.process_time()
    sums = simd_matmul(mode, a, b)
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{mode.label}: {seconds:.2f} s, {peak / 1e6:.0f} MB")
    assert seconds < 10
    assert peak < 500e6
    assert same(sums[77, :9], simd_sum(mode, pack(mode, a[77]), pack(mode, b[:9]))).all()


def test_a_planted_window_without_upper_edge_is_found(monkeypatch):
    monkeypatch.setattr("tilewright.sim.formats.simd.BF16_WINDOW", matmul.Window(-80, 16))
    with pytest.raises(AssertionError):
        test_window_of_bf16_by_hand()


def test_a_planted_float64_accumulator_is_found(monkeypatch):
    mode = Mode.POSIT16_1
    monkeypatch.setattr("tilewright.sim.formats.fixed_point.dot", lambda a, _, b, __: (a * b).cumsum(axis=-1)[..., -1])
    largest = int(Posit(16, 1).encode(2.0**28))
    with pytest.raises(AssertionError):
        check_sums(mode, np.array([[largest, 1, largest]]), np.array([[largest, 1, 0x10000 - largest]]))
