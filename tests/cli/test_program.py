"""``tilewright program``."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import refused, run
from tilewright.sim.isa.commands import Fence, Loop
from tilewright.sim.isa.tables import command_table

EXAMPLE = Path(__file__).parents[2] / "examples" / "product.asm"


def test_there_and_back_again(tmp_path):
    binary, text = tmp_path / "product.bin", tmp_path / "product.asm"
    result = run("program", "assemble", str(EXAMPLE), "--out", str(binary))
    assert (result.returncode, result.stderr) == (0, "")
    assert "6 commands, 384 bytes" in result.stdout
    result = run("program", "disassemble", str(binary), "--numbers")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == ".lanes 16"
    assert result.stdout.splitlines()[-1].split() == ["end", ";", "5"]
    result = run("program", "disassemble", str(binary), "--out", str(text), "--json")
    assert len(json.loads(result.stdout)["commands"]) == 6
    again = tmp_path / "again.bin"
    data = json.loads(run("program", "assemble", str(text), "-o", str(again), "--json").stdout)
    assert data == {"commands": 6, "bytes": 384, "lanes": 16, "file": str(again)}
    assert again.read_bytes() == binary.read_bytes()


def test_lanes_are_those_of_the_text_or_of_the_option(tmp_path):
    source, out = tmp_path / "turn.asm", tmp_path / "turn.bin"
    turn = "vector rows=1 columns=16 a=0x10:fp32 d=0x20:fp32 rotate=8"
    for text, options, steps in (
        (f".lanes 8\n{turn}", (), 0),
        (turn, ("--lanes", "4"), 1),
        (f".lanes 2\n{turn}", (), 2),
    ):
        source.write_text(text)
        result = run("program", "assemble", str(source), "-o", str(out), *options)
        assert result.returncode == 0, result.stderr
        assert out.read_bytes()[59] >> 1 == steps
    shown = run("program", "disassemble", str(out), "--lanes", "2").stdout
    assert shown == ".lanes 2\nvector  rows=1 columns=16 a=0x10:fp32 d=0x20:fp32 rotate=8\n"


def test_fields():
    shown = run("program", "fields", "load", "fence").stdout
    for part in ("load, opcode 1:", "plane_stride", "31:16", "fence, opcode 12:"):
        assert part in shown
    assert "product" not in shown.split("fence")[1]
    data = json.loads(run("program", "fields", "--json").stdout)
    assert len(data) == 12
    about = "Number of times that the loop runs, at least 1"
    assert data["loop"]["fields"] == [{"name": "count", "word": "1", "bits": "31:0", "about": about}]
    shown = run("program", "fields", "loop", "fence", "--markdown").stdout
    assert shown == f"{command_table(Loop)}\n{command_table(Fence)}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["asemble"], "unknown command 'asemble' (did you mean 'assemble'? one of: assemble, disassemble, fields, run)"),
        (["assemble", "good.asm"], "Missing option '--out'"),
        (["assemble", "none.asm", "-o", "x"], "none.asm: cannot be read: No such file or directory"),
        (["assemble", "short.bin", "-o", "x"], "short.bin:1: cannot be read: byte 0x"),
        (["assemble", "bad.asm", "-o", "x"], "bad.asm:2: unknown command 'lod' (did you mean 'load'?"),
        (["assemble", "lanes.asm", "-o", "x"], "lanes.asm:1: .lanes = 3 is not allowed: it must be one of 2, 4, 8"),
        (["assemble", "good.asm", "-o", "x", "--lanes", "3"], "--lanes = 3 is not allowed: input should be 2, 4, 8"),
        (["assemble", "good.asm", "-o", "x", "--lanes", "0"], "--lanes = 0 is not allowed: input should be 2, 4, 8"),
        (["assemble", "good.asm", "-o", "x", "--lanes", "8"], "good.asm:1: .lanes = 16 is not allowed: the vector unit has 8"),
        (["assemble", "good.asm", "-o", "none/x"], "none/x: cannot be written: No such file or directory"),
        (["disassemble", "none.bin"], "none.bin: cannot be read: No such file or directory"),
        (["disassemble", "short.bin"], "short.bin: command 0: it is cut short: 3 bytes of 64"),
        (["disassemble", "odd.bin"], "odd.bin: command 0: word 0: opcode = 99 is not allowed: it must be one of 1 (LOAD)"),
        (["disassemble", "stray.bin"], "stray.bin: command 0: word 15 = 0x01000000 is not allowed: END has no bits"),
        (["disassemble", "odd.bin", "--lanes", "7"], "--lanes = 7 is not allowed: input should be 2, 4, 8"),
        (["fields", "lod"], "unknown command 'lod' (did you mean 'load'?"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_line(tmp_path, arguments, said):
    (tmp_path / "good.asm").write_text(".lanes 16\nend\n")
    (tmp_path / "bad.asm").write_text("fence\nlod address=0\n")
    (tmp_path / "lanes.asm").write_text(".lanes 3\n")
    (tmp_path / "short.bin").write_bytes(b"\xff\x0d\x00")
    (tmp_path / "odd.bin").write_bytes(bytes([99] * 64))
    (tmp_path / "stray.bin").write_bytes(bytes([13, *[0] * 62, 1]))
    before = sorted(tmp_path.iterdir())
    assert said in refused("program", *arguments, cwd=tmp_path)
    assert sorted(tmp_path.iterdir()) == before, "nothing is left behind"
