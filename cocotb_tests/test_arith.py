"""Multipliers, adders, converters and codecs under Verilator, against the golden numerics: every code up to 8 bits."""

import numpy as np
import pytest
from amaranth.hdl import Mux, Value

from tilewright.cocotb_tests.arith import run_bench
from tilewright.cocotb_tests.arith_harness import Beside
from tilewright.cocotb_tests.arith_vectors import (
    all_pairs,
    converter_vectors,
    corner_pairs,
    decoder_vectors,
    encoder_vectors,
    random_pairs,
    two_operand_vectors,
)
from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.codec_units import Decoder, Encoder, number_layout
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.unit import Unit
from tilewright.sim.formats import BF16, E2M1, E2M3, E3M2, E4M3, E5M2, FP16, Int, Minifloat, Posit, ScalarFormat

pytestmark = pytest.mark.cosim

P4, P8, P16 = Posit(4, 1), Posit(8, 0), Posit(16, 1)
FORMATS_8: dict[str, list[ScalarFormat]] = {
    "posits": [P4, P8, Posit(5, 3), Posit(8, 2)],
    "minifloats": [E2M1, E3M2, E2M3, E4M3, E5M2],
    "others": [
        Posit(3, 0), Posit(6, 4), Posit(7, 1), Posit(8, 4), Minifloat(4, 3), Minifloat(3, 4),
        Minifloat(4, 3, "fn", saturate=False), Minifloat(5, 2, saturate=False),
    ],
}  # fmt: skip
FORMATS_16: list[ScalarFormat] = [P16, BF16, FP16]


def two_operand_units(formats: list[ScalarFormat]) -> tuple[Unit, list[tuple[str, ScalarFormat]]]:
    """Return multipliers of both styles and an adder of each format side by side, and what they compute."""
    units = [unit for f in formats for unit in (Multiplier(f), Multiplier(f, style="rows"), Adder(f))]
    return Beside(units), [(operation, f) for f in formats for operation in ("multiply", "multiply", "add")]


@pytest.mark.parametrize("group", FORMATS_8)
def test_every_pair_is_multiplied_and_added(group):
    unit, operations = two_operand_units(FORMATS_8[group])
    [row] = run_bench([unit], two_operand_vectors(operations, 8, *all_pairs(8)))
    assert row["values"] == 1 << 16


@pytest.mark.parametrize("format", FORMATS_16, ids=str)
def test_corners_and_random_pairs_of_16_bits(format):
    many_pairs(format, 100_000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("format", FORMATS_16, ids=str)
def test_many_random_pairs_of_16_bits(format, seed):
    many_pairs(format, 1_000_000, seed=seed)


def many_pairs(format: ScalarFormat, count: int, seed: int) -> None:
    """Multiply and add every pair of corner codes, and random ones."""
    print(f"seed {seed}")
    corners, randoms = corner_pairs(format), random_pairs(format, count, np.random.default_rng(seed))
    a, b = (np.concatenate(codes) for codes in zip(corners, randoms, strict=True))
    unit, operations = two_operand_units([format])
    [row] = run_bench([unit], two_operand_vectors(operations, 16, a, b))
    assert row["values"] == len(a) > count


NARROW: list[ScalarFormat] = [*FORMATS_8["posits"], *FORMATS_8["minifloats"], Int(4), Int(8)]
DESTINATIONS: list[ScalarFormat] = [*NARROW, *FORMATS_16]
CONVERSIONS = {
    "posits": (8, FORMATS_8["posits"], DESTINATIONS),
    "minifloats": (8, FORMATS_8["minifloats"], DESTINATIONS),
    "integers": (8, [Int(4), Int(8)], DESTINATIONS),
    "posit16_1": (16, [P16], [*DESTINATIONS, Int(16)]),
    "bf16": (16, [BF16], [*DESTINATIONS, Int(16)]),
    "fp16": (16, [FP16], [*DESTINATIONS, Int(16)]),
    "int16": (16, [Int(16)], DESTINATIONS),
    # Wider than what they come from, or with other rules for what is too large.
    "others": (8, [P8, E4M3, E5M2, *FORMATS_8["others"]], [*FORMATS_8["others"], Posit(32, 2), Int(32), Int(2)]),
}


@pytest.mark.parametrize("group", CONVERSIONS)
def test_every_code_is_converted(group):
    bits, sources, destinations = CONVERSIONS[group]
    pairs = [(source, destination) for source in sources for destination in destinations]
    unit = Beside([Converter(source, destination) for source, destination in pairs])
    run_bench([unit], converter_vectors(pairs, bits))


def scale_if_it_has_one(parts) -> Value:
    """Return which bits of a decoder's parts mean something."""
    layout = parts.shape()
    scale = layout["scale"]
    mask = ((1 << scale.width) - 1) << scale.offset
    return Mux(parts.zero | parts.nan | parts.inf, ~mask & ((1 << layout.size) - 1), (1 << layout.size) - 1)


@pytest.mark.parametrize("format", [P4, P8, Posit(8, 2), P16, E2M1, E4M3, E5M2, BF16, FP16], ids=str)
def test_every_code_is_decoded(format):
    units = [Decoder(format, stages=stages) for stages in (0, 1)]
    run_bench(units, decoder_vectors(format, number_layout(format)), None, care=scale_if_it_has_one)


@pytest.mark.parametrize(
    ("format", "scale_bits"),
    [(P4, 5), (P8, 5), (Posit(5, 3), 7), (E2M1, 5), (E4M3, 6), (E5M2, 7), (P16, 8), (BF16, 10), (FP16, 7)],
    ids=str,
)
def test_numbers_are_encoded(format, scale_bits):
    """Every sign, scale and sticky bit with every fraction of few bits, or random ones."""
    fraction_bits = format.significand_bits + 2
    rng = np.random.default_rng(1)
    scales = np.arange(-(1 << scale_bits - 1), 1 << scale_bits - 1)
    fractions = np.arange(1 << fraction_bits)
    if len(fractions) > 64:
        # Ties and what is beside them, in every place.
        ties = (1 << np.arange(fraction_bits))[:, None] + np.arange(-1, 2)
        fractions = np.concatenate([ties.reshape(-1), -ties.reshape(-1) - 1, rng.choice(fractions, 30)])
        fractions &= (1 << fraction_bits) - 1
    grid = np.meshgrid(np.arange(2), scales, fractions, np.arange(2), indexing="ij")
    numbers = dict(zip(("sign", "scale", "fraction", "sticky"), (part.reshape(-1) for part in grid), strict=True))
    units = [
        Encoder(format, scale_bits=scale_bits, fraction_bits=fraction_bits, stages=stages) for stages in (0, 1)
    ]
    run_bench(units, encoder_vectors(format, units[0].i.p.shape(), numbers), None)
