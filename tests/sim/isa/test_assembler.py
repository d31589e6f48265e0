"""Programs as text and as bytes: there and back again, and what is refused."""

import random
import re
import struct
from dataclasses import replace

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa import assembler
from tilewright.sim.isa.assembler import assemble, disassemble, lanes_of
from tilewright.sim.isa.commands import (
    COMMANDS,
    Add,
    End,
    Fence,
    Load,
    Loop,
    Opcode,
    Product,
    Repeat,
    Set,
    Store,
    Vector,
    Weights,
)
from tilewright.sim.isa.encoding import decode, decode_program, encode, encode_program, layout, read_program
from tilewright.sim.isa.fields import bits_float, float_bits
from tilewright.sim.isa.notation import NOTATIONS
from tilewright.sim.isa.units import Units
from tilewright.sim.isa.vector_command import Function, Inverse, Matrix, Reduce, Storage, VectorCommand
from tilewright.sim.isa.widths import COMMAND_BYTES


def configuration(lanes: int = 16) -> AcceleratorConfig:
    """Return a configuration of which the lanes are known, and that it has all units: text and bytes need no more."""
    macro = MacroConfig(rows=16, columns=16, weight_bits=8, input_bits=8)
    cim = CIMArrayConfig(tiles=1, tile=TileConfig(macro=macro, narrow_weights="int4"))
    return AcceleratorConfig.model_construct(cim=cim, vector=VectorConfig(lanes=lanes), npe=NpeConfig())


CONFIG = configuration()


def random_command(rng: random.Random, opcode: int) -> bytes:
    """Return a command with any bits in any of its fields."""
    words = [0] * (COMMAND_BYTES // 4)
    for name, field in layout(COMMANDS[opcode]).items():
        value = opcode if name == "opcode" else rng.choice((0, 1, (1 << field.bits) - 1, rng.getrandbits(field.bits)))
        if name in ("scale", "offset") and value & 0x7F800000 == 0x7F800000:
            value |= 1 << 22  # a signalling NaN becomes a quiet one as soon as it is a number
        for step in range(0, field.bits, 32):
            words[field.word + step // 32] |= (value >> step & 0xFFFFFFFF) << field.shift
    return struct.pack("<16I", *words)


@pytest.mark.parametrize("opcode", list(COMMANDS), ids=lambda opcode: opcode.name)
def test_any_command_there_and_back_again(opcode):
    rng = random.Random(int(opcode))
    for lanes in (2, 16, 64):
        config = configuration(lanes)
        for _ in range(300):
            command = decode(config, random_command(rng, opcode))
            text = disassemble(config, [command])
            [again] = assemble(config, text)
            assert encode(config, again) == encode(config, command), text
            assert repr(again) == repr(command), text
            [from_bytes] = decode_program(config, encode_program(config, [command]))
            assert repr(from_bytes) == repr(command)


def test_the_text_of_a_program():
    commands = [
        Set(register=1, value=0x1_0000_0000),
        Loop(count=12),
        Weights(register=1, address=0, beats=8, rows=48, stride=128, planes=2, plane_stride=64),
        Load(wait=Units.VECTOR | Units.STORE, signal=Units.ARRAY, address=0x4000, beats=24, destination=0x60, pitch=384),
        Product(reduce=True, vectors=16, k=384, n=64, a=0x60, a_pitch=384, out=0x10000, out_pitch=256),
        Fence(),
        Add(register=1, value=6144),
        Repeat(),
        Vector(
            wait=Units.ARRAY,
            command=VectorCommand(
                rows=16, columns=64, a=Matrix(address=0x1000, stride=16, storage=Storage.INT32), b=Matrix(address=0x40),
                d=Matrix(address=0x2000, stride=4, storage=Storage.INT8), multiply=0, multiply_inverse=True,
                function=Function.GELU, causal=True, mask_base=3, rotate=32, reduce=Reduce.MAGNITUDE,
                scale=1 / 127, offset=-0.0, inverse=Inverse.RECIPROCAL, out=5,
            ),
        ),
        Store(size=2, address=0x8000, count=64, source=0x2000, element_pitch=4),
        End(),
    ]  # fmt: skip
    text = """.lanes 16
set     register=1 value=0x100000000
loop    count=12
  weights register=1 address=0x0 beats=8 rows=48 stride=128 planes=2 plane_stride=64
  load    wait=vector+store signal=array address=0x4000 beats=24 destination=0x60 pitch=384
  product reduce vectors=16 k=384 n=64 a=0x60 a_pitch=384 out=0x10000 out_pitch=256
  fence
  add     register=1 value=0x1800
repeat
vector  wait=array rows=16 columns=64 a=0x1000:stride=16:int32 b=0x40:fp32 d=0x2000:stride=4:int8 multiply=0 \
multiply_inverse out=5 function=gelu reduce=magnitude scale=0.007874016 offset=-0 inverse=reciprocal causal \
mask_base=3 rotate=32
store   size=2 address=0x8000 count=64 source=0x2000 element_pitch=4
end
"""
    assert disassemble(CONFIG, commands) == text
    assert encode_program(CONFIG, assemble(CONFIG, text)) == encode_program(CONFIG, commands)
    assert lanes_of(text) == 16
    numbered = disassemble(CONFIG, commands, numbered=True)
    assert numbered.splitlines()[-1].split() == ["end", ";", "10"]
    assert assemble(CONFIG, numbered) == assemble(CONFIG, text)


def test_the_example_of_the_module():
    example = re.search(r"\n    \.lanes.*?\n    end\n", assembler.__doc__, re.DOTALL)[0]
    commands = assemble(CONFIG, example)
    assert [command.OPCODE.name for command in commands] == [
        "SET", "LOOP", "WEIGHTS", "LOAD", "PRODUCT", "VECTOR", "REPEAT", "END",
    ]  # fmt: skip


def test_what_may_be_written_in_other_ways():
    for text, command in {
        "\tload  address=0X10   beats=1 destination=16 # why": Load(address=16, beats=1, destination=16),
        "load address=0x10 beats=1 destination=16 wait=none;": Load(address=16, beats=1, destination=16),
        "product reduce=1 vectors=1 k=1 n=16 a=0 out=0": Product(reduce=True, vectors=1, k=1, n=16, a=0, out=0),
        "product out=0 reduce=0 n=16 vectors=1 a=0 k=1": Product(vectors=1, k=1, n=16, a=0, out=0),
        "vector rows=1 columns=2 a=7 function=4 scale=fp32:0x3f000000": Vector(
            command=VectorCommand(rows=1, columns=2, a=Matrix(address=7), function=Function.EXP, scale=0.5)
        ),
        "vector rows=1 columns=2 a=7:bf16:stride=3 function=7 scale=5e-1": Vector(
            command=VectorCommand(
                rows=1, columns=2, a=Matrix(address=7, stride=3, storage=Storage.BF16), function=7, scale=0.5
            )
        ),
    }.items():
        assert assemble(CONFIG, text) == [command]
    assert assemble(CONFIG, "; nothing\n\n   # at all\n.lanes 0x10") == []
    assert lanes_of("; nothing\nend") is None


def test_numbers_keep_their_bits():
    rng = random.Random(4)
    special = (0, 1 << 31, 1, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x00800000, 0x3F800001)
    for bits in (*special, *(rng.getrandbits(32) for _ in range(2000))):
        if bits & 0x7F800000 == 0x7F800000 and bits & 0x7FFFFF:
            bits |= 1 << 22
        pass_ = VectorCommand(rows=1, columns=1, a=Matrix(), scale=bits_float(bits), offset=bits_float(bits ^ 1 << 31))
        text = disassemble(CONFIG, [Vector(command=pass_)])
        [again] = assemble(CONFIG, text)
        assert (float_bits(again.command.scale), float_bits(again.command.offset)) == (bits, bits ^ 1 << 31), text


LOAD = "load address=0 beats=1 destination=0"
PASS = "vector rows=1 columns=1 a=1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lod address=1", "unknown command 'lod' (did you mean 'load'? one of: add, end"),
        ("=3", "unknown command '=3' (one of: add, end"),
        ("load adress=1", "unknown field 'adress' of load (did you mean 'address'? one of: address, beats"),
        ("end x=1", "unknown field 'x' of end: it has none"),
        ("load address=1", "'beats' of load is missing"),
        ("load address=1 address=1", "address = 1 is not allowed: address is there before"),
        (
            "load address=-1",
            "address = -1 is not allowed: it must be an integer from 0 on, decimal or 0x and hexadecimal",
        ),
        ("loop count=1_000", "count = 1_000 is not allowed: it must be an integer from 0 on"),
        ("loop count=", "count =  is not allowed: it must be an integer from 0 on"),
        ("loop count", "count has no value: it must be an integer, as in count=16"),
        ("loop count=0x100000000", "count = 4294967296 is not allowed: it must fit into 32 bits"),
        ("set register=16 value=1", "register = 16 is not allowed: it must fit into 4 bits"),
        (f"{LOAD} wait=vec", "wait = vec is not allowed: there is no such unit (did you mean 'vector'? one of: array,"),
        (f"{LOAD} wait", "wait has no value: it must be units joined by +, as in wait=load+vector"),
        (f"{LOAD} rows=70000", "rows = 70000 is not allowed: it must fit into 16 bits"),
        ("product reduce=2", "reduce = 2 is not allowed: it must be 0 or 1"),
        (
            "vector a=1:strid=3",
            "a = 1:strid=3 is not allowed: there is no part 'strid=3' (did you mean 'stride='? one of",
        ),
        ("vector a=1:int9", "a = 1:int9 is not allowed: there is no part 'int9' (did you mean 'int8'? one of: bf16,"),
        ("vector a=1:int8:bf16", "a = 1:int8:bf16 is not allowed: 'bf16' is there after another"),
        ("vector a", "a has no value: it must be a matrix, as in a=0x100:stride=24:int8"),
        (f"{PASS}0000000000", "a_address = 10000000000 is not allowed: it must fit into 32 bits"),
        (f"{PASS} rotate=24", "rotate = 24 is not allowed: it must be a power of two of 16 lanes"),
        (f"{PASS} multiply=70000", "multiply_slot = 70000 is not allowed: it must fit into 16 bits"),
        (
            f"{PASS} function=gleu",
            "function = gleu is not allowed: there is no such function (did you mean 'gelu'? one",
        ),
        (f"{PASS} function=9", "function = 9 is not allowed: it must fit into 3 bits"),
        (f"{PASS} scale=1e39", "scale = 1e39 is not allowed: FP32 ends before"),
        (f"{PASS} scale=0x12", "scale = 0x12 is not allowed: bits are written fp32:0x12"),
        (f"{PASS} scale=fp32:0x100000000", "scale = fp32:0x100000000 is not allowed: FP32 has 32 bits"),
        (f"{PASS} scale=half", "scale = half is not allowed: it must be a number, as in 0.125"),
        (".lanes 8", ".lanes = 8 is not allowed: the vector unit has 16"),
        (".lanes 3", ".lanes = 3 is not allowed: it must be one of 2, 4, 8, 16, 32, 64"),
        (".lanes", ".lanes takes one number, for example `.lanes 16`"),
        (".lane 16", "unknown directive '.lane' (did you mean '.lanes'? one of: .lanes)"),
    ],
)
def test_a_bad_line_is_named(line, said):
    with pytest.raises(ConfigError) as caught:
        assemble(CONFIG, f"; a comment\nfence\n  {line} ; this one\nend\n")
    assert str(caught.value).startswith(f"line 3: {said}")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^program.txt:1: "):
        assemble(CONFIG, line, source="program.txt")


def test_a_bad_directive_is_named_when_lanes_are_looked_for():
    with pytest.raises(ConfigError, match=r"^x:2: unknown directive '.line'"):
        lanes_of("fence\n.line 4", source="x")


def test_bad_bytes_are_named(tmp_path):
    good = encode_program(CONFIG, [Load(address=0, beats=1, destination=0), Fence(), End()])
    path = tmp_path / "program.bin"

    def said(data: bytes) -> str:
        path.write_bytes(data)
        with pytest.raises(ConfigError) as caught:
            read_program(CONFIG, path)
        return str(caught.value).removeprefix(f"{path}: ")

    def changed(command: int, byte: int, value: int) -> bytes:
        data = bytearray(good)
        data[64 * command + byte] = value
        return bytes(data)

    path.write_bytes(good)
    assert read_program(CONFIG, path)[1:] == [Fence(), End()]
    assert said(good[:-1]) == "command 2: it is cut short: 63 bytes of 64"
    assert said(good + b"\0") == "command 3: it is cut short: 1 bytes of 64"
    assert said(b"") == "there are no commands: it is empty"
    assert said(changed(1, 0, 77)).startswith(
        "command 1: word 0: opcode = 77 is not allowed: it must be one of 1 (LOAD)"
    )
    assert said(changed(0, 63, 1)) == "command 0: word 15 = 0x01000000 is not allowed: LOAD has no bits 0x1000000 there"
    assert said(changed(2, 1, 1)) == "command 2: word 0 = 0x0000010d is not allowed: END has no bits 0x100 there"
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_program(CONFIG, path)
    with pytest.raises(ConfigError, match=r"^command 1: count = -1 is not allowed"):
        encode_program(CONFIG, [Fence(), Loop(count=-1)])


FAULTS = {
    "strides are left out": (Matrix, lambda notation: lambda value: notation.write(replace(value, stride=0))),
    "numbers are cut short": (float, lambda notation: lambda value: f"{value:.6g}"),
    "signals to one unit only": (Units, lambda notation: lambda value: notation.write(value).split("+")[0]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_text_is_seen(monkeypatch, name):
    kind, wrong = FAULTS[name]
    notation = NOTATIONS[kind]
    monkeypatch.setitem(NOTATIONS, kind, notation._replace(write=wrong(notation)))
    assembler._fields.cache_clear()
    try:
        with pytest.raises(AssertionError):
            test_any_command_there_and_back_again(Opcode.VECTOR)
    finally:
        assembler._fields.cache_clear()
