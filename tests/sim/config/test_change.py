"""Changes of fields by their dotted paths: names, sources, and errors that name the field."""

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.config import load_host, load_system
from tilewright.sim.config.memory import MemoryConfig

EDGE = load_system("edge-int4")
MEMORY = MemoryConfig(kind="LPDDR4X", bandwidth_mb_per_s=34128, latency_ns=120, energy_pj_per_bit=20)


@pytest.mark.parametrize(
    "changes",
    [
        {"cim.tiles": 8, "memory.latency_ns": 50},
        {"cim": {"tiles": 8}, "memory": {"latency_ns": 50}},
        {"cim": {"tiles": 8}, "memory.latency_ns": 50},
    ],
)
def test_fields_of_parts_change_in_one_call(changes):
    system = EDGE.with_(changes)
    assert (system.cim.tiles, system.memory.latency_ns) == (8, 50)
    assert system.cim.tile == EDGE.cim.tile
    assert system.memory.bandwidth_mb_per_s == EDGE.memory.bandwidth_mb_per_s
    assert system.name == "edge-int4 with cim.tiles=8, memory.latency_ns=50"
    assert EDGE.cim.tiles == 4


def test_keywords_and_a_mapping_go_together():
    system = EDGE.with_({"cim.tiles": 8}, clock_mhz=900, name="mine")
    assert (system.cim.tiles, system.clock_mhz, system.name) == (8, 900, "mine")


def test_sources_of_changed_numbers_say_so_and_others_stay():
    system = EDGE.with_({"cim.tiles": 8})
    assert system.source("cim.tiles") == f"changed from 4 ({EDGE.source('cim.tiles')})"
    assert system.source("cim.tile.grid_rows") == EDGE.source("cim.tile.grid_rows")
    assert system.source("clock_mhz") == EDGE.source("clock_mhz")
    measured = EDGE.with_({"cim.tiles": 8, "sources": {"cim.tiles": "a measurement"}})
    assert measured.source("cim.tiles") == "a measurement"
    assert measured.source("cim.tile.grid_rows") == EDGE.source("cim.tile.grid_rows")


def test_a_part_as_a_whole_changes_the_sources_of_its_numbers():
    system = EDGE.with_(memory=MEMORY)
    assert system.memory == MEMORY
    assert system.source("memory.bandwidth_mb_per_s").startswith("changed from 51200 (JEDEC")
    assert system.source("memory.energy_pj_per_bit") == "added"


def test_a_table_in_place_of_a_number_changes_field_by_field():
    system = EDGE.with_({"memory.energy_pj_per_bit": {"low": 4, "mid": 7, "high": 20}})
    system = system.with_({"memory.energy_pj_per_bit.mid": 8})
    levels = system.memory.energy_pj_per_bit
    assert (levels.low, levels.mid, levels.high) == (4, 8, 20)
    assert system.source("memory.energy_pj_per_bit.mid") == "changed from 7.0 (added)"
    assert system.with_({"memory.energy_pj_per_bit": 3}).memory.energy_pj_per_bit == 3


def test_the_values_of_before_change_nothing():
    assert EDGE.with_({"cim.tiles": 4, "clock_mhz": 1000}) == EDGE
    assert EDGE.with_() == EDGE


def test_an_optional_part_is_added_and_removed():
    system = EDGE.with_({"npe.rows": 4})
    assert (system.npe.rows, system.npe.columns) == (4, 8)
    assert system.source("npe.rows") == "added"
    without = system.with_(npe=None)
    assert without.npe is None
    assert without.sources == EDGE.sources


def test_a_host_is_chosen_and_changed_in_one_call():
    system = EDGE.with_({"host.l2.size_kib": 1024, "host": "cryogenic"})
    old = load_host("cryogenic")
    assert system.host.l2.size_kib == 1024
    assert system.host.name == "cryogenic with l2.size_kib=1024"
    assert system.source("host.l2.size_kib").startswith(f"changed from {old.l2.size_kib} (")
    assert system.source("host.l3.size_kib") == old.sources["l3.*"]
    assert not any(key.startswith("host") for key in system.sources)


def test_a_host_alone_and_a_part_alone_change():
    host = load_host("cryogenic").with_({"clocks.core_ghz": 100})
    assert host.clocks.core_ghz == 100
    assert host.sources["clocks.core_ghz"].startswith("changed from 4")
    assert EDGE.cim.tile.with_({"macro.rows": 32}).macro.rows == 32


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cim.tils": 8}, "unknown field 'cim.tils' (did you mean 'tiles'? one of: tile, tiles)"),
        ({"cim": {"tils": 8}}, "unknown field 'cim.tils' (did you mean 'tiles'? one of: tile, tiles)"),
        ({"cim.tiles.x": 8}, "unknown field 'cim.tiles.x': 'cim.tiles' has no fields"),
        ({"cim.tiles": 5000}, "cim.tiles = 5000 is not allowed: input should be less than or equal to 1024"),
        ({"cim.tiles": 400}, "cim.tiles = 400 is not allowed: with 256 rows each"),
        ({"cim.tile.macro.weight_bits": 5}, "cim.tile.macro.weight_bits = 5 is not allowed: input should be 4 or 8"),
        ({"cim.tiles": 17}, "cim.tiles = 17 is not allowed: with 256 rows each they have more than 4096"),
        ({"cim.tile.macro.rows": 1024, "cim.tile.grid_rows": 5}, "cim.tile.grid_rows = 5 is not allowed: macros of 1024"),
        ({"fabric.bus_bits": 2048}, "fabric.bus_bits = 2048 is not allowed: input should be less than or equal to 1024"),
        ({"fabric.banks": 5}, "fabric.banks = 5 is not allowed: it must be a power of two"),
        ({"cim.tile.weight_bus_bits": 64}, "cim.tile.weight_bus_bits = 64 is not allowed: weights come from the bus"),
        ({"memory": 5}, "memory = 5 is not allowed"),
        ({"host": "cryogen"}, "host = 'cryogen' is not allowed: unknown host 'cryogen' (did you mean 'cryogenic'?"),
        ({"host.core": "minor"}, "'host' is absent, so it is given as a whole: host.name is missing"),
        ({"host": "cryogenic", "host.core": "fast"}, "host.core = 'fast' is not allowed"),
        ({"sources": {"cim.tils": "x"}}, "sources = 'cim.tils' is not a field of the system"),
        ({"": 1}, "unknown field ''"),
    ],
)  # fmt: skip
def test_a_bad_change_is_refused_by_its_path(changes, said):
    with pytest.raises(ConfigError) as refused:
        EDGE.with_(changes)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
