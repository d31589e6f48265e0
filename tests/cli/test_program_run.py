"""``tilewright program run``, and what ``tilewright cosim --program`` refuses."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command_line import refused, run
from tilewright.sim.config import load_system
from tilewright.sim.isa.assembler import assemble
from tilewright.sim.isa.encoding import encode_program
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.cim.matmul import ArrayMatmul
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

EXAMPLE = Path(__file__).parents[2] / "examples" / "product.asm"
ON_SMALL = ("--system", "small")


def run_json(*arguments: str, status: int = 0) -> dict:
    result = run("program", "run", *arguments, "--json")
    assert result.returncode == status, result
    return json.loads(result.stdout)


@pytest.fixture
def operands(tmp_path):
    """Return activations and weights of the example, and options that bring them."""
    rng = np.random.default_rng(1)
    a, w = rng.integers(-128, 128, (16, 32)), rng.integers(-128, 128, (32, 64))
    (tmp_path / "a.bin").write_bytes(a.astype(np.int8).tobytes())
    words = ArrayMatmul(load_system("small").cim, 16, 32, 64, False).weight_words(w)
    (tmp_path / "w.bin").write_bytes(words.tobytes())
    return a, w, ("--memory", f"{tmp_path}/a.bin@0x1000", "--memory", f"{tmp_path}/w.bin@8192")


def test_a_product_with_relu(tmp_path, operands):
    a, w, images = operands
    out = tmp_path / "out"
    result = run_json(str(EXAMPLE), *ON_SMALL, *images, "--out", str(out))
    memory = np.frombuffer((out / "memory.bin").read_bytes(), np.uint8)
    assert len(memory) == result["memory_bytes"] == 4 << 20
    y = memory[0x3000:0x4000].view(np.float32).reshape(16, 64)
    assert (y == np.maximum(a @ w, 0)).all()
    assert json.loads((out / "run.json").read_text()) == {key: result[key] for key in result if key != "files"}
    assert result["error"] is None
    assert result["counters"]["COMMANDS"] == 5
    assert result["seconds"] == result["cycles"] / 500e6
    events = json.loads((out / "run.trace.json").read_text())["traceEvents"]
    names = [event["name"] for event in events if event["ph"] == "X"]
    assert names == ["0 load", "1 weights", "2 product", "3 vector", "4 store"]
    assert max(event["ts"] + event["dur"] for event in events if event["ph"] == "X") * 1000 <= result["cycles"]


def test_memory_behind_a_run_is_memory_before_the_next(tmp_path, operands):
    *_, images = operands
    first, second = tmp_path / "first", tmp_path / "second"
    one = run_json(str(EXAMPLE), *ON_SMALL, *images, "--out", str(first))
    two = run_json(str(EXAMPLE), *ON_SMALL, "--memory", str(first / "memory.bin"), "--out", str(second))
    assert two["address"] == one["address"] - 4096, "the place of the first program is taken"
    before, behind = (np.fromfile(folder / "memory.bin", np.uint8) for folder in (first, second))
    assert {int(place) // 4096 * 4096 for place in np.nonzero(before != behind)[0]} == {two["address"]}


def test_text_and_bytes_are_the_same_program(tmp_path):
    binary = tmp_path / "product.bin"
    assert run("program", "assemble", str(EXAMPLE), "--out", str(binary)).returncode == 0
    one, two = (run_json(str(file), *ON_SMALL) for file in (EXAMPLE, binary))
    assert one == {**two, "program": str(EXAMPLE)}


@pytest.mark.parametrize(
    ("options", "latency", "bytes_per_cycle"),
    [((), 50, "12.8"), (("--latency", "7"), 7, "12.8"), (("--bandwidth", "32/8"), 50, "4")],
)
def test_memory_is_as_far_and_as_fast_as_it_is_told(options, latency, bytes_per_cycle):
    result = run_json(str(EXAMPLE), *ON_SMALL, *options)
    assert (result["latency"], result["bytes_per_cycle"]) == (latency, float(bytes_per_cycle))
    config, memory = load_system("small").accelerator, np.zeros(1 << 16, np.uint8)
    program = encode_program(config, assemble(config, EXAMPLE.read_text()))
    memory[0x8000 : 0x8000 + len(program)] = np.frombuffer(program, np.uint8)
    rate = Fraction(bytes_per_cycle) / 16
    timing = AxiMemoryModel(latency=latency, rate=rate, write_latency=latency, write_rate=rate)
    assert result["cycles"] == AcceleratorModel(config, memory).run(0x8000, timing).cycles


def test_memory_is_refreshed_as_the_system_says():
    refresh = ("--set", "memory.refresh={interval_ns=100, time_ns=30}")
    plain, refreshed = (run_json(str(EXAMPLE), *ON_SMALL, *options) for options in ((), refresh))
    assert (refreshed["refresh_period"], refreshed["refresh_cycles"]) == (50, 15)
    assert refreshed["cycles"] > plain["cycles"]
    assert "refresh_period" not in plain
    shown = " ".join(run("program", "run", str(EXAMPLE), *ON_SMALL, *refresh).stdout.split())
    assert "12.8 bytes a cycle, refreshed for 15 of 50 cycles" in shown


@pytest.mark.parametrize(
    ("text", "error", "index", "said"),
    [
        ("fence\nload address=0x0 beats=1 destination=0x1\nend", "ADDRESS", 1, "load address=0x0 beats=1 destination=0x1"),
        ("load wait=vector address=0x0 beats=1 destination=0x0\nend", "DEADLOCK", 1, "end"),
        ("vector rows=1 columns=3 a=0x1:fp32 d=0x1000:fp32\nend", "VECTOR", 0, "ALIGNMENT"),
        ("fence", "OPCODE", 1, "opcode = 0 is not allowed"),
    ],
)  # fmt: skip
def test_a_program_that_is_stopped(tmp_path, text, error, index, said):
    source = tmp_path / "bad.asm"
    source.write_text(text)
    result = run_json(str(source), *ON_SMALL, status=1)
    assert (result["error"]["name"], result["error"]["index"]) == (error, index)
    assert said in f"{result['error']['command']} {result['error']['about']}"
    assert result["counters"] == {}
    shown = run("program", "run", str(source), *ON_SMALL)
    assert shown.returncode == 1
    assert f"stopped by {error}" in shown.stdout
    assert said in " ".join(shown.stdout.split())


def test_what_a_person_needs():
    shown = run("program", "run", str(EXAMPLE), *ON_SMALL).stdout
    for part in ("6 commands at 0x3ff000", "50 cycles away, 12.8 bytes a cycle", "µs", "ARRAY", "waits for weights"):
        assert part in shown


BAD_PROGRAMS = [
    (["none.asm", *ON_SMALL], "none.asm: cannot be read: No such file or directory"),
    (["bad.asm", *ON_SMALL], "bad.asm:2: unknown command 'lod' (did you mean 'load'?"),
    (["field.asm", *ON_SMALL], "field.asm:1: beats = many is not allowed: it must be"),
    (["odd.bin", *ON_SMALL], "odd.bin: size = 100 bytes is not allowed: it must be a multiple of 64"),
    (["code.bin", *ON_SMALL], "code.bin:1: cannot be read: byte 0x"),
    (["empty.bin", *ON_SMALL], "empty.bin: there are no commands: it is empty"),
    (["good.asm"], "--system is missing: name the preset or TOML file that the program is for"),
    (["good.asm", "--system", "smal"], "unknown system 'smal' (did you mean 'small'?"),
    (["good.asm", "--system", "none.toml"], "none.toml: cannot be read: No such file or directory"),
    (["good.asm", "--system", "tiny"], "good.asm:1: .lanes = 16 is not allowed: the vector unit has 4"),
    (["good.asm", *ON_SMALL, "--memory", "none.bin"], "none.bin: cannot be read: No such file or directory"),
    (["good.asm", *ON_SMALL, "--memory", "odd.bin@4k"], "--memory = odd.bin@4k is not allowed: behind the last @ there must be"),
    (["good.asm", *ON_SMALL, "--memory", "odd.bin@0x3fffff"], "--memory odd.bin: 100 bytes at 0x3fffff are not allowed: memory has 4194304"),
    (["good.asm", *ON_SMALL, "--memory-bytes", "4096", "--memory", "large.bin"], "--memory large.bin: 5000 bytes at 0x0 are not allowed: memory has 4096"),
    (["good.asm", *ON_SMALL, "--memory-bytes", "4096", "--memory", "odd.bin"], "memory has no room for the program: its 64 bytes must be zeros"),
    (["good.asm", *ON_SMALL, "--memory-bytes", "4097"], "--memory-bytes = 4097 is not allowed: it must be a multiple of 4096"),
    (["good.asm", *ON_SMALL, "--memory-bytes", "0"], "--memory-bytes = 0 is not allowed: it must be a multiple of 4096"),
    (["good.asm", *ON_SMALL, "--address", "0x20"], "--address = 0x20 is not allowed: it must be a multiple of 64"),
    (["good.asm", *ON_SMALL, "--address", "0x400000"], "--address = 0x400000 is not allowed: it must be a multiple of 64"),
    (["good.asm", *ON_SMALL, "--address", "end"], "--address = end is not allowed: there must be a number of bytes"),
    (["good.asm", *ON_SMALL, "--latency", "0"], "Invalid value for '--latency': 0 is not in the range"),
    (["good.asm", *ON_SMALL, "--bandwidth", "0"], "--bandwidth = 0 is not allowed: it must be a number above 0, at most 16"),
    (["good.asm", *ON_SMALL, "--bandwidth", "20"], "--bandwidth = 20 is not allowed: it must be a number above 0, at most 16"),
    (["good.asm", *ON_SMALL, "--bandwidth", "1/0"], "--bandwidth = 1/0 is not allowed: it must be a number above 0"),
]  # fmt: skip
"""Arguments behind ``program run``, or ``cosim --program``, and what is said."""
FEW = ("none.asm", "bad.asm", "odd.bin", "smal", "large.bin")
"""What must be among the arguments to be tried with ``cosim``, too."""
BAD = [
    *((["program", "run", *arguments], said) for arguments, said in BAD_PROGRAMS),
    (["program", "run", "good.asm", *ON_SMALL, "--out", "odd.bin/out"], "--out odd.bin/out: cannot be written: Not a"),
    *((["cosim", "--program", *arguments], said) for arguments, said in BAD_PROGRAMS if set(FEW) & set(arguments)),
    (["cosim", "--program", "good.asm", *ON_SMALL, "--set", "memory.refresh={interval_ns=200000, time_ns=9}"], "refresh_period = 100000 is not allowed: memory of the bench has at most 65535 cycles"),
    (["cosim", "--program", "good.asm", *ON_SMALL, "--latency", "257"], "--latency = 257 is not allowed: memory of the bench has 1 to 256 cycles"),
    (["cosim", "--program", "good.asm", *ON_SMALL, "--bandwidth", "1.00001"], "--bandwidth = 100001/100000 is not allowed: it is 100001/1600000 beats"),
    (["cosim", "npe", "--program", "good.asm", *ON_SMALL], "--program good.asm is not allowed with 'npe': only with 'accelerator'"),
    (["cosim", "--program", "good.asm", *ON_SMALL, "--design", "16x16"], "--design 16x16 is not allowed with --program"),
    (["cosim", "--program", "good.asm", *ON_SMALL, "--out", "odd.bin/out"], "--out odd.bin/out: cannot be written: Not a"),
    (["cosim", "accelerator", "--memory", "odd.bin"], "--memory is not allowed without --program"),
    (["cosim", "accelerator", *ON_SMALL], "--system is not allowed without --program"),
    (["cosim"], "NAME is missing: one of accelerator,"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), BAD)
def test_bad_input_gets_one_line(tmp_path, arguments, said):
    (tmp_path / "good.asm").write_text(".lanes 16\nend\n")
    (tmp_path / "bad.asm").write_text("fence\nlod address=0\n")
    (tmp_path / "field.asm").write_text("load address=0 beats=many destination=0\n")
    (tmp_path / "odd.bin").write_bytes(bytes([13, *[0] * 63, *[1] * 36]))
    (tmp_path / "large.bin").write_bytes(bytes(5000))
    (tmp_path / "code.bin").write_bytes(bytes([255] * 64))
    (tmp_path / "empty.bin").write_bytes(b"")
    before = sorted(tmp_path.iterdir())
    assert said in refused(*arguments, cwd=tmp_path)
    assert sorted(tmp_path.iterdir()) == before, "nothing is left behind"
