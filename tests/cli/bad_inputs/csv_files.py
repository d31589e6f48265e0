"""CSV files of runs, for `cpu predict` and for `map` with a host."""

import os

from tests.cli.bad_inputs.case import Case, case
from tilewright.gem5_configs.runs import PUBLISHED

HEADER, *ROWS = PUBLISHED.read_text().splitlines()
COLUMNS = HEADER.split(",")
BASELINE = next(row for row in ROWS if row.startswith(("o3,all-cryo", "o3,baseline")))
PREDICT = "cpu predict --baseline r.csv"
MAP = "map llama-3.2-1b --host baseline --host-runs r.csv"


def _text(name: str, text: str | bytes, *says: str, command: str = PREDICT) -> Case:
    return case(name, command, *says, files={"r.csv": text})


def _cell(name: str, column: str, value: str, *says: str) -> Case:
    """Return the case of a file of one run, with one cell that is another."""
    cells = BASELINE.split(",")
    cells[COLUMNS.index(column)] = value
    return _text(name, f"{HEADER}\n{','.join(cells)}\n", *says)


def _header(name: str, old: str, new: str, *says: str) -> Case:
    return _text(name, f"{HEADER.replace(old, new)}\n{BASELINE}\n", *says)


CASES = (
    _text("an empty file", "", "r.csv: is empty", "core, domains"),
    _text("empty lines", "\n\n\n", "r.csv: is empty", "core, domains"),
    _text("columns alone", f"{HEADER}\n", "r.csv: has no runs"),
    _text("runs alone", f"{BASELINE}\n", "r.csv: column 'core' is missing"),
    _text("another table", "a,b\n1,2\n", "r.csv: column 'core' is missing"),
    _text("semicolons", f"{HEADER}\n{BASELINE}\n".replace(",", ";"), "r.csv: column 'core' is missing"),
    _text("a binary file", bytes(range(256)), "r.csv:", "is not"),
    _text("UTF-16", f"{HEADER}\n{BASELINE}\n".encode("utf-16"), "r.csv: cannot be read: is UTF-16 text"),
    _text("Latin-1", f"{HEADER}\n{BASELINE}é\n".encode("latin-1"), "r.csv:2:", "byte 0xe9 is not UTF-8"),
    _text("a byte of zero", f"{HEADER}\n{BASELINE}\0\n", "r.csv:2:", "byte 0x00"),
    _text("a cell of 200,000 characters", f"{HEADER}\n{'x' * 200_000},{BASELINE}\n", "r.csv:2: not CSV", "131,072 characters"),
    _text("a quote without an end", f'{HEADER}\n"{BASELINE}\n', "r.csv:2: not CSV", "unexpected end"),
    _text("text behind a quote", f'{HEADER}\n"o3"x,{BASELINE}\n', "r.csv:2: not CSV", "expected after"),
    _text("a quote of 200,000 lines", f'{HEADER}\n"' + "\n" * 200_000, "r.csv:", "not CSV"),
    _text("17 million bytes", b"," * (17 << 20), "r.csv: size = 17,825,792 bytes", "at most 16,777,216"),
    _text("a run that is cut off", f"{HEADER}\n{BASELINE[:40]}", "r.csv:2: has ", "cells", "first line has"),
    _text("a cell too many", f"{HEADER}\n{BASELINE},1\n", "r.csv:2: has ", "cells", "first line has"),
    _text("a bad run after good ones", f"{HEADER}\n{BASELINE}\n\n{BASELINE}\nx\n", "r.csv:5: has 1 cells"),
    _text("runs that differ", f"{HEADER}\n{BASELINE}\n{BASELINE[:-1]}9\n", "r.csv: two runs of workload", "differ"),
    _header("a column that is missing", "l2_misses,", "", "r.csv: column 'l2_misses' is missing"),
    _header("a column twice", "l2_misses", "l1d_misses", "r.csv: column 'l2_misses' is missing"),
    _text("a column that is there twice", f"{HEADER},core\n{BASELINE},o3\n", "r.csv: column 'core' is there twice", "once"),
    _header("a column in capitals", "core,", "Core,", "r.csv: column 'core' is missing"),
    _cell("another core", "core", "atom", "r.csv:2: core = 'atom' is not allowed", "'o3' or 'minor'"),
    _cell("a core of 5,000 characters", "core", "c" * 5000, "r.csv:2: core = 'ccc", "'o3' or 'minor'"),
    _cell("a core with escapes", "core", "\x1b[31mo3", "r.csv:2: core = '\\x1b[31mo3' is not allowed"),
    _cell("no workload", "workload", "", "r.csv:2: workload = '' is not allowed", "at least 1 character"),
    _cell("no time", "sim_seconds", "0", "r.csv:2: sim_seconds = '0' is not allowed", "greater than 0"),
    _cell("a time below nothing", "sim_seconds", "-1", "r.csv:2: sim_seconds = '-1' is not allowed", "greater than 0"),
    _cell("a time that is no number", "sim_seconds", "nan", "r.csv:2: sim_seconds = 'nan' is not allowed", "finite"),
    _cell("a time without end", "sim_seconds", "inf", "r.csv:2: sim_seconds = 'inf' is not allowed", "finite"),
    _cell("a time beyond the range", "sim_seconds", "1e999", "r.csv:2: sim_seconds = '1e999' is not allowed", "finite"),
    _cell("no instructions", "sim_insts", "0", "r.csv:2: sim_insts = '0' is not allowed", "greater than 0"),
    _cell("text for a number", "l1d_misses", "many", "r.csv:2: l1d_misses = 'many' is not allowed", "number"),
    _cell("an empty cell", "l1d_misses", "", "r.csv:2: l1d_misses = '' is not allowed", "number"),
    _cell("a comma in a number", "l1d_misses", '"1,000"', "r.csv:2: l1d_misses = '1,000' is not allowed", "number"),
    _cell("5,000 digits", "l1d_misses", "9" * 5000, "r.csv:2: l1d_misses = '999", "finite"),
    _cell("misses below nothing", "l3_misses", "-5", "r.csv:2: l3_misses = '-5' is not allowed", "equal to 0"),
    _cell("a clock of nothing", "core_ghz", "0", "r.csv:2: core_ghz = '0' is not allowed", "greater than 0"),
    _cell("a clock of light", "board_ghz", "1e6", "r.csv:2: board_ghz = '1e6' is not allowed", "1000"),
    _cell("no run at the first clocks", "core_ghz", "8", "r.csv: no run of core 'o3'", "4 GHz"),
    _text("runs of another host", f"{HEADER},host\n{BASELINE},elsewhere\n", "r.csv: no run of host 'cryogenic'", "elsewhere"),
    _text("runs without the kernels of a map", f"{HEADER}\n{BASELINE}\n", "no two runs of kernel", "baseline", "--repeat 3", command=MAP),
    case("a file that is not there", PREDICT, "r.csv: cannot be read: No such file or directory"),
    case("a folder", PREDICT, "r.csv: cannot be read: is a folder", prepare=lambda folder: (folder / "r.csv").mkdir()),
    case("a pipe", PREDICT, "r.csv: cannot be read: is a pipe", prepare=lambda folder: os.mkfifo(folder / "r.csv")),
    case("a device", "cpu predict --baseline /dev/zero", "/dev/zero: cannot be read: is a device", "regular file"),
    case("runs without a host", "map llama-3.2-1b --host-runs r.csv", "--host-runs needs host", files={"r.csv": ""}),
)  # fmt: skip
