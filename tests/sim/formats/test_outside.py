"""The formats against libraries of others, wherever those define them."""

import gfloat
import gfloat.formats as gf
import ml_dtypes
import numpy as np
import pytest

from tests.sim.formats.checks import positive_codes, probes, same
from tilewright.sim.formats import (
    BF16,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    FP32,
    Blocks,
    Int,
    Minifloat,
    Posit,
    parse_format,
)

DTYPES = {
    E2M1: ml_dtypes.float4_e2m1fn,
    E2M3: ml_dtypes.float6_e2m3fn,
    E3M2: ml_dtypes.float6_e3m2fn,
    E4M3: ml_dtypes.float8_e4m3fn,
    E5M2: ml_dtypes.float8_e5m2,
    Minifloat(4, 3): ml_dtypes.float8_e4m3,
    Minifloat(3, 4): ml_dtypes.float8_e3m4,
    BF16: ml_dtypes.bfloat16,
    FP16: np.float16,
    FP32: np.float32,
}
GFLOAT = {
    E2M1: gf.format_info_ocp_e2m1,
    E2M3: gf.format_info_ocp_e2m3,
    E3M2: gf.format_info_ocp_e3m2,
    E4M3: gf.format_info_ocp_e4m3,
    E5M2: gf.format_info_ocp_e5m2,
    BF16: gf.format_info_bfloat16,
    FP16: gf.format_info_binary16,
}
BLOCKS = {
    "mxfp4": gf.format_info_mxfp4_e2m1,
    "mxfp6_e3m2": gf.format_info_mxfp6_e3m2,
    "mxfp6_e2m3": gf.format_info_mxfp6_e2m3,
    "mxfp8_e4m3": gf.format_info_mxfp8_e4m3,
    "mxfp8_e5m2": gf.format_info_mxfp8_e5m2,
    "mxint8": gf.format_info_mxint8,
}


def some_codes(fmt) -> np.ndarray:
    """Return all codes of values >= 0, or many of them."""
    if fmt.bits <= 16:
        return positive_codes(fmt)
    return np.random.default_rng(1).choice(int(fmt.encode(fmt.max)), 20_000)


def unsigned(numbers: np.ndarray, bits: int) -> np.ndarray:
    return numbers.view(f"u{numbers.dtype.itemsize}") & ((1 << bits) - 1)


@pytest.mark.parametrize("fmt", DTYPES, ids=str)
def test_ml_dtypes_and_numpy(fmt):
    dtype = DTYPES[fmt]
    codes = np.concatenate([some_codes(fmt), (1 << fmt.bits) - 1 - some_codes(fmt)]).astype(fmt.code_dtype)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        assert same(fmt.decode(codes), codes.view(dtype).astype(np.float64)).all()
    numbers = probes(fmt, some_codes(fmt))
    # ml_dtypes and numpy never saturate where there is an infinity or a NaN to go to. They keep a NaN's sign, and
    # have no rule for NaN in formats without one.
    numbers = numbers[~np.isnan(numbers)]
    with np.errstate(over="ignore", under="ignore"):
        theirs = unsigned(rounded_once(numbers, dtype), fmt.bits)
    ours = fmt.encode(numbers, saturate=False)
    # NaN from overflow keeps its sign there.
    assert (np.isnan(fmt.decode(ours)) == np.isnan(fmt.decode(theirs))).all()
    assert (np.isnan(fmt.decode(ours)) | (ours == theirs)).all()


def rounded_once(numbers: np.ndarray, dtype) -> np.ndarray:
    """Convert float64, without ml_dtypes' detour over float32: a number beside a tie must not become the tie."""
    if dtype in (np.float16, np.float32):
        return numbers.astype(dtype)
    # Rounded to odd, float32 keeps on which side of the tie it was.
    single = numbers.astype(np.float32)
    inexact = np.isfinite(single) & (single.astype(np.float64) != numbers) & (single.view(np.uint32) & 1 == 0)
    away = np.where(np.abs(single.astype(np.float64)) < np.abs(numbers), 1, -1).astype(np.int32)
    zero = single == 0
    odd = np.where(zero, np.copysign(np.float32(1e-45), numbers), (single.view(np.int32) + away).view(np.float32))
    return np.where(inexact, odd, single).astype(dtype)


@pytest.mark.parametrize("bits", [2, 4])
def test_ml_dtypes_int(bits):
    dtype = {2: ml_dtypes.int2, 4: ml_dtypes.int4}[bits]
    codes = np.arange(1 << bits, dtype=np.uint8)
    signed = np.where(codes >> (bits - 1), codes.astype(int) - (1 << bits), codes)
    assert (Int(bits).decode(codes) == signed.astype(dtype).astype(np.float64)).all()


def test_ml_dtypes_e8m0():
    codes = np.arange(256, dtype=np.uint8)
    theirs = codes.view(ml_dtypes.float8_e8m0fnu).astype(np.float64)
    assert same(E8M0.decode(codes), theirs).all()
    assert (E8M0.encode(theirs) == codes).all()


@pytest.mark.parametrize("fmt", GFLOAT, ids=str)
def test_gfloat(fmt):
    info = GFLOAT[fmt]
    assert (fmt.bits, fmt.max, fmt.min) == (info.k, info.max, info.smallest)
    assert fmt.has_inf == (info.num_posinfs > 0)
    codes = np.arange(0, 1 << fmt.bits, 1 if fmt.bits <= 8 else 37)
    assert same(fmt.decode(codes), gfloat.decode_ndarray(info, codes)).all()
    numbers = probes(fmt, some_codes(fmt)[:: 1 if fmt.bits <= 8 else 101])
    if not fmt.has_nan:
        numbers = numbers[~np.isnan(numbers)]  # gfloat has no rule for it
    for saturate in (True, False) if fmt.has_nan else (True,):
        theirs = np.array([gfloat.round_float(info, float(x), sat=saturate) for x in numbers])
        assert same(fmt.decode(fmt.encode(numbers, saturate=saturate)), theirs).all()


@pytest.mark.parametrize("name", BLOCKS)
def test_gfloat_blocks(name):
    fmt, info = parse_format(name), BLOCKS[name]
    rng = np.random.default_rng(2)
    values = rng.standard_normal((60, 32)) * 2.0 ** rng.integers(-140, 100, (60, 1))
    values[0] = 0.0
    values[1, :] = rng.choice([-2.0, -1.5, 1.75, 0.25], 32)
    blocks = fmt.encode(values)
    decoded = fmt.decode(blocks)
    for row, scale, elements, ours in zip(values, blocks.scales[:, 0], blocks.elements, decoded, strict=True):
        # It keeps a block as the scale's code and the elements' codes.
        theirs = np.array(list(gfloat.decode_block(info, [int(scale), *elements.tolist()])))
        assert (ours == theirs).all()
        quantised = gfloat.quantize_block(info, row, gfloat.compute_scale_amax)
        assert (ours == quantised).all()
    assert fmt.element.bits == info.element_bits
    assert fmt.bits_per_value * fmt.block == 8 * info.block_size_bytes


# What follows needs the Python binding of Cerlane Leong's SoftPosit, the reference of the posit standard's 2018 draft.
POSITS = {Posit(8, 0): "8", Posit(16, 1): "16", Posit(32, 2): "32"}


@pytest.fixture(scope="module")
def softposit():
    return pytest.importorskip("softposit", reason="softposit could not be built here (see Makefile)")


@pytest.mark.parametrize("fmt", POSITS, ids=str)
def test_softposit_conversions(softposit, fmt):
    size = POSITS[fmt]
    make, back = getattr(softposit, f"posit{size}"), getattr(softposit, f"convertP{size}ToDouble")
    convert = getattr(softposit, f"convertDoubleToP{size}")
    codes = np.arange(1 << fmt.n) if fmt.n <= 16 else np.random.default_rng(3).integers(0, 1 << 32, 20_000)
    codes = codes[codes != fmt.nan_code]  # softposit turns NaR into infinity, having no NaN in mind
    theirs = [float(back(make(bits=int(c)).v)) for c in codes]
    assert (fmt.decode(codes) == theirs).all()
    low = some_codes(fmt)[:: 1 if fmt.n == 8 else 5]
    numbers = probes(fmt, low)
    assert (fmt.encode(numbers) == [convert(float(x)).v for x in numbers]).all()


@pytest.mark.parametrize("fmt", POSITS, ids=str)
@pytest.mark.parametrize(("operation", "name"), [("add", "add"), ("multiply", "mul")])
def test_softposit_operations(softposit, fmt, operation, name):
    size = POSITS[fmt]
    make, theirs = getattr(softposit, f"posit{size}"), getattr(softposit, f"p{size}_{name}")
    if fmt.n == 8:
        a, b = np.divmod(np.arange(1 << 16), 256)
    else:
        rng = np.random.default_rng(4)
        a = rng.integers(0, 1 << fmt.n, 20_000)
        b = np.where(rng.random(20_000) < 0.5, rng.integers(0, 1 << fmt.n, 20_000), -a + rng.integers(-9, 9, 20_000))
        b %= 1 << fmt.n
    posits = {int(c): make(bits=int(c)).v for c in np.unique([a, b])}
    expected = [theirs(posits[x], posits[y]).v for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert (getattr(fmt, operation)(a, b) == expected).all()


@pytest.mark.parametrize("fmt", POSITS, ids=str)
def test_softposit_quires(softposit, fmt):
    size = POSITS[fmt]
    make, quire = getattr(softposit, f"posit{size}"), getattr(softposit, f"quire{size}")
    rng = np.random.default_rng(5)
    # 2**6 of the largest products fit in a quire.
    a = rng.integers(0, 1 << fmt.n, (300, 40))
    b = rng.integers(0, 1 << fmt.n, (300, 40))
    a[a == fmt.nan_code] = 1
    b[b == fmt.nan_code] = 1
    # Half of the products again, negated, so that what is left of most sums is small.
    b[:, 20:39] = -b[:, :19] % (1 << fmt.n)
    a[:, 20:39] = a[:, :19]
    results = fmt.dot(a, b)
    for x, y, result in zip(a.tolist(), b.tolist(), results.tolist(), strict=True):
        total = quire()
        for p, q in zip(x, y, strict=True):
            total.qma(make(bits=p), make(bits=q))
        assert total.toPosit().v.v == result
    largest, smallest, minus = (make(bits=c) for c in ((1 << fmt.n - 1) - 1, 1, (1 << fmt.n - 1) + 1))
    total = quire()
    total.qma(largest, largest)
    total.qma(smallest, smallest)
    total.qma(minus, largest)
    codes = [(1 << fmt.n - 1) - 1, 1, (1 << fmt.n - 1) + 1], [(1 << fmt.n - 1) - 1, 1, (1 << fmt.n - 1) - 1]
    assert fmt.dot(*codes) == total.toPosit().v.v == 1


def test_blocks_of_others_decode():
    # An MXFP4 block written by hand, as OCP MX v1.0 lays out its parts.
    elements = np.zeros(32, dtype=np.uint8)
    elements[:4] = [0b0_01_0, 0b1_01_1, 0b0_11_1, 0b0_00_1]
    decoded = parse_format("mxfp4").decode(Blocks(np.array([130]), elements))
    assert decoded[:4].tolist() == [8, -12, 48, 4]
