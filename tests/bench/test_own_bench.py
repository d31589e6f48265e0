"""The examples of benches with cocotb's own runner, and a bench with its Makefiles, on both simulators, with waves."""

import re
import shutil
import subprocess
import sys
from os import environ
from pathlib import Path

import pytest

from tilewright.api.blocks import BLOCKS
from tilewright.base.simulators import find_simulator

EXAMPLES = Path(__file__).parents[2] / "examples" / "own_bench"
icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="no Icarus Verilog (Debian: `apt install iverilog`)")
SIMULATORS = [pytest.param("icarus", marks=icarus), "verilator"]
EVERYDAY = {("posit_dots", "icarus")}
"""Examples that need a few seconds of CPU time; builds under Verilator and larger circuits take 15 to 100."""
PAGE = Path(__file__).parents[2] / "docs" / "own-bench.md"

pytestmark = pytest.mark.cosim


def examples() -> list:
    """Return each example on each simulator."""
    return [
        pytest.param(file.stem, name, marks=[*marks, *([] if (file.stem, name) in EVERYDAY else [pytest.mark.slow])])
        for file in sorted(EXAMPLES.glob("*.py"))
        for name, marks in (("icarus", [icarus]), ("verilator", []))
    ]


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a command in a folder, as a user does who has no pytest around it."""
    env = {
        name: value for name, value in environ.items() if not name.startswith(("PYTEST", "COCOTB")) and name != "SIM"
    }
    result = subprocess.run(command, cwd=folder, env={**env, **variables}, capture_output=True, text=True)
    return result


def copied(folder: Path) -> Path:
    for file in EXAMPLES.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    return folder


@pytest.mark.parametrize(("example", "simulator"), examples())
def test_an_example_passes(example, simulator, tmp_path):
    result = run(copied(tmp_path), sys.executable, f"{example}.py", simulator)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "TESTS=1 PASS=1 FAIL=0" in result.stdout
    if example == "posit_dots":
        waves = {"icarus": "posit_mac.fst", "verilator": "dump.vcd"}[simulator]
        assert (tmp_path / "sim_build" / waves).stat().st_size > 1000


def test_an_example_is_short():
    lengths = {file.name: len(file.read_text().splitlines()) for file in EXAMPLES.glob("*.py")}
    assert len(lengths) == 3
    assert max(lengths.values()) < 40, lengths


@icarus
def test_a_fault_in_the_design_fails_the_bench(tmp_path):
    bench = copied(tmp_path) / "posit_dots.py"
    # The bench is the same; its circuit loses the lowest bit of the results.
    written = "    runner = get_runner"
    spoil = """    text = files[0].read_text()
    spoilt = text.replace("assign o__payload = ", "assign o__payload = 8'hfe & ")
    assert spoilt != text
    files[0].write_text(spoilt)
"""
    bench.write_text(bench.read_text().replace(written, spoil + written))
    result = run(tmp_path, sys.executable, "posit_dots.py", "icarus")
    assert result.returncode == 1, result.stdout[-2000:] + result.stderr
    assert re.search(r"o \d+ is 0x[0-9a-f]+ \(\S+\), not 0x[0-9a-f]+ \(\S+\) \(cycle \d+\)", result.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_verilator_reads_every_block_as_cocotb_calls_it(block, tmp_path):
    verilator = shutil.which("verilator", path=":".join([*find_simulator("verilator").path, environ["PATH"]]))
    made = run(
        tmp_path, *(sys.executable, "-m", "tilewright", "generate", block, *BLOCKS[block].example.split()), "--out", "."
    )
    assert made.returncode == 0, made.stderr
    [source], [waivers] = tmp_path.glob("*.v"), tmp_path.glob("*.vlt")
    options = [
        "-cc",
        "--exe",
        "-Mdir",
        "sim_build",
        "--top-module",
        source.stem,
        "--vpi",
        "--public-flat-rw",
        "--trace",
    ]
    read = run(tmp_path, str(verilator), *options, str(waivers), str(source))
    assert (read.returncode, read.stderr) == (0, ""), read.stderr[-3000:]


def snippet(kind: str, first: str) -> str:
    """Return the block of a kind in the page whose text contains some words."""
    [found] = [text for text in re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.M | re.S) if first in text]
    return found


@pytest.mark.parametrize("simulator", [SIMULATORS[0], pytest.param("verilator", marks=pytest.mark.slow)])
def test_the_page_leads_to_a_bench_with_make_and_with_waves(simulator, tmp_path):
    # What a reader of docs/own-bench.md types, in a fresh folder.
    (tmp_path / "bench.py").write_text(snippet("python", "async def dot_products"))
    (tmp_path / "Makefile").write_text(snippet("make", "COCOTB_TOPLEVEL"))
    tilewright = f"{sys.executable} -m tilewright"
    script = (
        f'{tilewright} generate posit-mac --stages 4 --out . && eval "$({tilewright} env {simulator})" && make WAVES=1'
    )
    result = run(tmp_path, "/bin/sh", "-c", script)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "TESTS=1 PASS=1 FAIL=0" in result.stdout
    waves = {"icarus": "sim_build/posit_mac.fst", "verilator": "dump.vcd"}[simulator]
    assert (tmp_path / waves).stat().st_size > 1000


@icarus
def test_the_page_leads_to_a_bench_with_the_runner(tmp_path):
    (tmp_path / "bench.py").write_text(snippet("python", "async def dot_products"))
    (tmp_path / "run.py").write_text(snippet("python", "get_runner"))
    result = run(tmp_path, sys.executable, "run.py", SIM="icarus")
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "TESTS=1 PASS=1 FAIL=0" in result.stdout
