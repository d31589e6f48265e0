"""Energy of main memory: bits by the kind of DRAM or by what the system states, and power by time."""

import io

import pytest

from tests.mapping.small_models import EDGE, THIN
from tilewright.base.terminal import Terminal
from tilewright.cli.tables import print_map
from tilewright.mapping.map import map_model
from tilewright.sim.config import load_system
from tilewright.sim.config.dram import dram_names, load_dram
from tilewright.sim.config.figures import LEVELS
from tilewright.sim.energy.events import Counts, total
from tilewright.sim.energy.memory import background_energy, bit_energy, device_count
from tilewright.sim.energy.run_energy import energy


def values(figures) -> list[float]:
    return [getattr(figures, level).value for level in LEVELS]


@pytest.mark.parametrize("kind", dram_names())
def test_the_kind_of_dram_says_what_a_bit_and_a_cycle_cost(kind):
    system = EDGE.with_(**{"memory.kind": kind})
    assert bit_energy(system) == load_dram(kind).pj_per_bit
    # One milliwatt is one picojoule a nanosecond, which is a cycle at 1000 MHz.
    milliwatts = values(load_dram(kind).background_mw)
    assert values(background_energy(system)) == pytest.approx([each * device_count(system) for each in milliwatts])
    faster = system.with_(clock_mhz=2000)
    assert values(background_energy(faster)) == pytest.approx([each / 2 for each in values(background_energy(system))])


@pytest.mark.parametrize(
    ("kind", "mb_per_s", "devices"),
    [
        ("LPDDR5", 51200, 4),
        ("LPDDR5", 51300, 5),
        ("LPDDR4X", 51200, 6),
        ("LPDDR5", 12800, 1),
        ("DDR4", 25600, 8),
        ("HBM2E", 100, 1),
    ],
)
def test_the_fewest_devices_that_have_the_bandwidth_have_power(kind, mb_per_s, devices):
    changes = {"memory.kind": kind, "memory.bandwidth_mb_per_s": mb_per_s}
    system = EDGE.with_(changes)
    assert device_count(system) == devices
    assert f"; {devices} device" in background_energy(system).mid.source
    twice = system.with_(**{"memory.devices": 2 * devices})
    assert values(background_energy(twice)) == pytest.approx([2 * each for each in values(background_energy(system))])


def test_own_figures_come_before_those_of_the_kind():
    own = {"memory.energy_pj_per_bit": {"low": 1, "mid": 2, "high": 3}, "memory.background_mw": 50}
    sources = {"memory.energy_pj_per_bit.*": "measured", "memory.background_mw": "measured, too"}
    system = EDGE.with_({**own, "sources": {**sources, "memory.energy_pj_per_bit.low": "read somewhere"}})
    bit, background = bit_energy(system), background_energy(system)
    assert (bit.mid.source, bit.high.source) == ("measured", "measured")
    assert (values(bit), values(background)) == ([1, 2, 3], [50, 50, 50])
    assert (bit.low.source, background.mid.source) == ("read somewhere", "measured, too")
    one = EDGE.with_({"memory.energy_pj_per_bit": 12, "sources": {"memory.energy_pj_per_bit": "measured"}})
    assert values(bit_energy(one)) == [12, 12, 12]
    assert bit_energy(one).high.source == "measured"


def test_a_power_that_nobody_stated_is_not_counted_and_that_is_said():
    nano = load_system("nano")
    assert values(background_energy(nano)) == [0, 0, 0]
    assert background_energy(nano).mid.source.startswith("not counted: memory.kind = 'SDR SDRAM")


def test_twice_the_time_takes_twice_the_background_energy_and_moves_no_more_bits():
    once, twice = (energy(Counts(memory_bytes=100, cycles=cycles), EDGE) for cycles in (1000, 2000))
    assert twice[0] == once[0]
    assert twice[1].joules == pytest.approx(2 * once[1].joules)
    assert once[1].joules == pytest.approx(4 * 47.3e-3 * 1000 / 1e9), "four devices, one microsecond"


def test_the_whole_energy_is_low_mid_and_high_in_all_parts_at_once():
    items = energy(Counts(memory_bytes=1000, cycles=500, macs=10**4), EDGE)
    whole = total(items)
    assert whole.low < whole.mid < whole.high
    assert whole.high - whole.mid == pytest.approx(sum(item.range_j.high - item.range_j.mid for item in items))
    per_joule = whole.per_joule(3)
    assert (per_joule.low, per_joule.high) == (3 / whole.high, 3 / whole.low)


def test_a_run_without_energy_has_no_tokens_for_a_joule_in_json():
    nothing = total([])
    assert nothing.per_joule(1).mid == float("inf")
    assert nothing.to_dict(1) == {"energy_j": 0, "energy_range_j": {"low": 0, "mid": 0, "high": 0}}


def test_weights_of_eight_bits_take_the_energy_of_their_bytes(int4):
    int8 = map_model("x", THIN, load_system("edge-int8"), phase="decode", context=64)
    (bits4, background4), (bits8, background8) = int4.energy[:2], int8.energy[:2]
    assert 1.9 < int8.memory_bytes / int4.memory_bytes < 2.0
    for level in LEVELS:
        ratio = getattr(bits8.range_j, level) / getattr(bits4.range_j, level)
        assert ratio == pytest.approx(int8.memory_bytes / int4.memory_bytes)
    assert background8.joules / background4.joules == pytest.approx(int8.cycles / int4.cycles)
    # Counted bits, too: all of both runs is within a few per cent of the bytes.
    assert int8.energy_j / int4.energy_j == pytest.approx(int8.memory_bytes / int4.memory_bytes, rel=0.05)


@pytest.fixture(scope="module")
def int4():
    return map_model("x", THIN, EDGE, phase="decode", context=64)


def test_results_carry_low_mid_and_high(int4):
    data = int4.to_dict()
    assert data["energy_range_j"]["mid"] == data["energy_j"]
    for level in LEVELS:
        parts = [item if level == "mid" else item[level] for item in data["energy"]]
        assert data["energy_range_j"][level] == pytest.approx(sum(part["joules"] for part in parts))
        assert all(part["source"] for part in parts)
    assert data["tokens_per_j"]["low"] == pytest.approx(1 / data["energy_range_j"]["high"])
    assert data["tokens_per_j"]["low"] < data["tokens_per_j"]["mid"] < data["tokens_per_j"]["high"]
    [background] = [item for item in data["energy"] if item["name"] == "main memory, background"]
    assert (background["events"], background["unit"]) == (data["cycles"], "cycle")


def test_energy_is_printed_from_low_to_high_with_shares_and_sources(int4):
    printed, data = io.StringIO(), int4.to_dict()
    print_map(Terminal(file=printed, width=200), data)
    text = " ".join(printed.getvalue().split())
    joules, per_joule = data["energy_range_j"], data["tokens_per_j"]
    assert f"{joules['low'] * 1e3:.4g} to {joules['high'] * 1e3:.4g} from low to high" in text
    assert f"{per_joule['mid']:.4g} tokens/J, {per_joule['low']:.4g} to {per_joule['high']:.4g}" in text
    for item in data["energy"]:
        assert f"{item['joules'] / data['energy_j']:.1%}" in text, item["name"]
    bits = data["energy"][0]
    for level, pj in (("low", "4.7"), ("high", "20")):
        assert f"{bits[level]['joules'] * 1e3:.4g} │ │ {pj} per bit" in text
    assert text.count("guess:") == 4, "low of the bits, and all three of the background"
