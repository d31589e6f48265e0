"""The example of one token on three hosts, on rows as the commands in its description would write them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gem5_configs.kernel_runs import row
from tilewright.cli.cpu_run import HIGH_GHZ, command
from tilewright.gem5_configs.operator_cost import KERNEL_ELEMENTS
from tilewright.gem5_configs.runs import format_runs
from tilewright.sim.config.host_clocks import domain_clocks

EXAMPLE = Path(__file__).parents[2] / "examples" / "llama_token_on_hosts.py"
ELEMENT_NS = {"triad": 1.0, "softmax": 20.0, "rmsnorm": 4.0, "sampling": 2.0}
SLOWER = {"baseline": 2.0, "all-cryo": 1.0, "super-core-l1-l2-l3": 0.1}
COMMANDS = [
    command.make_context("run", shlex.split(text.replace("\\\n", ""))).params
    for text in re.findall(r"^tilewright cpu run (.*\\\n.*)$", EXAMPLE.read_text(), re.MULTILINE)
]


@pytest.fixture
def files(tmp_path):
    return written(tmp_path, SLOWER)


def written(folder: Path, variants: dict) -> list[str]:
    """Write the rows of the commands, as far as they are of some clock domains; return the options that name them."""
    options = []
    for given in COMMANDS:
        file = folder / f"{given['repeat']}.csv"
        rows = []
        for domains in (name for name in given["domains"] if name in variants):
            host = "baseline" if domains == "baseline" else "cryogenic"
            clocks = domain_clocks(domains, HIGH_GHZ).model_dump()
            clocks["l1d_ghz"] = clocks.pop("l1_ghz")
            for kernel in given["workloads"]:
                for size in given["sizes"]:
                    once = ELEMENT_NS[kernel] * 1e-9 * KERNEL_ELEMENTS[kernel][size] * SLOWER[domains]
                    label = f"{kernel}-{size}-x{given['repeat']}"
                    rows.append(row(label, 1e-4 + given["repeat"] * once, domains=domains, host=host, **clocks))
        file.write_text(format_runs(rows))
        options += ["--host-runs", str(file)]
    return options


def example(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(EXAMPLE), *arguments], capture_output=True, text=True)


def test_the_commands_differ_in_their_repetitions():
    few, many = COMMANDS
    assert {key for key in few if few[key] != many[key]} == {"repeat", "folder"}


def table(text: str) -> dict[str, list[str]]:
    """Return what each line of the table says of the three hosts."""
    lines = [re.split(r"\s{2,}", line) for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if len(cells) == 4}


def test_the_table(files):
    result = example(*files)
    assert result.returncode == 0, result.stderr
    lines = table(result.stdout)
    accelerator = float(re.search(r"without softmax and norms ([\d.]+) ms", result.stdout)[1])
    assert lines.pop("host") == ["baseline", "cryogenic", "superconducting"]
    assert lines.pop("clock of the core, GHz") == ["4", "4", "100"]
    assert lines.pop("costs are") == ["measured"] * 3
    for slower, cells in zip(SLOWER.values(), zip(*lines.values(), strict=True), strict=True):
        embed, softmax, norms, sampling, transfers, token, rate, not_there = map(float, cells)
        assert embed == pytest.approx(slower * 2048 * 1e-3, abs=0.06)
        assert softmax == pytest.approx(slower * 20 * 16 * 32 * 1024 * 1e-3, abs=0.06)
        assert norms == pytest.approx(slower * 4 * 33 * 2048 * 1e-3, abs=0.06)
        assert sampling == pytest.approx(slower * 2 * 128256 * 1e-3, abs=0.06)
        assert token == pytest.approx(accelerator + (embed + softmax + norms + sampling + transfers) * 1e-3, abs=2e-3)
        assert rate == pytest.approx(1e3 / token, abs=0.06)
        assert rate < not_there < 1e3 / accelerator


def test_runs_come_with_it():
    result = example()
    assert result.returncode == 0, result.stderr
    lines = table(result.stdout)
    assert lines["costs are"] == ["measured"] * 3
    baseline, cryogenic, superconducting = (float(cell) for cell in lines["tokens/s"])
    assert baseline < cryogenic < superconducting


def test_without_runs_at_100_ghz_they_are_predicted(tmp_path):
    result = example(*written(tmp_path, {"baseline": 2, "all-cryo": 1}))
    assert result.returncode == 0, result.stderr
    lines = table(result.stdout)
    assert lines["costs are"] == ["measured", "measured", "predicted"]
    softmax = [float(cell) for cell in lines["softmax, us"]]
    assert softmax[0] > softmax[1] > softmax[2] > 0


@pytest.mark.parametrize("variants", [{"baseline": 2}, {"all-cryo": 1}])
def test_runs_that_lack_a_host_are_refused_in_one_line(tmp_path, variants):
    refused(*written(tmp_path, variants), says="no two runs of kernel 'triad' on host")


def test_runs_that_are_not_there_are_refused_in_one_line(tmp_path):
    refused("--host-runs", str(tmp_path / "no.csv"), says="no.csv: cannot be read: No such file or directory")


def refused(*arguments: str, says: str) -> None:
    result = example(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert says in line
    assert line.count("; runs are made by: tilewright cpu run --domains baseline,all-cryo") == 1
