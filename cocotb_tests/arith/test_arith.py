"""Multipliers, adders, converters and codecs under Verilator, against sim.formats: every code up to 8 bits."""

from collections.abc import Sequence

import numpy as np
import pytest

from tilewright.cocotb_tests.arith.harness import Beside
from tilewright.cocotb_tests.arith.suite import SUITES, UnitSuite, run_bench
from tilewright.cocotb_tests.arith.vectors import (
    all_pairs,
    converter_vectors,
    corner_pairs,
    random_pairs,
    two_operand_vectors,
)
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.codec_units import Decoder, Encoder
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import BF16, E2M1, E2M3, E3M2, E4M3, E5M2, FP16, Int, Minifloat, Posit, ScalarFormat

pytestmark = pytest.mark.cosim

P4, P8, P16 = Posit(4, 1), Posit(8, 0), Posit(16, 1)
FORMATS_8: dict[str, list[Posit | Minifloat]] = {
    "posits": [P4, P8],
    "minifloats": [E2M1, E4M3],
    "more posits": [Posit(5, 3), Posit(8, 2)],
    "more minifloats": [E3M2, E2M3, E5M2],
    "others": [
        Posit(3, 0), Posit(6, 4), Posit(7, 1), Posit(8, 4),
        Minifloat(4, 3), Minifloat(3, 4), Minifloat(5, 2, saturate=False),
    ],
    "fn, not saturating": [Minifloat(4, 3, "fn", saturate=False)],
}  # fmt: skip
EVERYDAY_FORMATS = ("posits", "minifloats", "fn, not saturating")
FORMATS_16: list[Posit | Minifloat] = [P16, BF16, FP16]


@pytest.mark.slow
@pytest.mark.parametrize("design", SUITES, ids=lambda design: design.name)
def test_the_table_has_no_mismatch(design):
    rows = design.run()
    assert len(rows) == 2
    for row in rows:
        assert row["values"] > 100, row
        assert row["mismatches"] == 0, row
        assert row["rtl_cycles"] == row["model_cycles"], row


def two_operand_units(formats: Sequence[Posit | Minifloat]) -> tuple[Unit, list[tuple[str, ScalarFormat]]]:
    """Return multipliers of both styles and an adder of each format side by side, and what they compute."""
    units: list[Unit] = []
    operations: list[tuple[str, ScalarFormat]] = []
    for format in formats:
        units += [Multiplier(format), Multiplier(format, style="rows"), Adder(format)]
        operations += [("multiply", format), ("multiply", format), ("add", format)]
    return Beside(units), operations


@pytest.mark.parametrize(
    "group", [pytest.param(name, marks=[pytest.mark.slow] * (name not in EVERYDAY_FORMATS)) for name in FORMATS_8]
)
def test_every_pair_is_multiplied_and_added(group):
    unit, operations = two_operand_units(FORMATS_8[group])
    [row] = run_bench([unit], two_operand_vectors(operations, 8, *all_pairs(8)))
    assert row["values"] == 1 << 16


@pytest.mark.parametrize(
    "format", [pytest.param(each, marks=[pytest.mark.slow] * (each is not P16)) for each in FORMATS_16], ids=str
)
def test_corners_and_random_pairs_of_16_bits(format):
    many_pairs(format, 100_000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("format", FORMATS_16, ids=str)
def test_many_random_pairs_of_16_bits(format, seed):
    many_pairs(format, 1_000_000, seed=seed)


def many_pairs(format: Posit | Minifloat, count: int, seed: int) -> None:
    """Multiply and add every pair of corner codes, and random ones."""
    print(f"seed {seed}")
    corners, randoms = corner_pairs(format), random_pairs(format, count, np.random.default_rng(seed))
    a, b = (np.concatenate(codes) for codes in zip(corners, randoms, strict=True))
    unit, operations = two_operand_units([format])
    [row] = run_bench([unit], two_operand_vectors(operations, 16, a, b))
    assert row["values"] == len(a) > count


EVERY_POSIT = [*FORMATS_8["posits"], *FORMATS_8["more posits"]]
EVERY_MINIFLOAT = [*FORMATS_8["minifloats"], *FORMATS_8["more minifloats"]]
NARROW: list[ScalarFormat] = [*EVERY_POSIT, *EVERY_MINIFLOAT, Int(4), Int(8)]
DESTINATIONS: list[ScalarFormat] = [*NARROW, *FORMATS_16]
CONVERSIONS: dict[str, tuple[int, Sequence[ScalarFormat], Sequence[ScalarFormat]]] = {
    "posits and integers": (8, [P8, Int(8)], DESTINATIONS),
    "minifloats": (8, FORMATS_8["minifloats"], DESTINATIONS),
    "more posits and integers": (8, [P4, *FORMATS_8["more posits"], Int(4)], DESTINATIONS),
    "more minifloats": (8, FORMATS_8["more minifloats"], DESTINATIONS),
    "posit16_1": (16, [P16], [*DESTINATIONS, Int(16)]),
    "bf16": (16, [BF16], [*DESTINATIONS, Int(16)]),
    "fp16": (16, [FP16], [*DESTINATIONS, Int(16)]),
    "int16": (16, [Int(16)], DESTINATIONS),
    # Wider than what they come from.
    "others": (8, [P8, E4M3, E5M2, *FORMATS_8["others"]], [*FORMATS_8["others"], Posit(32, 2), Int(32), Int(2)]),
    "fractions": (8, [Int(8, 6), Int(4, 3), P8, E4M3], [Int(8, 6), Int(4, 3), P8, BF16]),
    "fn, not saturating": (16, [BF16, P16, Int(8)], FORMATS_8["fn, not saturating"]),
}
EVERYDAY_CONVERSIONS = ("posits and integers", "minifloats", "posit16_1", "fractions", "fn, not saturating")


@pytest.mark.parametrize(
    "group",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in EVERYDAY_CONVERSIONS)) for name in CONVERSIONS],
)
def test_every_code_is_converted(group):
    bits, sources, destinations = CONVERSIONS[group]
    pairs = [(source, destination) for source in sources for destination in destinations]
    unit = Beside([Converter(source, destination) for source, destination in pairs])
    [row] = run_bench([unit], converter_vectors(pairs, bits))
    assert row["values"] == 1 << bits


CODECS = [
    *(UnitSuite(Decoder, (format,)) for format in (P4, P8, Posit(5, 3), P16, E2M1, E4M3, E5M2, BF16, FP16)),
    *(
        UnitSuite(Encoder, (format,), {"scale_bits": bits, "fraction_bits": format.significand_bits + 2})
        for format, bits in (
            (P4, 5), (P8, 5), (Posit(5, 3), 7), (P16, 8), (E2M1, 5), (E4M3, 6), (E5M2, 7), (BF16, 9), (FP16, 7)
        )
    ),
]  # fmt: skip
EVERYDAY_CODECS = ("posit8_0", "fp8_e4m3")


@pytest.mark.parametrize(
    "design",
    [
        pytest.param(
            design, id=design.name, marks=[] if design.formats[0].name in EVERYDAY_CODECS else [pytest.mark.slow]
        )
        for design in CODECS
    ],
)
def test_codecs(design):
    units = design.variants()
    run_bench(units, design.vectors(units[0], 0), None, care=design.care)
