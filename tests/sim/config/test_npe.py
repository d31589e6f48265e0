import pytest
from pydantic import ValidationError

from tilewright.base.errors import first_problem
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import ALL_MODES, XR_NPE_MODES, Mode
from tilewright.sim.isa.npe_registers import geometry, mode_mask


def test_modes_by_name_by_set_and_by_number():
    assert NpeConfig().modes == ALL_MODES
    assert NpeConfig(modes="xr-npe").modes == XR_NPE_MODES
    assert NpeConfig(modes="bf16,int4").modes == (Mode.INT4, Mode.BF16)
    assert NpeConfig(modes=["int8", Mode.BF16, 0]).modes == (Mode.FP4_E2M1, Mode.INT8, Mode.BF16)


def test_a_description_goes_through_json_and_replace():
    config = NpeConfig(rows=2, columns=32, modes="int8,bf16", address_bits=40)
    assert NpeConfig.model_validate_json(config.model_dump_json()) == config
    assert config.model_dump()["modes"] == ("int8", "bf16")
    assert config.replace(rows=4).modes == config.modes
    assert hash(config) == hash(config.replace())


@pytest.mark.parametrize(
    ("bus_bits", "bytes_", "words", "burst", "alignment"),
    [(64, 8, 4, 64, 16), (128, 16, 8, 64, 16), (512, 64, 32, 64, 64)],
)
def test_sizes_follow_from_the_bus(bus_bits, bytes_, words, burst, alignment):
    config = NpeConfig(bus_bits=bus_bits, depth=16)
    assert (config.bus_bytes, config.words_per_beat, config.burst_beats) == (bytes_, words, burst)
    assert config.record_alignment == alignment
    assert config.panel_words == 16 * words
    assert config.b_panel_bytes == 8 * 16 * bytes_


def test_a_burst_stays_in_a_page():
    assert NpeConfig(bus_bits=512, max_burst=256).burst_beats == 64
    assert NpeConfig(bus_bits=64, max_burst=256).burst_beats == 256


def test_registers_that_tell_the_configuration():
    config = NpeConfig(rows=4, columns=16, bus_bits=256, modes="fp4_e2m1,bf16")
    assert geometry(config.rows, config.columns, config.bus_bytes) == 5 << 16 | 16 << 8 | 4
    assert mode_mask(config.modes) == 0b1_0000_0001


@pytest.mark.parametrize(
    ("mode", "macs", "words", "beats"), [(Mode.FP4_E2M1, 256, 25, 4), (Mode.INT8, 128, 50, 7), (Mode.BF16, 64, 100, 13)]
)
def test_a_mode_has_its_rate(mode, macs, words, beats):
    config = NpeConfig()
    assert config.macs_per_cycle(mode) == macs
    assert config.words(mode, 100 - (mode.bits == 4)) == words
    assert config.beats(mode, 100) == beats


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": 3}, "3 is not allowed: input should be 2, 4, 8, 16 or 32"),
        ({"columns": 64}, "64 is not allowed"),
        ({"bus_bits": 32}, "32 is not allowed: input should be 64, 128, 256 or 512"),
        ({"depth": 48}, "depth = 48 is not allowed: it must be a power of two"),
        ({"max_burst": 12}, "max_burst = 12 is not allowed: it must be a power of two"),
        ({"max_burst": 512}, "512 is not allowed: input should be less than or equal to 256"),
        ({"panels": 1}, "1 is not allowed: input should be greater than or equal to 2"),
        ({"outstanding": 0}, "0 is not allowed"),
        ({"address_bits": 65}, "65 is not allowed"),
        ({"results_per_cycle": 3}, "3 is not allowed: input should be 1, 2 or 4"),
        ({"rows": 2, "results_per_cycle": 4}, "results_per_cycle = 4 is not allowed: it must be at most rows = 2"),
        ({"modes": "int9"}, "modes = int9 is not allowed: 'int9' is none of"),
        ({"modes": [9]}, "modes = 9 is not allowed: it must be one of fp4_e2m1"),
        ({"modes": None}, "modes = None is not allowed"),
        ({"modes": ()}, "modes = () is not allowed: there must be at least one"),
        ({"modes": ["int8", "int8"]}, "modes = int8,int8 is not allowed: each format may be there once"),
        ({"row": 2}, "unknown key"),
    ],
)
def test_a_bad_description_is_refused_in_one_line(fields, message):
    with pytest.raises(ValidationError) as error:
        NpeConfig(**fields)
    text = first_problem(error.value)[1]
    assert message in text
    assert "\n" not in text
