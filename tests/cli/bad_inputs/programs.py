"""Programs of the accelerator as text and as bytes, images of memory, and programs for gem5."""

import os
import struct
from pathlib import Path

from tests.cli.bad_inputs.case import Case, case
from tests.gem5_configs.fake_gem5 import elf

RUN = "program run p.asm --system small"
ASSEMBLE = "program assemble p.asm -o out.bin"
DISASSEMBLE = "program disassemble p.bin"
END = bytes([13]) + bytes(63)


def _line(name: str, line: str, *says: str) -> Case:
    """Return the case of a program whose second line is bad."""
    return case(name, ASSEMBLE, "p.asm:2: ", *says, files={"p.asm": f".lanes 16\n{line}\nend\n"})


def _run(name: str, lines: str, *says: str, options: str = "") -> Case:
    return case(name, f"{RUN} {options}", *says, files={"p.asm": f"{lines}\nend\n"})


def _bytes(name: str, content: bytes, *says: str, command: str = DISASSEMBLE) -> Case:
    return case(name, command, *says, files={"p.bin": content})


def _elf(name: str, content: bytes, *says: str) -> Case:
    return case(name, "cpu run --program prog", "prog: ", *says, "static 64-bit RISC-V", files={"prog": content})


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def _damaged(offset: int, value: int) -> bytes:
    content = bytearray(elf())
    struct.pack_into("<H", content, offset, value)
    return bytes(content)


CASES = (
    # Text.
    case("a text that is not there", ASSEMBLE, "p.asm: cannot be read: No such file or directory"),
    case("a folder", ASSEMBLE, "p.asm: cannot be read: is a folder", prepare=lambda folder: (folder / "p.asm").mkdir()),
    case("a pipe", RUN, "p.asm: cannot be read: is a pipe", prepare=lambda folder: os.mkfifo(folder / "p.asm")),
    case("an endless device", "program assemble /dev/zero -o x", "/dev/zero: cannot be read: is a device", "regular file"),
    case("a text of four terabytes", ASSEMBLE, "p.asm: size = 4,398,046,511,104 bytes", "at most 16,777,216",
         prepare=lambda folder: _sparse(folder / "p.asm", 1 << 42)),
    case("an empty program", RUN, "p.asm: there are no commands", files={"p.asm": ""}),
    case("comments alone", RUN, "p.asm: there are no commands", files={"p.asm": "; nothing\n\n# nothing\n"}),
    case("text in UTF-16", RUN, "p.asm: cannot be read: is UTF-16 text", files={"p.asm": "end\n".encode("utf-16")}),
    case("text in Latin-1", ASSEMBLE, "p.asm:1: cannot be read: byte 0xe9", files={"p.asm": "end ; é\n".encode("latin-1")}),
    _line("a command that is not there", "lod", "unknown command 'lod'", "did you mean 'load'?"),
    _line("a command in capitals", "LOAD", "unknown command 'LOAD'", "one of: add"),
    _line("a command of 100,000 characters", "l" * 100_000, "unknown command 'lll", "(100,002 characters)", "one of: add"),
    _line("a command with escapes", "\x1b[31mload", "unknown command '\\x1b[31mload'"),
    _line("a directive that is not there", ".lane 16", "unknown directive '.lane'", "'.lanes'"),
    _line("a directive without its number", ".lanes", ".lanes takes one number", ".lanes 16"),
    _line("lanes that no vector unit has", ".lanes 3", ".lanes = 3 is not allowed", "2, 4, 8, 16, 32, 64"),
    _line("lanes that are no number", ".lanes many", "integer"),
    _line("other lanes", ".lanes 8", ".lanes = 8 is not allowed", "the vector unit has 16"),
    _line("a field that is not there", "load adress=0", "unknown field 'adress' of load", "did you mean 'address'?"),
    _line("a field of a command without any", "fence x=1", "unknown field 'x' of fence", "none"),
    _line("a field twice", "set register=1 register=2 value=0", "register = 2 is not allowed", "before"),
    _line("a field without a value", "set register value=0", "register has no value", "integer", "register="),
    _line("a field that is missing", "set register=1", "'value' of set is missing"),
    _line("a value that is no number", "set register=x value=0", "register = x is not allowed", "integer"),
    _line("a value below nothing", "set register=1 value=-1", "value = -1 is not allowed", "integer from 0"),
    _line("a value that does not fit", "set register=99 value=0", "register = 99 is not allowed", "4 bits"),
    _line("a value of 5,000 digits", f"loop count={'9' * 5000}", "count = 999", "is not allowed"),
    _line("100,000 hexadecimal digits", f"loop count=0x{'f' * 100_000}", "count = 0xfff", "is not allowed"),
    _line("a loop of 33 bits", "loop count=0x100000000", "count = ", "is not allowed"),
    _line("a switch that is no switch", "product reduce=2 vectors=1 k=1 n=1 a=0 out=0", "reduce = 2 is not allowed", "0 or 1"),
    _line("a unit that is not there", "fence wait=cpu", "unknown field 'wait' of fence"),
    _line("a unit of another machine", "load wait=gpu address=0 beats=1 destination=0", "wait = gpu is not allowed", "load"),
    _line("a matrix that is none", "vector rows=1 columns=16 a=0:int4 d=0", "a = 0:int4 is not allowed", "int8"),
    _line("a matrix with two strides", "vector rows=1 columns=16 a=0:stride=1:stride=2 d=0", "stride=2", "after another"),
    _line("a scale that is no number", "vector rows=1 columns=16 a=0 d=0 scale=half", "scale = half is not allowed", "number"),
    _line("a scale beyond FP32", "vector rows=1 columns=16 a=0 d=0 scale=1e39", "scale = 1e39 is not allowed", "FP32"),
    _line("a function that is not there", "vector rows=1 columns=16 a=0 d=0 function=tan", "function = tan is not allowed", "one of"),
    # Bytes.
    case("bytes that are not there", DISASSEMBLE, "p.bin: cannot be read: No such file or directory"),
    _bytes("an empty file", b"", "p.bin: there are no commands"),
    _bytes("a part of a command", END[:63], "p.bin: command 0: it is cut short: 63 bytes of 64"),
    _bytes("a command and a part of one", END + END[:3], "p.bin: command 1: it is cut short: 3 bytes of 64"),
    _bytes("an opcode that is not there", bytes([99]) + bytes(63), "p.bin: command 0: word 0: opcode = 99", "1 (LOAD)"),
    _bytes("all ones", b"\xff" * 64, "p.bin: command 0: word", "is not allowed"),
    _bytes("bits that no field has", b"\x0b" + bytes(59) + b"\0\0\0\1", "p.bin: command 0: word 15 = 0x01000000 is not allowed"),
    _bytes("text in place of bytes", b"end\n" * 16, "p.bin: command 0: word 0: opcode = 101", "1 (LOAD)"),
    _bytes("an archive", b"PK\x03\x04" + bytes(60), "p.bin: command 0: word 0: opcode = 80"),
    _bytes("a part of a command to run", END[:63], "p.bin: size = 63 bytes is not allowed", "multiple of 64",
           command="program run p.bin --system small"),
    case("bytes of a terabyte", DISASSEMBLE, "p.bin: size = 1,099,511,627,776 bytes", "at most",
         prepare=lambda folder: _sparse(folder / "p.bin", 1 << 40)),
    # Programs that eat the machine.
    _run("an endless loop", "loop count=0xffffffff\nset register=1 value=3\nrepeat", "--max-cycles = 1000000", "command", options="--max-cycles 1000000"),
    _run("endless loops in each other", "loop count=0xffffffff\n" * 4 + "fence\n" + "repeat\n" * 4, "--max-cycles = 20000", options="--max-cycles 20000"),
    _run("a command of 4,294,836,225 elements", "vector rows=65535 columns=65535 a=0 d=0", "command 0: vector of 4,294,836,225 elements", "16,777,216"),
    case("an endless loop beside RTL", "cosim --program p.asm --system small --max-cycles 1000", "--max-cycles = 1000 is not enough",
         files={"p.asm": "loop count=0xffffffff\nfence\nrepeat\nend\n"}),
    case("no cycles", f"{RUN} --max-cycles 0", "'--max-cycles': 0", "1<=x<=", files={"p.asm": "end\n"}),
    # Memory.
    case("an image that is not there", f"{RUN} --memory x.bin", "x.bin: cannot be read: No such file", files={"p.asm": "end\n"}),
    case("an endless image", f"{RUN} --memory /dev/zero", "/dev/zero: cannot be read: is a device", files={"p.asm": "end\n"}),
    case("an image that is too large", f"{RUN} --memory-bytes 4096 --memory x.bin", "--memory x.bin: 5000 bytes at 0x0", "memory has 4096",
         files={"p.asm": "end\n", "x.bin": bytes(5000)}),
    case("an image of a terabyte", f"{RUN} --memory x.bin", "--memory x.bin: 1099511627776 bytes at 0x0", "memory has 4194304",
         files={"p.asm": "end\n"}, prepare=lambda folder: _sparse(folder / "x.bin", 1 << 40)),
    case("an image behind the end", f"{RUN} --memory x.bin@0x400000", "--memory x.bin: 1 bytes at 0x400000", "memory has 4194304",
         files={"p.asm": "end\n", "x.bin": b"1"}),
    case("an address that is none", f"{RUN} --memory x.bin@4k", "--memory = x.bin@4k is not allowed", "4096 or 0x1000",
         files={"p.asm": "end\n", "x.bin": b"1"}),
    case("memory without room", f"{RUN} --memory-bytes 4096 --memory x.bin", "memory has no room for the program", "64 bytes",
         files={"p.asm": "end\n", "x.bin": b"1" * 4096}),
    # Programs for gem5.
    case("a program that is not there", "cpu run --program prog", "prog: cannot be read: No such file or directory"),
    _elf("a script", b"#!/bin/sh\n", "is not a 64-bit ELF file"),
    _elf("a program of nothing", b"", "is not a 64-bit ELF file"),
    _elf("a program of 32 bits", b"\x7fELF\1\1" + bytes(100), "is not a 64-bit ELF file"),
    _elf("a program that is cut off", elf()[:30], "is cut off"),
    _elf("a program of another machine", elf(machine=62), "is of machine 62, not of RISC-V (243)"),
    _elf("a program that is linked dynamically", elf(segment=3), "is linked dynamically"),
    _elf("segments behind the end", _damaged(56, 65535), "is cut off"),
    case("a program of a terabyte", "cpu run --program prog", "prog: size = 1,099,511,627,776 bytes", "at most",
         prepare=lambda folder: _sparse(folder / "prog", 1 << 40)),
)  # fmt: skip
