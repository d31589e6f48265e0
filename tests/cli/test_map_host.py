"""``tilewright map`` with a host core."""

import json

import pytest

from tests.cli.test_cli import refused, run
from tests.gem5_configs.test_operator_cost import ROWS, row
from tilewright.gem5_configs.runs import format_runs
from tilewright.sim.config.load import PRESETS

MAP = ["map", "llama-3.2-1b"]


@pytest.fixture
def files(tmp_path):
    sampling, triad = tmp_path / "sampling.csv", tmp_path / "triad.csv"
    sampling.write_text(format_runs(ROWS))
    triad.write_text(format_runs([row("triad-l2-x1", 2e-3), row("triad-l2-x3", 4e-3)]))
    return ["--host-runs", str(sampling), "--host-runs", str(triad)]


def test_host_operators_follow_the_accelerator(files):
    result = run(*MAP, "--host", "cryogenic", *files, "--json")
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    steps = {step["step"]: step for step in data["host"]["steps"]}
    assert {name: step["elements"] for name, step in steps.items()} == {"embed_tokens": 2048, "sampling": 128256}
    assert steps["sampling"]["seconds"] == pytest.approx(3e-3 / 8)
    assert steps["embed_tokens"]["seconds"] == pytest.approx(1e-3 * 2048 / 16384)
    assert not any(step["predicted"] for step in steps.values())
    assert data["seconds_with_host"] == pytest.approx(data["seconds"] + 3e-3 / 8 + 1e-3 / 8)
    assert data["tokens_per_s_with_host"] == pytest.approx(1 / data["seconds_with_host"])


def test_a_faster_host_is_predicted_in_a_table(files):
    result = run(*MAP, "--host", "superconducting", *files)
    assert result.returncode == 0, result.stderr
    assert "sampling-l3, predicted from 4 GHz" in result.stdout
    assert "with the host, one after the other" in result.stdout


def test_the_system_names_the_host_and_the_option_goes_before_it(files, tmp_path):
    system = tmp_path / "system.toml"
    edge = (PRESETS / "edge-int4.toml").read_text()
    system.write_text(edge.replace("[memory]", 'host = "superconducting"\n[memory]', 1))
    runs = [*MAP, "--system", str(system), "--json"]
    its, others, none = (json.loads(run(*runs, *more).stdout) for more in (files, (*files, "--host", "cryogenic"), ()))
    assert (its["host"]["name"], its["host"]["clocks"]["core_ghz"]) == ("superconducting", 100)
    assert others["host"]["name"] == "cryogenic"
    assert its["seconds_with_host"] < others["seconds_with_host"]
    assert "host" not in none
    system.write_text(edge.replace("[memory]", 'host = "warm"\n[memory]', 1))
    assert refused(*runs, *files).startswith(f"{system}:6: host = 'warm' is not allowed: unknown host 'warm'")


def test_a_host_without_runs_and_runs_without_a_host_are_refused(files):
    assert refused(*MAP, "--host", "cryogenic").startswith("--host needs --host-runs")
    assert refused(*MAP, *files).startswith("--host-runs needs --host")
    assert refused(*MAP, "--host", "cryogenic", *files[:2]).startswith("no two runs of kernel 'triad'")
    assert refused(*MAP, "--host", "warm", *files).startswith("unknown host 'warm'")
