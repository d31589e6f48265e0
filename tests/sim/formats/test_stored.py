import re
from fractions import Fraction
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tilewright.sim.formats import scalar, stored, stored_format

ROOT = Path(__file__).parents[3]
COUNTED = [*stored.WEIGHTS, *stored.GROUP_SCALES]
OUTSIDE = {
    stored.INT4: (ml_dtypes.int4, 1),
    stored.INT8: (np.int8, 1),
    stored.FP4_E2M1: (ml_dtypes.float4_e2m1fn, 0.5),
    stored.UINT8: (np.uint8, 1),
    stored.SHIFT_E8M0: (ml_dtypes.float8_e8m0fnu, 2.0**-127),
    stored.BF16: (ml_dtypes.bfloat16, None),
    stored.FP32: (np.float32, None),
    stored.INT32: (np.int32, 1),
}
"""Types of other libraries, and the value of a count."""
WORDS = np.random.default_rng(1).integers(0, 1 << 32, 50_000, np.uint32)


def all_codes(form) -> np.ndarray:
    """Return all codes, or many of a format of 32 bits, unsigned."""
    if form.bits > 16:
        return WORDS.astype(form.format.code_dtype)
    return np.arange(1 << form.bits, dtype=form.format.code_dtype)


@pytest.mark.parametrize("form", OUTSIDE, ids=str)
def test_codes_mean_what_other_libraries_say(form):
    dtype, unit = OUTSIDE[form]
    codes = all_codes(form)
    # The 4-bit types of ml_dtypes are views of bytes: of int4 the low half counts.
    with np.errstate(invalid="ignore"):  # signalling NaNs
        values = codes.view(dtype).astype(np.float64)
    numbers = form.decode(form.kept(codes)) * (unit or 1)
    assert np.array_equal(numbers, values, equal_nan=True)
    assert form.kept(codes).dtype == form.dtype


@pytest.mark.parametrize("form", COUNTED, ids=str)
def test_counts_are_the_exact_multiples_of_the_unit(form):
    for code in range(1 << form.bits):
        value = scalar.decode(form.format, code)
        if isinstance(value, Fraction):
            assert Fraction(float(form.decode(np.array(code)))) * Fraction(form.unit) == value


@pytest.mark.parametrize("form", OUTSIDE, ids=str)
def test_every_code_survives_decoding_and_encoding(form):
    codes = form.kept(all_codes(form))
    numbers = form.decode(codes)
    there = form.encode(numbers)
    assert there.dtype == form.dtype
    # Two exceptions: -0 of a counted format, and the many NaNs of FP32 and BF16.
    usual = ~np.isnan(numbers) & ((form.unit is None) | (numbers != 0))
    assert (there == codes)[usual].all()
    assert np.isnan(form.decode(there)[np.isnan(numbers)]).all()
    if form.unit is not None:
        assert not there[numbers == 0].any()


@pytest.mark.parametrize("form", stored.WEIGHTS, ids=str)
def test_numbers_become_the_nearest_count(form):
    numbers = np.linspace(1.5 * form.lowest, 1.5 * form.largest, 4001)
    counts = form.decode(form.encode(numbers))
    nearest = np.abs(numbers[:, None] - form.counts).min(axis=1)
    assert np.allclose(np.abs(numbers - counts), nearest, rtol=0, atol=1e-12)
    assert not form.encode(np.array([-0.0, -1e-9])).any()


@pytest.mark.parametrize(
    ("form", "largest", "lowest", "count_bits", "bits", "scratchpad_bytes"),
    [
        (stored.INT4, 7, -8, 4, 4, 1),
        (stored.INT8, 127, -128, 8, 8, 1),
        (stored.FP4_E2M1, 12, -12, 5, 4, 4),
        (stored.INT32, (1 << 31) - 1, -(1 << 31), 32, 32, 4),
        (stored.UINT8, 255, 0, 9, 8, 1),
    ],
    ids=str,
)
def test_limits(form, largest, lowest, count_bits, bits, scratchpad_bytes):
    found = (form.largest, form.lowest, form.count_bits, form.bits, form.scratchpad_bytes)
    assert found == (largest, lowest, count_bits, bits, scratchpad_bytes)


def test_counts_of_e2m1_are_halves():
    assert stored.FP4_E2M1.counts.tolist() == [-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12]


def test_bytes_of_floating_point_in_the_scratchpad():
    assert (stored.BF16.scratchpad_bytes, stored.FP32.scratchpad_bytes) == (2, 4)


def test_only_the_low_bits_are_kept():
    written = np.array([0x7F, -1, -8, 0x17], np.int8)
    assert stored.INT4.kept(written).tolist() == [-1, -1, -8, 7]
    assert stored.FP4_E2M1.kept(np.array([0x4B00000F, 0xC2], np.uint32)).tolist() == [15, 2]
    assert stored.INT8.kept(written).tolist() == written.tolist()


def test_labels():
    assert [form.label for form in stored.WEIGHTS] == ["INT4", "INT8", "FP4 (E2M1)"]


def test_formats_by_name():
    for form in OUTSIDE:
        assert stored_format(str(form)) is form
    with pytest.raises(ValueError, match="unknown stored format 'int5': one of int4, int8, fp4_e2m1, uint8"):
        stored_format("int5")


def test_floating_point_is_not_counted():
    with pytest.raises(ValueError, match="bf16: numbers are not counted"):
        _ = stored.BF16.largest


@pytest.mark.parametrize("form", OUTSIDE, ids=str)
def test_fp32_numbers_are_the_decoded_ones_rounded(form):
    codes = form.kept(all_codes(form))
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = form.decode(codes).astype(np.float32)
        assert np.array_equal(form.to_fp32(codes), numbers, equal_nan=True)
        there = form.from_fp32(numbers)
    usual = ~np.isnan(numbers)
    assert there.dtype == form.dtype
    assert (there == form.encode(numbers.astype(np.float64)))[usual].all()


def test_the_table_of_the_documentation():
    text = (ROOT / "docs" / "formats.md").read_text()
    rows = [re.fullmatch(r"\| [A-Z0-9 ]+ \(`(\w+)`\) \|[^|]*\|(.*)\|", line) for line in text.splitlines()]
    found = {row[1]: [cell.strip() for cell in row[2].split("|")] for row in rows if row}
    assert set(found) == {form.name for form in OUTSIDE}
    for name, cells in found.items():
        form = stored_format(name)
        bits, unit, largest, lowest, scratchpad_bytes = cells
        assert (int(bits), int(scratchpad_bytes)) == (form.bits, form.scratchpad_bytes)
        numbers = [eval(cell.replace("^", "**")) if cell else None for cell in (unit, largest, lowest)]
        counted = form.unit is not None
        assert numbers == ([form.unit, form.largest, form.lowest] if counted else [None, None, None])


@pytest.mark.parametrize("folder", ["hw", "mapping", "sim/graph", "sim/isa", "sim/machine"])
def test_formats_have_no_other_spelling(folder):
    # Only files, the command line and configurations call a format by its name.
    pattern = re.compile(rf"""[=(,\[{{] ?["']({"|".join(form.name for form in OUTSIDE)})["']""")
    allowed = {"hw/mac/core.py"}  # names of submodules
    spelled = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in allowed
        for line in path.read_text().splitlines()
        if pattern.search(line)
    ]
    assert not spelled
