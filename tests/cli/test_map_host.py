"""``tilewright map`` with a host core."""

import json

import pytest

from tests.cli.command_line import refused, run
from tests.gem5_configs.kernel_runs import ROWS, row
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
    # LPDDR5 at 51.2 GB/s, 114 ns: a row of 4-bit codes and its scale read, BF16 written; FP32 logits read.
    assert steps["embed_tokens"]["transfer_bytes"] == 1024 + 2 + 2 * 2048
    assert steps["embed_tokens"]["transfer_seconds"] == pytest.approx(2 * 114e-9 + 5122 / 51.2e9)
    assert steps["sampling"]["transfer_seconds"] == pytest.approx(114e-9 + 4 * 128256 / 51.2e9)
    assert [step["calls"] for step in steps.values()] == [1, 1]
    transfers = 3 * 114e-9 + (5122 + 4 * 128256) / 51.2e9
    assert data["seconds_with_host"] == pytest.approx(data["seconds"] + 3e-3 / 8 + 1e-3 / 8 + transfers)
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
    its, others, ours = (json.loads(run(*runs, *more).stdout) for more in (files, (*files, "--host", "cryogenic"), ()))
    assert (its["host"]["name"], its["host"]["clocks"]["core_ghz"]) == ("superconducting", 100)
    assert others["host"]["name"] == "cryogenic"
    assert its["seconds_with_host"] < others["seconds_with_host"]
    assert ours["host"]["name"] == "superconducting"
    system.write_text(edge.replace("[memory]", 'host = "warm"\n[memory]', 1))
    assert refused(*runs, *files).startswith(f"{system}:6: host = 'warm' is not allowed: unknown host 'warm'")


@pytest.fixture
def more_files(files, tmp_path):
    file = tmp_path / "more.csv"
    kernels = {"softmax-l1": 4e-5, "rmsnorm-l1": 1e-5}
    file.write_text(format_runs(row(f"{name}-x{n}", 1e-4 + n * once) for name, once in kernels.items() for n in (1, 3)))
    return [*files, "--host-runs", str(file)]


def test_softmax_and_norms_on_the_host(more_files):
    result = run(*MAP, "--host", "cryogenic", "--on-host", "softmax,norms", *more_files, "--json")
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    steps = {step["step"]: step for step in data["host"]["steps"]}
    assert list(steps) == ["embed_tokens", "softmax", "norms", "sampling"]
    softmax, norms = steps["softmax"], steps["norms"]
    # Eight heads of keys with four queries each, in 16 layers; two norms a layer, and the last one.
    assert (softmax["elements"], softmax["calls"]) == (16 * 32 * 1024, 16 * 8)
    assert (norms["elements"], norms["calls"]) == ((2 * 16 + 1) * 2048, 2 * 16 + 1)
    assert softmax["seconds"] == pytest.approx(4e-5 / 2560 * softmax["elements"])
    assert norms["seconds"] == pytest.approx(1e-5 * 33)
    # BF16 written and read on the way there, and back.
    for step in (softmax, norms):
        assert step["transfer_bytes"] == 8 * step["elements"]
        assert step["transfer_seconds"] == pytest.approx(step["calls"] * 4 * 114e-9 + step["transfer_bytes"] / 51.2e9)
    added = sum(step["seconds"] + step["transfer_seconds"] for step in steps.values())
    assert data["seconds_with_host"] == pytest.approx(data["seconds"] + added)


def test_a_table_of_what_is_on_the_host(more_files):
    result = run(*MAP, "--host", "superconducting", "--on-host", "norms", *more_files)
    assert result.returncode == 0, result.stderr
    [norms] = [line for line in result.stdout.splitlines() if "rmsnorm-l1, predicted from 4 GHz" in line]
    assert [part.strip() for part in norms.split("│")[1:4]] == ["norms", "67,584", "33"]
    assert "softmax-l1" not in result.stdout


def test_operators_that_cannot_be_placed_are_refused(files):
    host = ["--host", "cryogenic", *files]
    assert refused(*MAP, *host, "--on-host", "soft").startswith("--on-host: unknown operator 'soft' (did you mean")
    assert refused(*MAP, *host, "--on-host", "").startswith("--on-host: unknown operator ''")
    assert refused(*MAP, *host, "--on-host", "softmax").startswith("no two runs of kernel 'softmax' on host")
    assert refused(*MAP, "--on-host", "norms").startswith("--on-host needs host, or a host in the system's")


def test_runs_of_the_presets_come_with_it(tmp_path):
    seconds = {}
    for name in ("baseline", "cryogenic", "superconducting"):
        result = run(*MAP, "--host", name, "--on-host", "softmax,norms", "--json")
        assert result.returncode == 0, result.stderr
        data = json.loads(result.stdout)
        assert not any(step["predicted"] for step in data["host"]["steps"])
        seconds[name] = {step["step"]: step["seconds"] for step in data["host"]["steps"]}
    for step in ("softmax", "norms", "sampling"):
        assert seconds["baseline"][step] > seconds["cryogenic"][step] > 5 * seconds["superconducting"][step]
    # A system with another host is mapped without it, and one that asks for it is told what to run.
    own = tmp_path / "own.toml"
    own.write_text(
        (PRESETS / "host" / "cryogenic.toml").read_text().replace('"cryogenic"', '"own"').replace("16384", "8192")
    )
    system = tmp_path / "system.toml"
    system.write_text((PRESETS / "edge-int4.toml").read_text().replace("[memory]", 'host = "own.toml"\n[memory]', 1))
    alone = run(*MAP, "--system", str(system), "--json")
    assert "host" not in json.loads(alone.stdout)
    assert refused(*MAP, "--system", str(system), "--on-host", "norms").startswith("--on-host needs host, or a host")
    assert refused(*MAP, "--host", str(own)).startswith("no two runs of kernel 'triad' on host 'own'")


def test_runs_that_do_not_fit_are_refused(files):
    assert refused(*MAP, *files).startswith("--host-runs needs host")
    assert refused(*MAP, "--host", "cryogenic", *files[:2]).startswith("no two runs of kernel 'triad'")
    assert refused(*MAP, "--host", "warm", *files).startswith("unknown host 'warm'")
