"""Names, properties and errors of formats."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.sim.formats.checks import SMALL_POSITS
from tilewright.sim.config import MacroConfig
from tilewright.sim.formats import (
    BF16,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    FP32,
    NVFP4,
    Int,
    Microscaling,
    Minifloat,
    Mode,
    Posit,
    ScalarFormat,
    format_names,
    parse_format,
    parse_modes,
    stored_format,
)

# name: bits, largest, smallest, significand bits, exponent of the quire's last bit, quire bits, NaN, infinities
PROPERTIES = {
    "posit4_1": (4, 16, 2**-4, 1, -8, 32, 0x8, False),
    "posit8_0": (8, 64, 2**-6, 6, -12, 32, 0x80, False),
    "posit16_1": (16, 2**28, 2**-28, 13, -56, 128, 0x8000, False),
    "posit32_2": (32, 2**120, 2**-120, 28, -240, 512, 1 << 31, False),
    "posit32_4": (32, 2**480, 2**-480, 26, -960, 1952, 1 << 31, False),
    "fp4_e2m1": (4, 6, 0.5, 2, -2, 32, None, False),
    "fp6_e3m2": (6, 28, 2**-4, 3, -8, 32, None, False),
    "fp6_e2m3": (6, 7.5, 2**-3, 4, -6, 32, None, False),
    "fp8_e4m3": (8, 448, 2**-9, 4, -18, 64, 0x7F, False),
    "fp8_e5m2": (8, 57344, 2**-16, 3, -32, 96, 0x7E, True),
    "bf16": (16, float.fromhex("0x1.fep127"), 2**-133, 8, -266, 544, 0x7FC0, True),
    "fp16": (16, 65504, 2**-24, 11, -48, 96, 0x7E00, True),
    "fp32": (32, float(np.finfo(np.float32).max), 2**-149, 24, -298, 576, 0x7FC00000, True),
    "int4": (4, 7, 1, 3, 0, 32, None, False),
    "int8": (8, 127, 1, 7, 0, 32, None, False),
    "int32": (32, 2**31 - 1, 1, 31, 0, 96, None, False),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties(name):
    f = parse_format(name)
    got = (f.bits, f.max, f.min, f.significand_bits, f.quire_lsb, f.quire_bits, f.nan_code, f.has_inf)
    assert got == PROPERTIES[name]
    assert f.has_nan == (f.nan_code is not None)


@pytest.mark.parametrize("fmt", [*SMALL_POSITS, *(Minifloat(e, m, s) for e in (2, 4) for m in (1, 3) for s in ("ieee", "fn", "none")), Int(8, 6)], ids=str)  # fmt: skip
def test_properties_describe_the_codes(fmt):
    values = fmt.decode(np.arange(1 << fmt.bits))
    finite = values[np.isfinite(values)]
    assert (fmt.max, fmt.lowest, fmt.min) == (finite.max(), finite.min(), finite[finite > 0].min())
    assert fmt.has_nan == np.isnan(values).any()
    assert fmt.has_inf == np.isinf(values).any()
    assert fmt.nan_code is None or np.isnan(values[fmt.nan_code])
    # Significands: the least p with every value a p-bit integer times a power of two.
    fractions = np.abs(np.frexp(finite)[0])
    bits = [p for p in range(1, 33) if (fractions * 2.0**p % 1 == 0).all()]
    assert bits[0] <= fmt.significand_bits <= bits[0] + (isinstance(fmt, Int))
    # The quire holds 2**6 of the largest product, to the last bit of the smallest.
    products = np.outer(finite, finite) / 2.0**fmt.quire_lsb
    assert (products % 1 == 0).all()
    assert np.abs(products).max() * 2**6 < 2.0 ** (fmt.quire_bits - 1)


def test_names_and_formats_are_one_to_one():
    names = format_names()
    formats = [parse_format(name) for name in names]
    assert [fmt.name for fmt in formats] == [str(fmt) for fmt in formats] == names
    assert len(set(formats)) == len(names)
    for name in ("posit3_0", "posit32_4", "int2", "int32", "int17"):
        assert parse_format(name).name == name
    required = "posit4_1 posit8_0 posit16_1 fp4_e2m1 fp6_e3m2 fp6_e2m3 fp8_e4m3 fp8_e5m2 bf16 fp16 int4 int8"
    required += " mxfp4 mxfp6_e3m2 mxfp6_e2m3 mxfp8_e4m3 mxfp8_e5m2 mxint8 nvfp4"
    assert set(required.split()) <= set(names)


def test_aliases():
    assert parse_format("mxfp6") == Microscaling(Minifloat(3, 2, "none"))
    assert parse_format("mxfp8") == Microscaling(E4M3)
    assert parse_format("nvfp4") is NVFP4


def test_unusual_formats_have_names_of_their_own():
    formats = [
        Minifloat(4, 3, "ieee"),
        Minifloat(4, 3, "none"),
        E4M3,
        Minifloat(5, 2, "fn"),
        E5M2,
        Int(8),
        Int(8, 6),
        E8M0,
    ]
    assert [str(f) for f in formats] == [
        "fp8_e4m3_ieee", "fp8_e4m3_none", "fp8_e4m3", "fp8_e5m2_fn", "fp8_e5m2", "int8", "int8_f6", "e8m0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("posit8", "unknown format 'posit8' (did you mean 'posit8_0'? one of: posit4_1, "),
        ("E4M3", "unknown format 'E4M3' (did you mean 'fp8_e4m3'? one of: posit4_1, "),
        ("int", "unknown format 'int' (did you mean 'int8'? one of: posit4_1, "),
        ("zzz", "unknown format 'zzz' (one of: posit4_1, "),
        ("", "unknown format '' (one of: posit4_1, "),
        ("posit40_1", "posit40_1: n = 40 is not allowed: 3 to 32"),
        ("posit8_5", "posit8_5: es = 5 is not allowed: 0 to 4"),
        ("int33", "int33: width = 33 is not allowed: 2 to 32"),
        ("fp9m2", "fp9m2: exponent_bits = 9 is not allowed: 2 to 8"),
        ("fp4m24", "fp4m24: mantissa_bits = 24 is not allowed: 1 to 23"),
        ("fp8_e4m2", "fp8_e4m2: bits = 8 is not allowed: sign, 4 and 2 bits are 7"),
        ("fp4m3_ocp", "unknown format 'fp4m3_ocp'"),
        ("int1", "int1: width = 1 is not allowed: 2 to 32"),
    ],
)
def test_bad_names(name, message):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        parse_format(name)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("fp5m2", E5M2),
        ("fp4m3", E4M3),
        ("fp2m1", Minifloat(2, 1, "none")),
        ("fp3m2", Minifloat(3, 2, "none")),
        ("fp2m3", Minifloat(2, 3, "none")),
        ("fp8m7", BF16),
        ("fp5m10", FP16),
        ("fp8m23", FP32),
        ("fp3m4", Minifloat(3, 4)),
        ("fp8_e3m4", Minifloat(3, 4)),
        ("fp4m3_ieee", Minifloat(4, 3, "ieee")),
        ("fp5m2_fn", Minifloat(5, 2, "fn")),
        ("fp6m9", Minifloat(6, 9, saturate=False)),
        ("mxfp5m2", Microscaling(E5M2)),
        ("mxfp3m4", Microscaling(Minifloat(3, 4))),
    ],
)
def test_any_minifloat_has_a_name(name, format):
    assert parse_format(name) == format


def test_the_name_of_a_minifloat_stands_for_it():
    for e, m, specials in itertools.product(range(2, 9), range(1, 24), ("ieee", "fn", "none")):
        format = Minifloat(e, m, specials, saturate=e + m < 15)
        assert parse_format(format.name) == format
        assert parse_format(f"fp{e}m{m}_{specials}") == format


def test_lists_of_formats_take_the_short_names():
    assert parse_modes("fp2m1, fp5m2, fp8m7") == (Mode.FP4_E2M1, Mode.FP8_E5M2, Mode.BF16)
    assert stored_format("fp2m1") == stored_format("fp4_e2m1")
    macro = MacroConfig(rows=16, columns=16, weight_bits=4, weight_format="fp2m1", input_bits=8)
    assert macro.weight_format == "fp4_e2m1"
    with pytest.raises(ValueError, match="'fp3m4' is none of all"):
        parse_modes("fp3m4")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Posit(2, 0), "n = 2 is not allowed: 3 to 32"),
        (lambda: Posit(8, -1), "es = -1 is not allowed: 0 to 4"),
        (lambda: Posit(8.0, 0), "n = 8.0 is not allowed: 3 to 32"),
        (lambda: Minifloat(1, 2), "exponent_bits = 1 is not allowed: 2 to 8"),
        (lambda: Minifloat(4, 0), "mantissa_bits = 0 is not allowed: 1 to 23"),
        (lambda: Minifloat(4, 3, "ocp"), "specials = 'ocp' is not allowed: 'ieee', 'fn' or 'none'"),
        (lambda: Int(8, 8), "fraction_bits = 8 is not allowed: 0 to 7"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        make()


def test_formats_are_values():
    assert Posit(8, 0) == parse_format("posit8_0")
    assert len({Posit(8, 0), Posit(8, 0), Posit(8, 1)}) == 2
    assert isinstance(BF16, ScalarFormat)
    assert FP32.bits_per_value == 32
    with pytest.raises(dataclasses.FrozenInstanceError):
        BF16.exponent_bits = 5


def test_the_tables_of_the_documentation():
    text = (Path(__file__).parents[3] / "docs" / "formats.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    assert [row[0].split("`")[1] for row in rows] == format_names()
    for name, *cells in rows:
        fmt = parse_format(name.split("`")[1])
        if isinstance(fmt, Microscaling):
            assert float(cells[3]) == fmt.bits_per_value
            assert int(cells[1]) == fmt.block
            continue
        bits, largest, smallest, significand, lsb, quire, nan, inf = cells
        numbers = [int(cell) for cell in (bits, significand, lsb, quire)]
        assert numbers == [fmt.bits, fmt.significand_bits, fmt.quire_lsb, fmt.quire_bits]
        assert largest in (f"{fmt.max:.8g}", f"{fmt.max:.2e}".replace("+", ""), f"2^{int(np.log2(fmt.max))}")
        assert smallest in (f"{fmt.min:g}", f"2^{int(np.log2(fmt.min))}")
        expected = "no" if fmt.nan_code is None else "NaR" if isinstance(fmt, Posit) else hex(fmt.nan_code)
        assert (nan, inf) == (expected, "yes" if fmt.has_inf else "no")
