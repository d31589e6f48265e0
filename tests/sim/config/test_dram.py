"""Kinds of DRAM: their figures ascend, and each has a source."""

import tomllib

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.config import MemoryConfig, System, load_system
from tilewright.sim.config.dram import FOLDER, BitEnergy, DramKind, dram_names, load_dram
from tilewright.sim.config.figures import LEVELS, Figure, FigureRange, Levels

every_kind = pytest.mark.parametrize("name", dram_names())


def test_the_kinds_are_those_that_the_schema_names():
    assert dram_names() == ["DDR4", "HBM2E", "LPDDR4X", "LPDDR5", "LPDDR5X"]
    help_text = System.model_json_schema()["$defs"]["MemoryConfig"]["properties"]["kind"]["description"]
    assert all(name in help_text.replace(",", " ").replace(".", " ").split() for name in dram_names())


def numbers_and_sources(table: dict) -> list[tuple[float, str]]:
    """Return each table with a number, with the text that says where it comes from."""
    found = [(table["value"], table.get("source", ""))] if "value" in table else []
    for part in table.values():
        found += numbers_and_sources(part) if isinstance(part, dict) else []
    return found


@every_kind
def test_every_number_has_a_source_that_one_can_look_up(name):
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    found = numbers_and_sources(table)
    assert len(found) == 7, "rate, three energies, three powers"
    for value, source in found:
        assert value > 0
        # A year of publication, a commit, a standard, a data sheet, or what was done to which of the other figures.
        named = ("20", "commit", "JESD", "data sheet", "LPDDR5", "low and high")
        assert any(part in source for part in named), source


def test_a_number_without_a_source_is_refused():
    with pytest.raises(ValueError, match="source"):
        Figure(value=1)
    with pytest.raises(ValueError, match="source"):
        Figure(value=1, source="")


@every_kind
def test_figures_ascend_and_guesses_are_called_so(name):
    kind = load_dram(name)
    for figures in (kind.pj_per_bit, kind.background_mw):
        low, mid, high = (getattr(figures, level) for level in LEVELS)
        assert low.value < mid.value < high.value
        assert low.source != mid.source != high.source
        # What is called a guess begins with the word, so that every table shows it.
        assert all(each.source.startswith("guess: ") for each in (low, mid, high) if "guess" in each.source)
    assert kind.device_mb_per_s.value > 1000


def test_figures_that_do_not_ascend_are_refused():
    with pytest.raises(ValueError, match="high = 1 is not allowed: it must not be below mid = 2"):
        Levels(low=1, mid=2, high=1)
    figures = {level: {"value": value, "source": "s"} for level, value in zip(LEVELS, (3, 2, 4), strict=True)}
    with pytest.raises(ValueError, match="mid = 2 is not allowed: it must not be below low = 3"):
        FigureRange.model_validate(figures)


def test_array_and_interface_add_up():
    assert BitEnergy(value=3.5, array=3, interface=0.5, source="s").interface == 0.5
    with pytest.raises(ValueError, match=r"value = 4 is not allowed: array and interface add up to 3\.5"):
        BitEnergy(value=4, array=3, interface=0.5, source="s")
    with pytest.raises(ValueError, match="together"):
        BitEnergy(value=4, array=3, source="s")


def test_datasheet_figures_follow_from_the_currents_in_their_sources():
    # Micron's LPDDR5X at 7500 MT/s x 16 bits, DDR4 at 2400 MT/s x 8 bits; volts x milliamperes over gigabits a second.
    lpddr5x, ddr4 = (load_dram(name) for name in ("LPDDR5X", "DDR4"))
    assert lpddr5x.pj_per_bit.low.array == round((1.05 * (390 - 40) + 1.8 * (18.0 - 2.8)) / 120, 2)
    assert lpddr5x.pj_per_bit.low.interface == round(0.5 * (111.9 - 0.6) / 120, 2)
    assert ddr4.pj_per_bit.low.value == round(1.2 * (135 - 43) / 19.2, 2)
    assert ddr4.pj_per_bit.mid.value == round((5.75 * 20.3) ** 0.5, 1)
    open_mw = 1.05 * 40 + 1.8 * 2.8 + 0.5 * 0.6
    assert lpddr5x.background_mw.mid.value == round(open_mw, 1)
    assert lpddr5x.background_mw.high.value == round(open_mw + 1.05 * (205 - 32.5) * 280 / 3906, 1)
    assert load_dram("LPDDR5").pj_per_bit.low.value == round(lpddr5x.pj_per_bit.low.value / 0.8, 1)
    assert lpddr5x.pj_per_bit.mid.value == round(load_dram("LPDDR5").pj_per_bit.mid.value * 0.8, 1)


def test_an_unknown_kind_needs_an_energy_of_its_own():
    about = {"bandwidth_mb_per_s": 1000, "latency_ns": 100}
    with pytest.raises(
        ValueError, match=r"kind = 'LPDDR9' is not allowed without energy_pj_per_bit .*DDR4, HBM2E, LPDDR4X"
    ):
        MemoryConfig(kind="LPDDR9", **about)
    assert MemoryConfig(kind="LPDDR9", energy_pj_per_bit=3, **about).dram is None
    with pytest.raises(ConfigError, match=r"memory\.kind = 'LPDDR9' is not allowed without energy_pj_per_bit"):
        load_system("edge-int4").with_(**{"memory.kind": "LPDDR9"})


def test_every_field_of_a_kind_is_documented_or_a_level():
    for model in (DramKind, BitEnergy, Levels, Figure):
        assert all(field.description for field in model.model_fields.values()), model
