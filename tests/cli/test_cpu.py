"""``tilewright cpu predict`` as a process of its own."""

import json

import pytest

from tests.cli.command_line import refused, run
from tests.gem5_configs.gem5_statistics import statistics
from tilewright.gem5_configs.runs import PUBLISHED

LINES = PUBLISHED.read_text().splitlines()


def test_predict_as_json(tmp_path):
    clocks = ["--core-ghz", "50", "--l1-ghz", "50", "--l2-ghz", "4", "--l3-ghz", "4", "--board-ghz", "1"]
    file = tmp_path / "runs.csv"
    file.write_text("\n".join([LINES[0], *(line for line in LINES if ",all-cryo,npb-" in line)]))
    result = run("cpu", "predict", "--baseline", str(file), "--core", "o3", *clocks, "--json")
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    rows = {row["workload"]: row for row in data["workloads"]}
    assert list(rows) == ["npb-bt-size-s", "npb-cg-size-s", "npb-ft-size-s", "npb-is-size-s"]
    assert data["clocks"] == {"core_ghz": 50, "l1_ghz": 50, "l2_ghz": 4, "l3_ghz": 4, "board_ghz": 1}
    # The published run took 6.445 ms.
    row = rows["npb-bt-size-s"]
    assert row["seconds"] == pytest.approx(6.445e-3, rel=0.02)
    assert sum(row["cpi_stack"].values()) == pytest.approx(1 / row["ipc"])
    assert row["speedup"] == pytest.approx(row["baseline_seconds"] / row["seconds"])
    # A variant's name says the same; of one workload the figures stand on top, too.
    arguments = ["--domains", "super-core-l1", "--high-ghz", "50", "--workload", "npb-bt-size-s"]
    one = json.loads(run("cpu", "predict", *arguments, "--json").stdout)
    assert (one["seconds"], one["workloads"]) == (row["seconds"], [row])


def test_runs_that_come_with_it_have_names():
    published = json.loads(run("cpu", "predict", "--baseline", "published", "--json").stdout)
    assert published == json.loads(run("cpu", "predict", "--json").stdout)
    assert "npb-bt-size-s" in {row["workload"] for row in published["workloads"]}
    arguments = ["--baseline", "kernels", "--core", "minor", "--core-ghz", "100", "--json"]
    by_host = [
        json.loads(run("cpu", "predict", *arguments, "--host", host).stdout) for host in ("cryogenic", "baseline")
    ]
    for data in by_host:
        assert len(data["workloads"]) == 20
        assert all(row["speedup"] >= 1 for row in data["workloads"])
    fast, slow = ({row["workload"]: row["baseline_seconds"] for row in data["workloads"]} for data in by_host)
    assert all(fast[workload] < slow[workload] for workload in fast)


def test_predict_draws(tmp_path):
    arguments = ["--domains", "super-core", "--high-ghz", "20", "--out", str(tmp_path), "--json"]
    result = run("cpu", "predict", *arguments)
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    names = ["cpu-predict.json", "cpu-speedup.png", "cpu-cpi.png"]
    assert data.pop("files") == [str(tmp_path / name) for name in names]
    assert json.loads((tmp_path / names[0]).read_text()) == data
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names[1:])
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)


def test_statistics_become_a_file_from_which_predictions_start(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "stats.txt").write_text(statistics())
    result = run("cpu", "stats", "mine", "--host", "cryogenic", "--out", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "out/cpu-stats.csv" in result.stdout
    predicted = run("cpu", "predict", "--baseline", "out/cpu-stats.csv", "--json", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    [row] = json.loads(predicted.stdout)["workloads"]
    assert (row["workload"], row["baseline_seconds"]) == ("mine", 4.612345e-05)


def test_predict_as_a_table():
    result = run("cpu", "predict", "--core", "minor", "--core-ghz", "20")
    assert result.returncode == 0, result.stderr
    assert "core minor, GHz: core 20, l1 4, l2 4, l3 4, board 1" in result.stdout
    assert all(word in result.stdout for word in ("npb-is-size-s", "speed-up", "dram", "docs/host-core.md"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--core-ghz", "0"], "--core-ghz = 0.0 is not allowed: input should be greater than 0"),
        (["--l1-ghz", "-4"], "--l1-ghz = -4.0 is not allowed: input should be greater than 0"),
        (["--l2-ghz", "nan"], "--l2-ghz = nan is not allowed: input should be a finite number"),
        (["--l3-ghz", "inf"], "--l3-ghz = inf is not allowed: input should be a finite number"),
        (["--board-ghz", "fast"], "Invalid value for '--board-ghz': 'fast' is not a valid float."),
        (
            ["--domains", "super-cor", "--high-ghz", "9"],
            "unknown clock domains 'super-cor' (did you mean 'super-core'?",
        ),
        (["--domains", "super-core"], "--high-ghz is missing: the clock of core in 'super-core'"),
        (
            ["--domains", "super-core", "--high-ghz", "0"],
            "--high-ghz = 0.0 is not allowed: input should be greater than 0",
        ),
        (["--high-ghz", "9"], "--high-ghz is the clock of what --domains makes fast: give that, too"),
        (["--workload", "npb"], f"{PUBLISHED}: no run of workload 'npb' at 4 GHz"),
        (["--core", "o4"], "Invalid value for '--core': 'o4' is not one of 'o3', 'minor'."),
        (["--host", "cry"], "unknown host 'cry'"),
        (["--baseline", "missing.csv"], "missing.csv: cannot be read: No such file or directory"),
    ],
)
def test_bad_options_are_refused(arguments, message):
    assert refused("cpu", "predict", *arguments).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{file}: is empty"),
        (LINES[0].replace("l2_accesses,", "") + "\n", "{file}: column 'l2_accesses' is missing"),
        (f"{LINES[0]}\n{LINES[1].replace('13777923', 'x')}\n", "{file}:2: sim_insts = 'x' is not allowed"),
        (f"{LINES[0]}\n{LINES[1].replace('o3', 'minor')}\n", "{file}: no run of core 'o3'"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, message):
    file = tmp_path / "runs.csv"
    file.write_text(text)
    assert refused("cpu", "predict", "--baseline", str(file)).startswith(message.format(file=file))
