import re
from fractions import Fraction
from pathlib import Path

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.config import MacroConfig, System, TileConfig, load_host, load_system, system_names
from tilewright.sim.config.load import PRESETS
from tilewright.sim.config.sources import leaves


@pytest.mark.parametrize("name", system_names())
def test_every_number_of_a_preset_has_a_source(name):
    system = load_system(name)
    for path, value in leaves(system):
        if not isinstance(value, str):
            assert system.source(path), f"{path} = {value}"


def test_descriptions_cannot_be_changed():
    system = load_system("tiny")
    with pytest.raises(ValueError, match="frozen"):
        system.clock_mhz = 1
    assert hash(system.cim) == hash(load_system("tiny").cim)


def test_replace_validates():
    macro = MacroConfig(rows=16, columns=16, weight_bits=4, input_bits=8)
    assert macro.replace(rows=32).rows == 32
    with pytest.raises(ValueError, match="weight_bits"):
        macro.replace(weight_bits=5)


def test_bandwidth_is_exact():
    system = load_system("edge-int4")
    assert system.memory.bytes_per_cycle(system.clock_mhz) == Fraction(256, 5)
    assert system.memory_latency_cycles == 114
    assert load_system("tiny").memory_latency_cycles == 50


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("weight_bits = 4", "weight_bits = 5", "{file}:26: cim.tile.macro.weight_bits = 5 is not allowed: input should be 4 or 8"),
        ("rows = 16", "rows = 0", "{file}:24: cim.tile.macro.rows = 0 is not allowed: input should be greater than or equal to 2"),
        ("grid_rows", "gird_rows", "{file}:15: unknown key 'cim.tile.gird_rows' (did you mean 'grid_rows'?"),
        ("lanes = 4\n", "", "{file}:30: 'vector.lanes' is missing"),
        ("weight_bus_bits = 64", "weight_bus_bits = 48", "{file}:17: cim.tile.weight_bus_bits = 48 is not allowed"),
        ("weight_bus_bits = 64", "weight_bus_bits = 256", "it must divide a row of weights"),
        ("clock_mhz = 500", "clock_mhz = 50", "{file}:17: cim.tile.weight_bus_bits = 64 is not allowed: at 50 MHz"),
        ("accumulator_vectors = 16", "accumulator_bits = 16", "cim.tile.accumulator_bits = 16 is not allowed: one vector of 32"),
        ("tiles = 1", "tiles = 'one'", "{file}:12: cim.tiles = 'one' is not allowed"),
        ("[cim]", "[cim", "{file}:11: '[cim' is not TOML: expected ']'"),
        ("clock_mhz = 500", "clock_mhz = 500\nclock_mhz = 2", "{file}:5: 'clock_mhz = 2' is not TOML: cannot overwrite a value"),
        ('"cim.*"', '"cin.*"', "sources = 'cin.*' is not a field"),
        ("[fabric]", "[npe]\nrow = 4\n[fabric]", "{file}:35: unknown key 'npe.row' (did you mean 'rows'?"),
        ("[fabric]", "[npe]\nrows = 3\n[fabric]", "{file}:35: npe.rows = 3 is not allowed: input should be 2, 4, 8, 16 or 32"),
        ("[fabric]", "[npe]\nmodes = 'int9'\n[fabric]", "{file}:35: npe.modes = int9 is not allowed: 'int9' is none of"),
        ("[fabric]", "[npe]\n[engines]\n'mlp.*' = 'npu'\n[fabric]", "{file}:35: engines = 'mlp.*=npu' is not allowed: 'npu' is no engine"),
        ("[memory]", "host = 'warm'\n[memory]", "{file}:6: host = 'warm' is not allowed: unknown host 'warm' (one of: baseline"),
        ("[memory]", "host = 3\n[memory]", "{file}:6: host = 3 is not allowed: input should be a valid dict"),
        ("[memory]", "host = 'its.toml'\n[memory]", "{folder}/its.toml: cannot be read: No such file"),
        ("[fabric]", "[host]\nname = 'x'\n[fabric]", "{file}:34: 'host.description' is missing"),
        ("[cim]", "[memory.refresh]\ninterval_ns = 3906\n[cim]", "'memory.refresh.time_ns' is missing"),
        ("[cim]", "[memory.refresh]\ninterval_ns = 0\ntime_ns = 1\n[cim]", "{file}:12: memory.refresh.interval_ns = 0 is not allowed: input should be greater than 0"),
        ("[cim]", "[memory.refresh]\ninterval_ns = 99\ntime_ns = -1\n[cim]", "{file}:13: memory.refresh.time_ns = -1 is not allowed: input should be greater than 0"),
        ("[cim]", "[memory.refresh]\ninterval_ns = 99\ntime_ns = 99\n[cim]", "{file}:13: memory.refresh.time_ns = 99 is not allowed: it must be below interval_ns = 99"),
        ("[cim]", "[memory.refresh]\ninterval_ns = 3\ntime_ns = 2.5\n[cim]", "{file}:12: memory.refresh.interval_ns = 3 is not allowed: at 500 MHz it is 1 whole cycles, and must be more than the 2 of a refresh"),
        ("[fabric]", "[npe]\naddress_bits = 40\n[fabric]", "{file}:35: npe.address_bits = 40 is not allowed: addresses in memory have 32"),
    ],
)  # fmt: skip
def test_a_bad_description_is_refused_in_one_line(tmp_path, old, new, message):
    text = (PRESETS / "tiny.toml").read_text()
    assert old in text
    file = tmp_path / "system.toml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_system(file)
    assert message.format(file=file, folder=tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("edge-in4", "did you mean 'edge-int4'?"),
        ("missing.toml", "missing.toml: cannot be read: No such file"),
    ],
)
def test_a_system_that_is_not_there(name, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        load_system(name)


def test_a_host_is_named_by_a_preset_a_file_beside_the_system_or_is_a_table(tmp_path):
    text, host = ((PRESETS / name).read_text() for name in ("tiny.toml", "host/cryogenic.toml"))
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "its.toml").write_text(host)
    table = re.sub(r"^\[", "[host.", host, flags=re.MULTILINE).replace("name =", "[host]\nname =", 1)
    for number, described in enumerate((
        text.replace("[memory]", 'host = "cryogenic"\n[memory]', 1),
        text.replace("[memory]", 'host = "parts/its.toml"\n[memory]', 1),
        f"{text}\n{table}",
    )):  # fmt: skip
        file = tmp_path / f"{number}.toml"
        file.write_text(described)
        assert load_system(file).host == load_host("cryogenic")
        assert load_system(file).replace(clock_mhz=400).host == load_host("cryogenic")
    assert load_system("tiny").host is None


def test_a_file_that_is_not_text(tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"x = 1\n\xff\n")
    with pytest.raises(ConfigError, match=r"x\.toml:2: cannot be read: byte 0xff is not UTF-8 text"):
        load_system(file)


def test_the_schema_names_units_and_ranges():
    schema = System.model_json_schema()
    rows = schema["$defs"]["MacroConfig"]["properties"]["rows"]
    assert rows["minimum"] == 2
    assert rows["description"].startswith("Number of inputs of a dot product")
    for definition in schema["$defs"].values():
        assert definition.get("additionalProperties") is False


def test_refresh_is_in_whole_cycles():
    system = load_system("edge-int4-refresh")
    assert system.memory_timing == load_system("edge-int4").memory_timing | {
        "refresh_period": 3906,
        "refresh_cycles": 280,
    }
    assert system.memory_share == Fraction(3626, 3906)
    slow = system.with_(clock_mhz=999)
    assert (slow.memory_timing["refresh_period"], slow.memory_timing["refresh_cycles"]) == (3902, 280)
    assert system.with_(**{"memory.refresh": None}).memory_timing == load_system("edge-int4").memory_timing


def test_the_preset_with_refresh_differs_in_refresh_alone():
    plain, refreshed = (load_system(name).model_dump() for name in ("edge-int4", "edge-int4-refresh"))
    assert refreshed["memory"].pop("refresh") is not None
    assert plain["memory"].pop("refresh") is None
    changed = {key for key in plain if plain[key] != refreshed[key]}
    assert changed == {"name", "description", "sources"}


def test_turns_are_in_whole_cycles():
    system = load_system("edge-int4-dram")
    turns = {"turn_period": 3626, "read_to_write": 3, "write_cycles": 240, "write_to_read": 28}
    assert system.memory_timing == load_system("edge-int4-refresh").memory_timing | turns
    assert system.memory_share == Fraction(3626, 3906) * Fraction(3626 - 271, 3626)
    with pytest.raises(ConfigError, match=r"turnaround\.interval_ns = 270 is not allowed: at 1000 MHz it is 270"):
        system.with_(**{"memory.turnaround.interval_ns": 270})


def test_the_shipped_presets_are_found():
    assert {"edge-int4", "nano", "tiny"} <= set(system_names())
    assert Path(PRESETS / "tiny.toml").exists()


def test_sums_and_accumulators_are_wide_enough():
    tile = TileConfig(
        macro=MacroConfig(rows=64, columns=64, weight_bits=8, input_bits=8), grid_rows=2, accumulator_bits=32
    )
    # The largest product is that of the two most negative numbers, 2 ** 14.
    assert tile.rows << 14 < 1 << tile.sum_bits - 1
    assert tile.max_accumulated_rows << 14 < 1 << tile.accumulator_bits - 1


def test_a_system_has_an_array_or_an_npe():
    both = load_system("tiny").with_(**{"npe.rows": 4})
    alone = both.with_(cim=None)
    assert alone.accelerator.cim is None
    with pytest.raises(ConfigError, match="cim = None is not allowed here: the system has no CIM array"):
        alone.cim_array  # noqa: B018 - asking for the array is what is refused
    with pytest.raises(ConfigError, match="cim = None is not allowed without npe"):
        alone.with_(npe=None)
    with pytest.raises(ConfigError, match="process = 'SG13G2' is not allowed without cim"):
        alone.with_(process="SG13G2")
    with pytest.raises(ConfigError, match=r"fabric\.bus_bits = 64 is not allowed: at 100 MHz the memory delivers 256"):
        alone.with_(clock_mhz=100)
