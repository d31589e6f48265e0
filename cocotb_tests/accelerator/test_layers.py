"""Layers on the accelerator under Verilator, over arrays, formats and memory timings; and any program, from a file."""

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tilewright.bench.program_cases import Reference
from tilewright.bench.random_programs import Areas
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.layer_cases import network_case
from tilewright.cocotb_tests.accelerator.layers_suite import FAR, SHAPE, SUITES, layers
from tilewright.cocotb_tests.accelerator.program_suite import program_suite
from tilewright.cocotb_tests.accelerator.suite import LAYER_BYTES, TINY, WIDEST, AcceleratorSuite
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.mapping.compile.compiled import PaddedRows
from tilewright.sim.config import load_system
from tilewright.sim.formats import stored
from tilewright.sim.isa.memory_image import Image, fill_memory, place_program, read_commands
from tilewright.sim.isa.widths import COMMAND_BYTES

pytestmark = pytest.mark.cosim

EVERYDAY, *OTHERS = SUITES
ALL = [EVERYDAY, *(pytest.param(suite, marks=pytest.mark.slow) for suite in OTHERS)]
EXAMPLE = Path(__file__).parents[2] / "examples" / "product.asm"
SYSTEM = """
name = "one-tile"
description = "The smallest accelerator of the benches"
clock_mhz = 100
memory = {kind = "any", bandwidth_mb_per_s = 600, latency_ns = 70, energy_pj_per_bit = 1}
energy = {mac_pj = 1, weight_write_pj_per_bit = 1, activation_read_pj_per_bit = 1, vector_element_pj = 1}
vector = {lanes = 4, address_bits = 8, scalars = 32}
cim.tiles = 1
cim.tile.accumulator_vectors = 4
cim.tile.macro = {rows = 8, columns = 8, weight_bits = 8, input_bits = 8}
[fabric]
banks = 4
bus_bits = 64
outstanding = 2
max_burst = 8
weight_buffer_beats = 16
queue_depth = 2
fetch_depth = 2
"""
PROGRAM = """
set     register=1 value=0x1000
loop    count=3
  load    signal=array register=1 address=0x0 beats=1 rows=4 stride=8 destination=0x0 pitch=8
  weights register=1 address=0x40 beats=8
  product wait=load signal=vector vectors=4 k=8 n=8 a=0x0 a_pitch=8 out=0x400 out_pitch=32
  vector  wait=array signal=store rows=4 columns=8 a=0x100:stride=8:int32 d=0x200:stride=8:fp32 function=relu
  store   wait=vector register=1 size=2 address=0x80 count=8 rows=4 stride=32 source=0x800 element_pitch=4 pitch=32
  add     register=1 value=0x200
  fence
repeat
{end}
"""


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_layers(suite):
    rows = suite.run()
    check_rows(rows)
    assert {row["latency"] for row in rows} == {"1", "2", "5", "10", "20", "50", "100", "200"}
    assert len(rows) >= 8
    if suite.config == FAR:
        cycles = {row["latency"]: row["rtl_cycles"] for row in rows}
        assert cycles["100"] <= 1.05 * cycles["1"]


@pytest.mark.slow
def test_a_decoder_layer_with_two_commands_a_beat():
    rows = replace(WIDEST, memory_bytes=LAYER_BYTES, make_cases=layers).run()
    check_rows(rows)
    assert {row["latency"] for row in rows} == {"1", "2", "5", "10", "20", "50", "100", "200"}


@pytest.fixture
def files(tmp_path):
    """Write the system, a program and what it works on; return a folder that has room for more."""
    (tmp_path / "one-tile.toml").write_text(SYSTEM)
    assert load_system(tmp_path / "one-tile.toml").accelerator == TINY, "another one would have to be built"
    (tmp_path / "good.asm").write_text(PROGRAM.format(end="end"))
    (tmp_path / "image.bin").write_bytes(bytes(number * 37 % 251 for number in range(0x1000)))
    return tmp_path


def cosim(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program in RTL from the command line, in the build of the everyday suite."""
    command = [sys.executable, "-m", "tilewright", "cosim", "--program", program, "--system", "one-tile.toml"]
    command += ["--memory", "image.bin@0x1000", "--memory-bytes", str(Areas(TINY).memory_bytes), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_program_from_a_file(files):
    result = cosim(files, "good.asm", "--json", "--out", "out")
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert data.pop("files") == ["out/cosim-accelerator.json"]
    assert json.loads((files / "out" / "cosim-accelerator.json").read_text()) == data
    [row] = data["cases"]
    assert row["name"].endswith("good.asm: 11 commands, ends")
    assert (row["latency"], row["bytes_per_cycle"], row["commands"]) == ("7", 6.0, 15)
    assert (row["rtl_cycles"], row["mismatches"], row["found"]) == (row["model_cycles"], 0, "")
    assert row["values"] == Areas(TINY).memory_bytes


def run_program(files: Path, text: str) -> dict:
    """Run a program in RTL; return its row."""
    (files / "program.asm").write_text(text)
    memory = fill_memory(TINY, Areas(TINY).memory_bytes, [Image(files / "image.bin", 0x1000)])
    program = read_commands(TINY, files / "program.asm")
    timing = Timing(latency=30, rate=Fraction(1, 4), write_latency=30, write_rate=Fraction(1, 4))
    place = place_program(memory, program)
    commands = len(program) // COMMAND_BYTES
    suite = program_suite(TINY, name="it", memory=memory, address=place, commands=commands, timing=timing)
    [row] = suite.run()
    return row


def test_a_program_that_is_stopped(files):
    row = run_program(files, PROGRAM.format(end="load address=0x4 beats=1 destination=0x0"))
    assert row["name"].endswith("stopped by ADDRESS at command 10")
    check_rows([row])


def test_a_difference_is_told():
    case = network_case(TINY, SHAPE, tokens=1)
    [run] = case.runs
    [(address, content)] = run.expected
    near = Reference(
        output=PaddedRows(address, 1, len(content) // 2, len(content), stored.BF16), values=-np.ones(64), least=1
    )
    wrong = replace(run, expected=((address, content[::-1]),), reference=near)
    suite = AcceleratorSuite(
        config=TINY, make_cases=lambda _: (replace(case, runs=(wrong,)),), memory_bytes=Areas(TINY).memory_bytes
    )
    [row] = suite.run()
    assert row["mismatches"] == 1
    assert f"not the 128 bytes at {address:#x} that the steps make" in row["found"]
    assert "to the layer without quantisation, not 1" in row["found"]
    assert -1 < row["cosine"] < 1


@pytest.mark.slow
def test_the_example():
    config = load_system("small").accelerator
    memory = fill_memory(config, LAYER_BYTES, ())
    place = place_program(memory, read_commands(config, EXAMPLE))
    timing = Timing(latency=50, write_latency=50)
    suite = program_suite(config, name=EXAMPLE.name, memory=memory, address=place, commands=6, timing=timing)
    check_rows(suite.run())
