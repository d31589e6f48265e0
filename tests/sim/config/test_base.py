"""Descriptions that state what is other than in another one."""

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.config import load_host, load_system
from tilewright.sim.config.load import PRESETS

EDGE = load_system("edge-int4")


def written(tmp_path, text, name="s.toml"):
    file = tmp_path / name
    file.write_text(text)
    return file


def test_all_that_is_not_stated_is_the_base_s(tmp_path):
    file = written(tmp_path, 'base = "edge-int4"\n[cim]\ntiles = 2\n[memory]\nlatency_ns = 200')
    system = load_system(file)
    assert system == EDGE.with_({"cim.tiles": 2, "memory.latency_ns": 200})
    assert system.name == "edge-int4 with cim.tiles=2, memory.latency_ns=200"
    assert system.source("cim.tiles").startswith("changed from 4 (design choice")


def test_what_is_stated_counts(tmp_path):
    text = 'base = "edge-int4"\nname = "mine"\ndescription = "x"\nclock_mhz = 1100\n[sources]\nclock_mhz = "a guess"'
    system = load_system(written(tmp_path, text))
    assert (system.name, system.description, system.clock_mhz) == ("mine", "x", 1100)
    assert system.source("clock_mhz") == "a guess"
    assert system.source("memory.latency_ns") == EDGE.source("memory.latency_ns")


def test_a_base_can_have_a_base_and_lies_beside_the_file(tmp_path):
    (tmp_path / "parts").mkdir()
    written(tmp_path, 'base = "edge-int4"\n[cim]\ntiles = 2', "parts/few.toml")
    file = written(tmp_path, 'base = "parts/few.toml"\nclock_mhz = 1200')
    assert load_system(file) == EDGE.with_({"cim.tiles": 2}).with_(clock_mhz=1200)


def test_a_part_that_the_base_does_not_have(tmp_path):
    text = 'base = "edge-int4"\n[memory.refresh]\ninterval_ns = 3906\ntime_ns = 280'
    refreshed, preset = load_system(written(tmp_path, text)), load_system("edge-int4-refresh")
    assert refreshed.memory == preset.memory
    assert preset == EDGE.with_({"name": preset.name, "description": preset.description, "memory": preset.memory,
                                 "sources": preset.sources})  # fmt: skip


def test_hosts_have_bases_too(tmp_path):
    host = load_host(written(tmp_path, 'base = "baseline"\nname = "mine"', "h.toml"))
    assert host.replace(name="baseline") == load_host("baseline")


def test_a_host_lies_beside_the_file_that_names_it(tmp_path):
    written(tmp_path, (PRESETS / "host" / "cryogenic.toml").read_text(), "h.toml")
    system = load_system(written(tmp_path, 'base = "edge-int4"\nhost = "h.toml"'))
    assert system.host == load_host("cryogenic")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("base = 3", "s.toml:1: base = 3 is not allowed: it must be the name of a system or of a .toml file"),
        ('base = "edge-int5"', "s.toml:1: base = 'edge-int5': unknown system 'edge-int5'"),
        ('base = "s.toml"', "s.toml:1: base = 's.toml' is not allowed: the file would be its own base"),
        ('base = "none.toml"', "s.toml:1: base = 'none.toml': "),
        ('base = "edge-int4"\nclock_mhz = 0', "s.toml:2: clock_mhz = 0"),
        ('base = "edge-int4"\nclok_mhz = 1', "s.toml:2: unknown field 'clok_mhz' (did you mean 'clock_mhz'?"),
        ('base = "edge-int4"\n\n[cim]\nrows = 1', "s.toml:4: unknown field 'cim.rows'"),
        ('base = "edge-int4"\n[cim.tile.macro]\nrows = 0', "s.toml:3: cim.tile.macro.rows = 0"),
        ('base = "edge-int4"\n[memory.refresh]\ntime_ns = 1', "'memory.refresh' is absent, so it is given as a whole"),
    ],
)
def test_refusals(tmp_path, text, says):
    with pytest.raises(ConfigError) as refusal:
        load_system(written(tmp_path, text))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_two_files_that_are_each_other_s_base(tmp_path):
    written(tmp_path, 'base = "s.toml"', "t.toml")
    with pytest.raises(
        ConfigError, match=r"t\.toml:1: base = 's\.toml' is not allowed: the file would be its own base"
    ):
        load_system(written(tmp_path, 'base = "t.toml"'))
