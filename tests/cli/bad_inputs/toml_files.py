"""TOML files: systems for `map`, `generate`, `program run`; hosts for `cpu` and `map`."""

import os

from tests.cli.bad_inputs.case import Case, case
from tilewright.sim.config.load import PRESETS

TINY = (PRESETS / "tiny.toml").read_text()
HOST = (PRESETS / "host" / "baseline.toml").read_text()
MAP = "map llama-3.2-1b --system s.toml"
PREDICT = "cpu predict --host h.toml"


def _text(name: str, text: str | bytes, *says: str, command: str = MAP) -> Case:
    return case(name, command, *says, files={"s.toml" if "s.toml" in command else "h.toml": text})


def _system(name: str, old: str, new: str, *says: str, command: str = MAP) -> Case:
    """Return the case of the system ``tiny`` with a part that is another."""
    assert old in TINY, old
    return _text(name, TINY.replace(old, new, 1), *says, command=command)


def _host(name: str, old: str, new: str, *says: str) -> Case:
    assert old in HOST, old
    return _text(name, HOST.replace(old, new, 1), *says, command=PREDICT)


CASES = (
    # No TOML, or none that is read.
    _text("an empty file", "", "s.toml: 'name' is missing"),
    _text("a file that is cut off", TINY[: TINY.index("latency_ns =") + 12], "s.toml:9: 'latency_ns =' is not TOML", "at the end of the file"),
    _text("another language", '{"name": "x"}', "s.toml:1: '{\"name\": \"x\"}' is not TOML"),
    _text("a header without an end", TINY.replace("[memory]", "[memory"), "s.toml:", "'[memory' is not TOML: expected ']'"),
    _text("a value that is no value", TINY.replace("tiles = ", "tiles = x"), "is not TOML: invalid value"),
    _text("a text without an end", TINY + 'a = """\n\n', "is not TOML", "at the end of the file"),
    _text("a key twice", TINY.replace("clock_mhz = 500", "clock_mhz = 500\nclock_mhz = 2"), "s.toml:5: 'clock_mhz = 2' is not TOML: cannot overwrite"),
    _text("a table twice", TINY + "\n[memory]\n", "'[memory]' is not TOML", "twice"),
    _text("UTF-16", TINY.encode("utf-16"), "s.toml: cannot be read: is UTF-16 text, and must be UTF-8"),
    _text("Latin-1", TINY.encode() + "# é".encode("latin-1"), "byte 0xe9 is not UTF-8 text"),
    _text("a byte of zero", TINY + "\n# \0", "byte 0x00 is not allowed in text"),
    _text("a control character", TINY.replace('name = "tiny"', 'name = "ti\x1bny"'), "not TOML: illegal character '\\x1b'"),
    _text("a hundred thousand lists in each other", "a = " + "[" * 100_000, "at most 64 levels"),
    _text("a hundred tables in each other", TINY + f"\n[{'.'.join(['a'] * 100)}]\n", "at most 64 levels"),
    _text("ten thousand keys in each other", TINY + f"\n{'.'.join(['a'] * 10_000)} = 1\n", "at most 64 levels"),
    _text("a million bytes", "#" * 1_000_000, "s.toml: size = 1,000,000 bytes", "at most 262,144"),
    _text("10,000 digits", TINY.replace("clock_mhz = 500", f"clock_mhz = {'9' * 10_000}"), "digits", "at most 400"),
    _text("1,000 digits", TINY.replace("clock_mhz = 500", f"clock_mhz = {'9' * 1000}"), "s.toml:4: clock_mhz = ", "digits", "400"),
    _text("100,000 hexadecimal digits", TINY.replace("clock_mhz = 500", f"clock_mhz = 0x{'f' * 100_000}"), "s.toml:4: clock_mhz = ", "400"),
    case("a file that is not there", MAP, "s.toml: cannot be read: No such file or directory"),
    case("a folder", MAP, "s.toml: cannot be read: is a folder", prepare=lambda folder: (folder / "s.toml").mkdir()),
    case("a pipe", MAP, "s.toml: cannot be read: is a pipe", prepare=lambda folder: os.mkfifo(folder / "s.toml")),
    case("a device", MAP, "s.toml: cannot be read: is a device", prepare=lambda folder: (folder / "s.toml").symlink_to("/dev/zero")),
    case("a file of another kind", "map llama-3.2-1b --system s.json", "unknown system 's.json'", ".toml", files={"s.json": "{}"}),
    _system("a truth value as a number", "clock_mhz = 500", "clock_mhz = true", "s.toml:4: clock_mhz = True is not allowed: it must be an integer"),
    _system("a text as a number", "clock_mhz = 500", 'clock_mhz = "500"', "s.toml:4: clock_mhz = '500' is not allowed: it must be an integer"),
    _system("a truth value as one of some numbers", "input_bits_per_cycle = 2", "input_bits_per_cycle = true", "input_bits_per_cycle = True is not allowed: it must be an integer"),
    # Systems with a base.
    _text("a base that is a number", "base = 3", "s.toml:1: base = 3 is not allowed", "name of a system or of a .toml file"),
    _text("a base that is unknown", 'base = "edge-int5"', "s.toml:1: base = 'edge-int5': unknown system 'edge-int5'", "did you mean"),
    _text("a file that is its own base", 'base = "s.toml"', "s.toml:1: base = 's.toml' is not allowed: the file would be its own base"),
    _text("a bad field on a base", 'base = "tiny"\nclock_mhz = 0', "s.toml:2: clock_mhz = 0"),
    _text("an unknown field on a base", 'base = "tiny"\n[cim]\nrows = 1', "s.toml:3: unknown field 'cim.rows'"),
    # Systems.
    _system("a key that is misspelt", "grid_rows", "gird_rows", "s.toml:15: unknown key 'cim.tile.gird_rows'", "did you mean 'grid_rows'?"),
    _system("a key of 5,000 characters", "grid_rows", "g" * 5000, "s.toml:15: unknown key 'cim.tile.ggg", "grid_rows"),
    _system("a key with escapes", "grid_rows", '"\\u001b[31m"', "unknown key 'cim.tile.\\x1b[31m'", "grid_rows"),
    _system("a key that is missing", "lanes = 4\n", "", "'vector.lanes' is missing"),
    _system("a table that is a number", "[memory]", "memory = 3\n[memroy]", "s.toml:", "unknown key 'memroy'", "'memory'"),
    _system("text for a number", "clock_mhz = 500", 'clock_mhz = "fast"', "s.toml:4: clock_mhz = 'fast' is not allowed", "integer"),
    _system("a date for a number", "clock_mhz = 500", "clock_mhz = 1979-05-27", "s.toml:4: clock_mhz = datetime.date(1979, 5, 27)", "integer"),
    _system("no clock", "clock_mhz = 500", "clock_mhz = 0", "s.toml:4: clock_mhz = 0 is not allowed", "equal to 1"),
    _system("an energy without end", "mac_pj = ", "mac_pj = inf #", "energy.mac_pj = inf is not allowed", "finite"),
    _system("an energy that is no number", "mac_pj = ", "mac_pj = nan #", "energy.mac_pj = nan is not allowed", "finite"),
    _system("an energy below nothing", "mac_pj = ", "mac_pj = -1 #", "energy.mac_pj = -1 is not allowed", "equal to 0"),
    _system("an energy beyond the range", "mac_pj = ", f"mac_pj = 1{'0' * 350} #", "energy.mac_pj = 1000", "number"),
    _system("an energy of 1e300", "vector_element_pj = ", "vector_element_pj = 1e300 #", "energy.vector_element_pj = 1e+300 is not allowed", "1000000000"),
    _system("a kind of memory that is not there", 'kind = "LPDDR4X"', 'kind = "LPDDR4Y"', "s.toml:7: memory.kind = 'LPDDR4Y' is not allowed without energy_pj_per_bit", "did you mean 'LPDDR4X'? one of: DDR4, HBM2E"),
    _system("a memory without an end", "[memory]", "[memory]\nenergy_pj_per_bit = inf", "s.toml:7: memory.energy_pj_per_bit = inf", "finite"),
    _system("an energy of a bit that is text", "[memory]", "[memory]\nenergy_pj_per_bit = 'low'", "memory.energy_pj_per_bit = 'low' is not allowed", "number"),
    _system("an energy of a bit without a middle", "[memory]", "[memory]\nenergy_pj_per_bit = {low = 1, high = 2}", "'memory.energy_pj_per_bit.mid' is missing"),
    _system("an energy of a bit that descends", "[memory]", "[memory]\nenergy_pj_per_bit = {low = 3, mid = 2, high = 4}", "s.toml:7: memory.energy_pj_per_bit.mid = 2 is not allowed: it must not be below low = 3"),
    _system("a power below nothing", "[memory]", "[memory]\nbackground_mw = -1", "s.toml:7: memory.background_mw = -1 is not allowed", "equal to 0"),
    _system("a memory of no devices", "[memory]", "[memory]\ndevices = 0", "s.toml:7: memory.devices = 0 is not allowed", "equal to 1"),
    _system("a latency that is no number", "latency_ns = ", "latency_ns = nan #", "memory.latency_ns = nan is not allowed"),
    _system("a bus that divides nothing", "weight_bus_bits = 64", "weight_bus_bits = 48", "s.toml:17: cim.tile.weight_bus_bits = 48 is not allowed"),
    _system("rows that are no rows", "rows = 16", "rows = 0", "cim.tile.macro.rows = 0 is not allowed", "equal to 2"),
    _system("a million tiles", "tiles = 1", "tiles = 1000000", "cim.tiles = 1000000 is not allowed", "1024", command="generate accelerator --system s.toml --out out"),
    _system("a source of nothing", '"cim.*"', '"cin.*"', "sources = 'cin.*' is not a field", "cim"),
    _system("a host that is not there", "[memory]", "host = 'warm'\n[memory]", "host = 'warm' is not allowed", "one of: baseline"),
    _system("a host's file that is not there", "[memory]", "host = 'its.toml'\n[memory]", "its.toml: cannot be read: No such file"),
    _system("a host's file with a zero", "[memory]", 'host = "a\\u0000.toml"\n[memory]', "host = 'a\\x00.toml' is not allowed", "null"),
    _system("a host's file of 5,000 characters", "[memory]", f"host = '{'h' * 5000}.toml'\n[memory]", "host = 'hhh", "File name too long"),
    _system("a mode that is not there", "[fabric]", "[npe]\nmodes = ['int9']\n[fabric]", "npe.modes", "int9", "fp4_e2m1"),
    _system("modes that are numbers", "[fabric]", "[npe]\nmodes = [1.5]\n[fabric]", "npe.modes", "is not allowed"),
    _system("a width of addresses", "[fabric]", "[npe]\naddress_bits = 40\n[fabric]", "npe.address_bits = 40 is not allowed", "32"),
    _system("banks that are no power of two", "banks = ", "banks = 3 #", "fabric.banks = 3 is not allowed", "4", command="program run x --system s.toml"),
    # Hosts.
    _text("a host of nothing", "", "h.toml: 'name' is missing", command=PREDICT),
    _text("a system as a host", TINY, "h.toml:8: unknown key 'memory.bandwidth_mb_per_s'", "banks", command=PREDICT),
    _host("a clock of nothing", "core_ghz = ", "core_ghz = 0 #", "clocks.core_ghz = 0", "greater than 0"),
    _host("a clock without end", "core_ghz = ", "core_ghz = inf #", "clocks.core_ghz = inf is not allowed", "finite"),
    _host("a cache of nothing", "size_kib = ", "size_kib = 0 #", "size_kib = 0 is not allowed", "equal to 1"),
    _host("a cache of odd size", "size_kib = ", "size_kib = 33 #", "size_kib = 33", "power of two"),
    _host("a kind of core that is not there", 'core = "o3"', 'core = "atom"', "core = 'atom' is not allowed", "'o3' or 'minor'"),
)  # fmt: skip
