"""Liberty files that are damaged, say too little, or do not belong together: the line names file, field and value."""

import gzip
from dataclasses import replace

from tests.cli.bad_inputs.case import Case, case
from tests.hw.synth.small_library import SmallLibrary

SYNTH = "synth posit-decoder --out out --liberty a.lib"
SMALL = SmallLibrary().text()
PACKED = gzip.compress(SMALL.encode())
CONDITIONS = "  operating_conditions (low) { voltage : 1.2; }\n  default_operating_conditions : low;\n"
GATES = SmallLibrary(name="gates", cells=("INV", "NAND")).text()
REST = SmallLibrary(name="rest", cells=("BUF", "DFF"))


def one(name: str, content: str | bytes, *says: str) -> Case:
    """Return a case of one file."""
    return case(name, SYNTH, "a.lib", *says, files={"a.lib": content})


def edited(name: str, old: str, new: str, *says: str) -> Case:
    """Return a case of a good file that was edited."""
    assert old in SMALL
    return one(name, SMALL.replace(old, new, 1), *says)


def with_cells(name: str, *cells: str, says: str) -> Case:
    """Return a case of a library with these cells."""
    return one(name, SmallLibrary(cells=cells).text(), says)


def apart(name: str, rest: str, *says: str) -> Case:
    """Return a case of two files that do not belong together."""
    return case(name, f"{SYNTH} --liberty b.lib", *says, files={"a.lib": GATES, "b.lib": rest})


CASES = (
    # No liberty file.
    case("a file that is not there", SYNTH, "liberty file a.lib: cannot be read: No such file"),
    case("a folder", f"{SYNTH} --liberty .", "liberty file .: cannot be read: is a folder", files={"a.lib": GATES}),
    one("an empty file", "", "not a liberty file: it must start with 'library (name) {'"),
    one("a configuration", "[library]\n", "not a liberty file: it must start with 'library (name) {'"),
    one("Verilog after a library in a comment", "/* library(x) { */ module x; endmodule", "not a liberty file"),
    one("zeros", b"\x00" * 1000, "not a liberty file"),
    one("two libraries", SMALL + SMALL, "text after the end of library 'small'", "one library a file"),
    # Damaged.
    one("a file without its last brace", SMALL[:-2], "is cut off: 'library (small) {' of line 1 is not closed"),
    one("half a file", SMALL[: len(SMALL) // 2], "is cut off: 'library (small) {' of line 1 is not closed"),
    one("a file cut off in its header", SMALL[:400], "is cut off"),
    edited("a string without an end", '"1ns"', '"1ns', "is cut off"),
    edited("a comment without an end", "  nom_process", "  /* nom_process", "is cut off"),
    one("a packed file cut off", PACKED[:-200], "liberty file a.lib: cannot be unpacked: Compressed file ended"),
    one("a packed file cut off in its header", PACKED[:8], "liberty file a.lib: cannot be unpacked"),
    one("a packed file of rubbish", PACKED[:20] + b"x" * 300, "liberty file a.lib: cannot be unpacked"),
    one("half a packed file", gzip.compress(SMALL[: len(SMALL) // 2].encode()), "is cut off"),
    # Units and conditions.
    one("an empty library", "library (x) {}", "time_unit is missing: it must be a number and one of s, ms, us, ns, ps, fs"),
    edited("no unit of time", "  time_unit", "  other", "time_unit is missing", "one of s, ms, us, ns, ps, fs"),
    edited("no unit of voltage", "  voltage_unit", "  other", "voltage_unit is missing", "one of V, mV"),
    edited("no unit of capacitance", "  capacitive_load_unit", "  x", "capacitive_load_unit is missing", "one of F, mF"),
    edited("no unit of leakage", "  leakage_power_unit", "  other", "leakage_power_unit is missing", "one of W, mW"),
    edited("a unit of time that is none", '"1ns"', '"1 hour"', "time_unit = '1 hour' is not allowed: it must be a number"),
    edited("a unit of time of length 0", '"1ns"', '"0ns"', "time_unit = '0ns' is not allowed"),
    edited("a unit with escapes", '"1ns"', '"\x1b[31mns"', "time_unit = '\\x1b[31mns' is not allowed"),
    edited("no voltage", "  nom_voltage", "  other", "nom_voltage is missing: it must be above 0"),
    edited("a voltage of 0", "nom_voltage : 1.5", "nom_voltage : 0", "nom_voltage = 0 is not allowed: it must be above 0"),
    edited("a temperature in words", "nom_temperature : 85", "nom_temperature : hot", "nom_temperature = 'hot' is not allowed"),
    edited("two voltages", "  nom_process", f"{CONDITIONS}  nom_process",
           "nom_voltage = 1.5, and voltage = 1.2 of the default 'low': they must be equal"),
    # Cells.
    with_cells("no cells", says="no flip-flop among 0 cells"),
    with_cells("no flip-flop", "INV", "BUF", "NAND", says="no flip-flop among 3 cells"),
    with_cells("no inverter", "BUF", "NAND", "DFF", says="no inverter among 3 cells"),
    with_cells("no buffer", "INV", "NAND", "DFF", says="no buffer among 3 cells"),
    with_cells("no gate", "INV", "BUF", "DFF", says="no gate of two inputs among 3 cells"),
    edited("a flip-flop without an area", "cell (DFF) { area : 6;", "cell (DFF) {", "cell 'DFF': area is absent: it must be"),
    edited("a negative area", "area : 6;", "area : -6;", "cell 'DFF': area is -6: it must be 0 or more"),
    with_cells("a cell twice", "INV", "BUF", "NAND", "DFF", "INV", says="cell 'INV' is there twice"),
    # Files that do not belong together.
    apart("an empty second file", "", "b.lib: not a liberty file"),
    apart("two units of time", replace(REST, time=("1ps", 1e-3)).text(), "b.lib: time_unit is '1ps', and in a.lib it is '1ns'"),
    apart("two units of leakage", replace(REST, leakage=("1pW", 1e-3)).text(),
          "b.lib: leakage_power_unit is '1pW', and in a.lib it is '1nW'"),
    apart("two voltages of files", REST.text().replace("nom_voltage : 1.5", "nom_voltage : 1.2"),
          "b.lib: nom_voltage is '1.2', and in a.lib it is '1.5'"),
    apart("two processes", REST.text().replace("nom_process : 1", "nom_process : 2"),
          "b.lib: nom_process is '2', and in a.lib it is '1'"),
    apart("a file without temperature", REST.text().replace("nom_temperature : 85;", ""),
          "b.lib: nom_temperature is missing, and in a.lib it is '85'"),
    apart("two templates of a name", REST.text().replace("1, 2, 3, 4", "1, 2, 3, 5", 1),
          "b.lib: lu_table_template 'delay' is not the one in a.lib"),
    apart("a cell in two files", replace(REST, cells=("BUF", "NAND", "DFF")).text(),
          "b.lib: cell 'NAND' is in a.lib, too: each cell is allowed once"),
    case("a file named twice", f"{SYNTH} --liberty a.lib", "a.lib: is named twice", "once", files={"a.lib": SMALL}),
    case("files in the environment that do not belong together", "synth posit-decoder",
         "b.lib: time_unit is '1ps', and in", "a.lib it is '1ns'",
         files={"a.lib": GATES, "b.lib": replace(REST, time=("1ps", 1e-3)).text()},
         environment={"TILEWRIGHT_LIBERTY": "{folder}/a.lib:{folder}/b.lib"}),
    case("a file in the environment that is not there", "synth posit-decoder", "TILEWRIGHT_LIBERTY = no.lib: there is no such file",
         files={"a.lib": SMALL}, environment={"TILEWRIGHT_LIBERTY": "{folder}/a.lib:no.lib"}),
    # Conditions of the power.
    case("a clock that stands still", f"{SYNTH} --clock-mhz 0", "'--clock-mhz': 0.0", "0.001<=x<=100000", files={"a.lib": SMALL}),
    case("a clock that is no number", f"{SYNTH} --clock-mhz nan", "clock_mhz = nan is not allowed", files={"a.lib": SMALL}),
    case("more than a transition a cycle", f"{SYNTH} --activity 2", "'--activity': 2.0", "0<=x<=1", files={"a.lib": SMALL}),
    case("a load below 0", f"{SYNTH} --output-load-ff -1", "'--output-load-ff': -1.0", "0<=x<=1000000", files={"a.lib": SMALL}),
)  # fmt: skip
