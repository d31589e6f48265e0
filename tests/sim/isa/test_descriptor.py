"""The descriptor beside its description in docs/npe.md, and what is refused in which order."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode, SumFormat
from tilewright.sim.isa.descriptor import Activation, Along, Descriptor, check_start
from tilewright.sim.isa.npe_registers import NpeError

CONFIG = NpeConfig(bus_bits=128, modes="fp4_e2m1,int8,bf16")
GOOD = {
    "mode": Mode.INT8, "out_format": Mode.BF16, "m": 5, "n": 6, "k": 7,
    "a": 0x1000, "b": 0x2000, "c": 0x3000, "a_stride": 16, "b_stride": 32, "c_stride": 48,
}  # fmt: skip
ALL_ON = GOOD | {
    "scale": Along.ROW, "bias": Along.COLUMN, "residual": 1, "residual_format": Mode.INT8, "sum": 1,
    "scale_address": 0x4000, "bias_address": 0x5000, "residual_address": 0x6000, "reductions": 0x7000,
    "residual_stride": 64,
}  # fmt: skip


def test_every_field_is_where_the_description_says():
    descriptor = Descriptor(
        mode=Mode.BF16, out_format=Mode.POSIT8_0, residual_format=Mode.INT4, activation=Activation.SILU,
        scale=Along.COLUMN, bias=Along.ROW, residual=1, transpose=1, sum=1, squares=0, maximum=1,
        m=0x1111, n=0x2222, k=0x3333,
        a=0xA0 | 0xAA << 32, b=0xB0 | 0xBB << 32, c=0xC0 | 0xCC << 32,
        scale_address=0xD0, bias_address=0xE0, residual_address=0xF0, reductions=0x100 | 1 << 63,
        a_stride=0x1A, b_stride=0x1B, c_stride=0x1C, residual_stride=0x1D,
    )  # fmt: skip
    word = 8 | 3 << 4 | 2 << 8 | 2 << 12 | 2 << 14 | 1 << 16 | 1 << 18 | 1 << 19 | 1 << 20 | 0 << 21 | 1 << 22
    words = [
        word, 0x1111, 0x2222, 0x3333, 0xA0, 0xAA, 0xB0, 0xBB, 0xC0, 0xCC, 0xD0, 0, 0xE0, 0, 0xF0, 0, 0x100, 1 << 31,
        0x1A, 0x1B, 0x1C, 0x1D, *[0] * 10,
    ]  # fmt: skip
    assert descriptor.encode() == struct.pack("<32I", *words)
    assert Descriptor.decode(descriptor.encode()) == descriptor


@given(st.binary(min_size=128, max_size=128))
def test_any_bytes_are_a_descriptor(data):
    assert Descriptor.decode(data).encode() == data


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="scale = 4 is not allowed: it must fit into 2 bits"):
        Descriptor(**GOOD | {"scale": 4}).encode()
    with pytest.raises(ValueError, match="a_stride = -16 is not allowed: it must fit into 32 bits"):
        Descriptor(**GOOD | {"a_stride": -16}).encode()
    with pytest.raises(ValueError, match=r"unused = \d+ is not allowed: it must fit into 320 bits"):
        Descriptor(**GOOD, unused=1 << 320).encode()
    with pytest.raises(ValueError, match="127 bytes"):
        Descriptor.decode(bytes(127))


def test_a_good_descriptor_is_taken():
    assert Descriptor(**GOOD).check(CONFIG) is None
    assert Descriptor(**ALL_ON).check(CONFIG) is None
    assert Descriptor(**ALL_ON | {"m": 65535, "n": 65535, "k": 65535}).check(CONFIG) is None


def test_sums_may_leave_as_they_are():
    for mode in (Mode.FP4_E2M1, Mode.INT8, Mode.BF16):
        assert Descriptor(**ALL_ON | {"mode": mode, "out_format": SumFormat.FP32}).check(CONFIG) is None
        integer = Descriptor(**GOOD | {"mode": mode, "out_format": SumFormat.INT32}).check(CONFIG)
        assert integer == (None if mode is Mode.INT8 else (NpeError.FIELD, 0))


@pytest.mark.parametrize(
    "part",
    [{"scale": 1}, {"bias": 2}, {"residual": 1, "residual_format": 6}, {"activation": 1}, {"sum": 1}, {"squares": 1},
     {"maximum": 1}],
)  # fmt: skip
def test_exact_sums_take_no_epilogue(part):
    assert Descriptor(**GOOD | {"out_format": SumFormat.INT32} | part).check(CONFIG) == (NpeError.FIELD, 0)
    assert Descriptor(**GOOD | {"out_format": SumFormat.FP32} | part).check(CONFIG) is None


def unused(word: int) -> dict:
    return {"unused": 1 << 32 * (word - 22)}


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"mode": Mode.FP8_E4M3}, 1, 0),
        ({"mode": 15}, 1, 0),
        ({"out_format": Mode.POSIT8_0}, 1, 0),
        ({"out_format": SumFormat.INT32}, 1, 0),
        ({"out_format": 11}, 1, 0),
        ({"residual_format": Mode.POSIT8_0}, 1, 0),
        ({"scale": 3}, 1, 0),
        ({"bias": 3}, 1, 0),
        ({"reserved": 256}, 1, 0),
        ({"m": 0}, 1, 1),
        ({"n": 65536}, 1, 2),
        ({"k": 1 << 31}, 1, 3),
        *((unused(word), 1, word) for word in range(22, 32)),
        ({"a": 0x1008}, 2, 4),
        ({"b": 1 << 40 | 8}, 2, 6),
        ({"c": 1}, 2, 8),
        ({"scale_address": 4}, 2, 10),
        ({"bias_address": 4}, 2, 12),
        ({"residual_address": 8}, 2, 14),
        ({"reductions": 8}, 2, 16),
        ({"a_stride": 8}, 2, 18),
        ({"b_stride": 24}, 2, 19),
        ({"c_stride": 1}, 2, 20),
        ({"residual_stride": 2}, 2, 21),
        ({"a": 1 << 32}, 3, 4),
        ({"b": 1 << 63}, 3, 6),
        ({"c": 1 << 32}, 3, 8),
        ({"scale_address": 1 << 33}, 3, 10),
        ({"bias_address": 1 << 34}, 3, 12),
        ({"residual_address": 1 << 35}, 3, 14),
        ({"reductions": 1 << 36}, 3, 16),
        # The order: fields, alignments, ranges; the lowest word.
        ({"a": 1 << 32 | 1, "n": 0, "k": 0}, 1, 2),
        ({"m": 0, "mode": 9}, 1, 0),
        ({"a": 1 << 32, "b": 8, "c_stride": 1}, 2, 6),
        ({"residual_stride": 1, "a": 1 << 32}, 2, 21),
        ({"reductions": 1 << 32, "b": 1 << 32}, 3, 6),
    ],
)  # fmt: skip
def test_a_bad_descriptor_is_refused(changes, code, word):
    assert Descriptor(**ALL_ON | changes).check(CONFIG) == (NpeError(code), word)


@pytest.mark.parametrize(
    "changes",
    [
        {"residual": 0, "residual_format": 9, "residual_address": 1, "residual_stride": 1},
        {"scale": 0, "scale_address": 1 << 60 | 1},
        {"bias": 0, "bias_address": 1 << 60 | 1},
        {"sum": 0, "reductions": 1 << 60 | 1},
    ],
)
def test_what_is_off_is_not_looked_at(changes):
    assert Descriptor(**ALL_ON | changes).check(CONFIG) is None


def test_reductions_are_aligned_to_records_and_to_beats():
    for bus_bits, address, good in ((64, 8, False), (64, 16, True), (512, 32, False), (512, 64, True)):
        config = CONFIG.replace(bus_bits=bus_bits)
        wide = {name: 0 for name in ALL_ON if name.endswith(("stride", "address")) or name in "abc"}
        found = Descriptor(**ALL_ON | wide | {"reductions": address}).check(config)
        assert found == (None if good else (NpeError.ALIGNMENT, 16))


@pytest.mark.parametrize(
    ("address", "count", "problem"),
    [
        (0x80, 1, None),
        (0x80, 65535, None),
        (0x80, 0, (NpeError.COUNT, 0)),
        (0x80, 65536, (NpeError.COUNT, 0)),
        (0x40, 1, (NpeError.ALIGNMENT, 255)),
        (1 << 32, 1, (NpeError.RANGE, 255)),
        (1 << 32 | 1, 0, (NpeError.COUNT, 0)),
        (1 << 32 | 1, 1, (NpeError.ALIGNMENT, 255)),
    ],
)
def test_a_bad_start_is_refused(address, count, problem):
    assert check_start(CONFIG, address, count) == problem
