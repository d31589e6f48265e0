"""The command line as a user meets it: as a process of its own."""

import csv
import json
import os
import resource
import subprocess
import sys

import pytest

from tests.cli.command_line import refused, run, run_anew
from tests.machine_speed import slowness
from tilewright.mapping.models.load import MODELS
from tilewright.sim.config.load import PRESETS

COMMANDS = [
    "cache",
    "compare",
    "cosim",
    "cpu",
    "doctor",
    "generate",
    "list",
    "map",
    "program",
    "report",
    "schema",
    "synth",
]
CPU_COMMANDS = ["cpu predict", "cpu run", "cpu stats"]
PROGRAM_COMMANDS = ["program assemble", "program disassemble", "program fields", "program run"]


@pytest.mark.parametrize(
    "command", [*COMMANDS, "generate cim-tile", "synth cim-tile", *CPU_COMMANDS, *PROGRAM_COMMANDS]
)
def test_help_has_an_example(command):
    result = run(*command.split(), "--help")
    assert result.returncode == 0
    assert f"Example: tilewright {command}" in " ".join(result.stdout.split())
    if command not in ("cpu", "generate", "program", "synth"):
        assert "--json" in result.stdout


def test_help_is_quick_and_lists_every_command():
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = run_anew("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert all(f"  {command}" in result.stdout for command in COMMANDS)
    assert min(took) <= 0.2, took


def test_map_as_json(tmp_path):
    arguments = ["map", "llama-3.2-1b", "--phase", "decode", "--context", "1024", "--system", "edge-int4"]
    result = run(*arguments, "--json", "--out", str(tmp_path))
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert {
        "cycles", "seconds", "tokens_per_s", "dram_bytes", "dram_bound_cycles", "compute_bound_cycles",
        "bound_fraction", "energy_j", "steps",
    } <= set(data)  # fmt: skip
    assert data["bound_fraction"] >= 0.95
    assert all({"step", "units", "commands", "cycles", "macs"} <= set(step) for step in data["steps"])
    assert json.loads((tmp_path / "map.json").read_text())["cycles"] == data["cycles"]
    assert len(json.loads((tmp_path / "map.trace.json").read_text())["traceEvents"]) > 1000
    files = ["map.json", "map.png", "map.roofline.png", "map.trace.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert sum(step["dram_bytes"] for step in data["steps"]) == data["dram_bytes"]


def test_map_on_an_array_of_mxfp4(tmp_path):
    text = (PRESETS / "edge-int4.toml").read_text()
    for old, new in (
        ("rows = 64\n", 'rows = 32\nweight_format = "fp4_e2m1"\n'),
        ("grid_rows = 4\n", 'grid_rows = 8\ngroup_scale = "e8m0"\ngroup_rows = 32\nmax_shift = 7\n'),
    ):
        assert text.count(f"\n{old}") == 1
        text = text.replace(f"\n{old}", f"\n{new}")
    (tmp_path / "edge.toml").write_text(text)
    result = run("map", "llama-3.2-1b", "--system", str(tmp_path / "edge.toml"), "--context", "64", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["bound_fraction"] >= 0.95


def test_map_simulates_seven_million_cycles_in_a_second_of_cpu_time():
    took = []
    for _ in range(3):
        slower = slowness()
        before = os.times()
        result = run_anew("map", "llama-3.2-1b", "--json")
        after = os.times()
        assert result.returncode == 0
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        took.append(seconds / slower)
    # Of the whole command, imports and compiler included.
    assert json.loads(result.stdout)["cycles"] / min(took) > 7e6, took


def test_map_says_what_the_array_waits_for_in_a_run_far_from_its_bounds():
    text = run("map", "slate-132k", "--system", "tiny", "--context", "32").stdout
    data = json.loads(run("map", "slate-132k", "--system", "tiny", "--context", "32", "--json").stdout)
    assert data["bound_fraction"] < 0.8
    longest = data["waits"][0]
    share = longest["cycles"] / data["cycles"]
    assert f"longest for {longest['step']} ({longest['unit']}) {share:.1%}" in text
    products = data["unit_cycles"]["CIM array"]
    assert f"products take {products / data['cycles']:.1%} of the run" in text
    assert products + sum(wait["cycles"] for wait in data["waits"]) == data["cycles"]
    assert "the array waits" not in run("map", "llama-3.2-1b").stdout


def test_map_prints_what_a_person_needs():
    text = run("map", "llama-3.2-1b").stdout
    for part in ("tokens/s", "DRAM bound", "result port bound", "mlp.up_proj", "energy:", "JESD209", "Chih"):
        assert part in text or part == "JESD209", part


def test_contexts_side_by_side_have_the_range_of_their_energy():
    arguments = ("map", "slate-132k", "--system", "tiny", "--context", "4,8")
    text = " ".join(run(*arguments).stdout.split())
    for row in csv.DictReader(run(*arguments, "--csv").stdout.splitlines()):
        joules, per_joule = (
            [float(row[f"{key}.{level}"]) for level in ("low", "mid", "high")]
            for key in ("energy_range_j", "tokens_per_j")
        )
        assert joules[1] == float(row["energy_j"])
        assert per_joule == [1 / each for each in reversed(joules)]
        cells = [*(f"{each * 1e3:.4g}" for each in joules), *(f"{each:,.0f}" for each in per_joule)]
        assert all(f" {cell} " in text for cell in cells), cells


def test_generate_writes_verilog_and_ports(tmp_path):
    result = run("generate", "cim-tile", *SHAPE, "--out", str(tmp_path), "--json")
    assert result.returncode == 0, result.stderr
    assert "module cim_tile(" in (tmp_path / "cim_tile.v").read_text()
    ports = json.loads((tmp_path / "cim_tile.ports.json").read_text())
    assert ports["configuration"]["macro"]["rows"] == 16
    assert json.loads(result.stdout)["ports"] == ports["ports"]


def test_report_sums_up_a_folder(tmp_path):
    run("map", "llama-3.2-1b", "--out", str(tmp_path))
    rows = [{"name": "x: y", "rtl_cycles": 7, "model_cycles": 7, "values": 3, "mismatches": 0}]
    (tmp_path / "cosim-cim-tile.json").write_text(json.dumps({"cases": rows}))
    text = run("report", str(tmp_path)).stdout
    for part in ("tokens/s", "RTL cycles", "model cycles", "mismatches", "map.png"):
        assert part in text, part


def test_schema_is_json():
    assert json.loads(run("schema").stdout)["title"] == "System"
    assert json.loads(run("schema", "--of", "host").stdout)["title"] == "HostConfig"


def test_doctor_finds_what_is_here():
    data = json.loads(run("doctor", "--json").stdout)
    assert {"verilator", "C++ compiler", "make", "libpython"} <= {tool["name"] for tool in data["tools"]}


def test_doctor_says_how_to_get_what_is_missing(tmp_path):
    result = run("doctor", PATH=str(tmp_path))
    assert result.returncode == 1
    assert "apt install opensta" in result.stdout
    assert "apt install g++" in result.stdout
    assert "apt install make" in result.stdout


FAKE = """
import json, sys
from tilewright.cli import main
from tilewright.api.cosims import COSIMS, Cosim
from types import SimpleNamespace as Some
row = {"name": "one: two", "rtl_cycles": 7, "model_cycles": 7, "values": 3, "mismatches": 0} | json.loads(sys.argv[1])
sys.modules["fake"] = Some(SUITES=(Some(name="one"),))
from tilewright.api import cosim
cosim.run_suites = lambda suites, jobs, options: ((suite, [row]) for suite in suites)
COSIMS["fake"] = Cosim("", "fake")
main(["cosim", "fake", *sys.argv[2:]])
"""
"""A co-simulation that ends with one row."""


@pytest.mark.parametrize(
    ("row", "status", "said"),
    [
        ({}, 0, ""),
        ({"mismatches": 1}, 1, ""),
        ({"model_cycles": 8}, 1, ""),
        ({"found": "READ_BEATS 4, not 5"}, 1, "one: two: READ_BEATS 4, not 5"),
    ],
)
def test_cosim_fails_if_anything_differs(row, status, said):
    command = [sys.executable, "-c", FAKE, json.dumps(row)]
    for options in ([], ["--markdown"]):
        result = subprocess.run([*command, *options], capture_output=True, text=True)
        assert result.returncode == status, result
        assert said in result.stdout


def test_cosim_as_markdown():
    row = {"latency": "20", "bytes_per_cycle": 6.4, "cosine": 0.9997612, "rtl_cycles": 1007, "model_cycles": 1007}
    result = subprocess.run([sys.executable, "-c", FAKE, json.dumps(row), "--markdown"], capture_output=True, text=True)
    assert result.stdout.splitlines() == [
        "| case | latency | B/cycle | RTL cycles | model cycles | apart | values | mismatches | cosine |",
        "|---|---|---|---|---|---|---|---|---|",
        "| one: two | 20 | 6.4 | 1,007 | 1,007 | 0 | 3 | 0 | 0.99976 |",
        "| 1 case |  |  | 1,007 | 1,007 | 0 | 3 | 0 | |",
    ]


SHAPE = ["--rows", "16", "--columns", "16", "--weight-bits", "4", "--input-bits", "8"]
MODEL = (MODELS / "llama-3.2-1b.json").read_text()
TINY = (PRESETS / "tiny.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mpa"], "unknown command 'mpa' (did you mean 'map'? one of: cache, compare,"),
        (["map", "lama-3.2-1b"], "unknown model 'lama-3.2-1b' (did you mean 'llama-3.2-1b'?"),
        (["map", "llama-3.2-1b", "--system", "edge-in4"], "unknown system 'edge-in4' (did you mean 'edge-int4'?"),
        (["map", "llama-3.2-1b", "--phase", "decoed"], "--phase': 'decoed' is not one of 'decode', 'prefill'"),
        (["map", "llama-3.2-1b", "--context", "0"], "context = 0 is not allowed: it must be 1 to"),
        (["map", "llama-3.2-1b", "--context", "many"], "'--context': 'many' is not a valid integer"),
        (["map", "llama-3.2-1b", "--phase", "prefill", "--context", "0"], "context = 0 is not allowed"),
        (["map"], "Missing argument 'MODEL'"),
        (["map", "llama-3.2-1b", "--contxt", "5"], "No such option '--contxt'. (Did you mean one of: '--context'"),
        (["map", "llama-3.2-1b", "--out", "file/out"], "--out file/out: cannot be written: Not a directory"),
        (["map", "cut.json"], "cut.json:7: not JSON"),
        (["map", "negative.json"], "negative.json:5: hidden_size = -2048 is not allowed"),
        (["map", "llama-3.2-1b", "--system", "misspelt.toml"], "misspelt.toml:15: unknown key 'cim.tile.gird_rows'"),
        (["generate", "cim-tile", "--system", "tiny", "--rows", "0"], "--rows = 0 is not allowed: input should be greater"),
        (["generate", "cim-tile", "--system", "tiny", "--weight-bits", "5"], "--weight-bits = 5 is not allowed: input should be 4 or 8"),
        (["generate", "cim-tile", "--rows", "16"], "--columns is missing: give it, or a system to start from"),
        (["generate", "cim-array", *SHAPE], "--tiles is missing: give it, or a system to start from"),
        (["generate", "cim-array", *SHAPE, "--tiles", "4", "--accumulator-bits", "16"], "--accumulator-bits = 16 is not allowed: the sum"),
        (["generate", "cim-tile", *SHAPE, "--weight-format", "fp5"], "--weight-format = 'fp5' is not allowed: input should be 'int'"),
        (["generate", "cim-tile", *SHAPE, "--group-rows", "32"], "--group-rows = 32 is not allowed: with group_scale = none"),
        (["generate", "cim-tile", "--system", "tiny", "--result-bus-bits", "48"], "--result-bus-bits = 48 is not allowed"),
        (["generate", "cim-tile", "--system", "tiny", "--out", "file"], "--out file: cannot be written: it must be a folder"),
        (["generate", "cim-tyle"], "unknown block 'cim-tyle' (did you mean 'cim-tile'?"),
        (["synth", "cim-tyle"], "unknown block 'cim-tyle' (did you mean 'cim-tile'?"),
        (["synth", "cim-tile", "--system", "tiny", "--rows", "0"], "--rows = 0 is not allowed: input should be greater"),
        (["synth", "cim-tile", "--system", "tiny", "--liberty", "none.lib"], "liberty file none.lib: cannot be read: No such file"),
        (["synth", "cim-tile", "--system", "tiny", "--liberty", "cut.json"], "cut.json: not a liberty file: it must start with 'library"),
        (["synth", "cim-tile", "--system", "tiny", "--out", "file/out"], "--out file/out: cannot be written: Not a directory"),
        (["cosim", "cim-tyle"], "unknown co-simulation 'cim-tyle' (did you mean 'cim-tile'?"),
        (["cosim", "cim-tile", "--design", "63x63"], "unknown design '63x63'"),
        (["cosim", "cim-tile", "--out", "file/out"], "--out file/out: cannot be written"),
        (["report", "nothing"], "nothing: cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_line(tmp_path, arguments, said):
    (tmp_path / "file").write_text("")
    (tmp_path / "cut.json").write_text(MODEL[: MODEL.index("num_attention") - 5])
    (tmp_path / "negative.json").write_text(MODEL.replace('"hidden_size": 2048', '"hidden_size": -2048'))
    (tmp_path / "misspelt.toml").write_text(TINY.replace("grid_rows", "gird_rows"))
    before = sorted(tmp_path.iterdir())
    assert said in refused(*arguments, cwd=tmp_path)
    assert sorted(tmp_path.iterdir()) == before, "nothing is left behind"


def test_a_missing_compiler_is_named(tmp_path):
    """With make but without a C++ compiler on PATH."""
    import shutil

    make = shutil.which("make")
    assert make
    (tmp_path / "make").symlink_to(make)
    line = refused("cosim", "cim-tile", PATH=str(tmp_path), CXX="")
    assert line == "no C++ compiler found: install g++ (Debian: `apt install g++`) or name one in CXX"


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    line = refused("cosim", "cim-tile", "--design", "16x16 1x1 w4 i8/1", TILEWRIGHT_CACHE=str(tmp_path / "file"))
    assert "cannot be written" in line
    assert "TILEWRIGHT_CACHE" in line
