"""`tilewright compare` on folders that the other commands wrote, and what it refuses."""

import csv
import json

import pytest
from click.testing import CliRunner

from tests.cli.command_line import refused
from tests.cli.synth_results import REST_OF_SYNTH, synth
from tilewright.cli import cli
from tilewright.gem5_configs.runs import KERNELS, format_runs, read_runs

PROGRAM = """.lanes 16
load address=0x1000 beats={beats} destination=0x0
end
"""


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders with a generated block, a run of a program and a prediction each, as the commands write them."""
    root = tmp_path_factory.mktemp("designs")
    for name, options, beats, ghz in (("narrow", ("--stages", "1"), 4, 4), ("wide", ("--stages", "3"), 64, 20)):
        out = root / name
        (root / f"{name}.asm").write_text(PROGRAM.format(beats=beats))
        run("generate", "posit-adder", *options, "--out", str(out))
        run("program", "run", str(root / f"{name}.asm"), "--system", "small", "--out", str(out))
        predict = run("cpu", "predict", "--core-ghz", str(ghz), "--workload", "npb-cg-size-s", "--json")
        (out / "cpu-predict.json").write_text(predict)
        # As `cpu run` writes them, which needs gem5.
        slower = [run.replace(sim_seconds=run.sim_seconds * ghz) for run in read_runs(KERNELS)[:2]]
        (out / "cpu-run.csv").write_text(format_runs(slower))
    return root


def figures(data: dict, kind: str) -> dict:
    [group] = (group for group in data["groups"] if group["kind"] == kind)
    return {(row["figure"], row["unit"]): row for row in group["figures"]}


def test_folders_of_commands_are_compared(folders, tmp_path):
    designs = [str(folders / name) for name in ("narrow", "wide")]
    data = json.loads(run("compare", *designs, "--json", "--out", str(tmp_path)))
    assert data.pop("files") == [str(tmp_path / "compare.json"), str(tmp_path / "compare.csv")]
    assert json.loads((tmp_path / "compare.json").read_text()) == data
    assert data["designs"] == designs
    assert [group["kind"] for group in data["groups"]] == ["blocks", "run", "cpu", "gem5"]
    # Each value is what the command wrote.
    for index, design in enumerate(("narrow", "wide")):
        [ports, ran] = (
            json.loads((folders / design / name).read_text()) for name in ("posit_adder.ports.json", "run.json")
        )
        assert figures(data, "blocks")["latency", "cycles"]["values"][index] == ports["timing"]["latency_cycles"]
        assert figures(data, "run")["time", "cycles"]["values"][index] == ran["cycles"]
    assert figures(data, "blocks")["latency", "cycles"]["ratios"] == [1.0, 3.0]
    assert figures(data, "run")["READ_BEATS", ""]["ratios"][1] > 2
    assert figures(data, "cpu")["npb-cg-size-s, speed-up", "over 4 GHz"]["ratios"][1] > 1
    assert {row["ratios"][1] for row in figures(data, "gem5").values()} == {1.0, 5.0}
    lines = list(csv.reader((tmp_path / "compare.csv").read_text().splitlines()))
    assert lines[0][4:] == [*designs, f"{designs[1]} / {designs[0]}"]
    assert len(lines) == 1 + sum(len(group["figures"]) for group in data["groups"])


def test_tables_show_ratios_and_dashes(tmp_path):
    for name, result in (("a", synth(lut=1000, path_ns=4.0)), ("b", synth(lut=2500))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.synth.json").write_text(json.dumps(result | REST_OF_SYNTH))
    shown = run("compare", str(tmp_path / "a"), str(tmp_path / "b"))
    cells = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines()]
    assert ["", "look-up tables", "", "1,000", "2,500  2.5x", ""] in cells
    assert ["", "path", "ns", "4", "-", ""] in cells, "a missing figure is no zero"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a"], "a: there is nothing to compare it with: give two or more folders"),
        (["a", "b", "a"], "a: the folder is given twice; each may be given once"),
        (["a", "none"], "none: cannot be read: No such file or directory"),
        (["a", "a/x.synth.json"], "a/x.synth.json: cannot be read: Not a directory"),
        (["a", "empty"], "empty: nothing to compare: no map.json, *.synth.json, *.ports.json, cosim-*.json, run.json"),
        (
            ["a", "run"],
            "nothing to compare: a has results of synth, run has results of program run, and no result is in two of",
        ),
        (["a", "broken"], "broken/run.json:1: not JSON"),
        (["a", "odd"], "odd/run.json:1: cycles = 'many' is not allowed"),
    ],
)
def test_what_cannot_be_compared_gets_one_line(tmp_path, arguments, said):
    ran = {"program": "p", "system": "s", "error": None, "cycles": 1, "seconds": 1e-9, "counters": {}}
    contents = {
        "a/x.synth.json": json.dumps(synth(lut=1) | REST_OF_SYNTH),
        "run/run.json": json.dumps(ran),
        "broken/run.json": "{",
        "odd/run.json": json.dumps({**ran, "cycles": "many"}),
        "empty/notes.txt": "",
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert refused("compare", *arguments, "--out", "out", cwd=tmp_path).startswith(said)
    assert not (tmp_path / "out").exists()
