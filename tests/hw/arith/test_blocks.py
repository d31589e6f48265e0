"""Arithmetic units as blocks of the command line: ports, timing, lint, bad options."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import refused
from tests.hw.generated import block_of
from tilewright.api.blocks import BLOCKS
from tilewright.hw.generate import GeneratedBlock

SNAPSHOT = Path(__file__).with_name("arithmetic_blocks.ports.json")
"""Ports of every block with the options of its example. A change breaks what users have built around it: write it anew
with `python -m tests.hw.arith.test_blocks` and say so in the changelog."""

NAMES = [name for name, block in BLOCKS.items() if block.builder.startswith("tilewright.hw.arith.")]


def generated(name: str, options: str = "") -> GeneratedBlock:
    """Return a block with the options of its example and others."""
    return block_of(f"{name} {BLOCKS[name].example} {options}")


def snapshot() -> dict:
    return {name: generated(name).ports for name in NAMES}


def test_every_arithmetic_unit_is_a_block():
    assert {
        "posit-decoder", "posit-encoder", "posit-adder", "posit-multiplier", "posit-mac", "posit-mac-core",
        "float-decoder", "float-encoder", "float-adder", "float-multiplier", "float-mac",
        "read-out", "converter", "fp4-unit", "mixed-mac", "mixed-read-out", "significand-multiplier", "segmented-quire",
    } == set(NAMES)  # fmt: skip


def test_ports_are_the_snapshot():
    assert snapshot() == json.loads(SNAPSHOT.read_text())


def test_without_back_pressure_there_is_no_ready():
    with_ready = {port["name"] for port in generated("posit-mac").ports["ports"]}
    without = {port["name"] for port in generated("posit-mac", "--back-pressure no").ports["ports"]}
    assert with_ready - without == {"i__ready", "o__ready"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["posit-multiplier", "--format", "bf16"], "--format = bf16 is not allowed: it must be a posit"),
        (["float-adder", "--format", "posit8_0"], "--format = posit8_0 is not allowed: it must be a minifloat"),
        (["converter", "--format", "mxfp4", "--to", "bf16"], "--format = mxfp4 is not allowed: it must be a posit, a minifloat"),
        (["converter", "--format", "bf16"], "Missing option '--to'"),
        (["posit-adder", "--stages", "5"], "--stages = 5 is not allowed: it must be 0 to 4"),
        (["posit-mac", "--segment-bits", "7"], "--segment-bits = 7 is not allowed: it must be at least 2 and divide 32"),
        (["posit-encoder", "--scale-bits", "1"], "--scale-bits = 1 is not allowed: it must be 2 to 64"),
        (["posit-multiplier", "--style", "tre"], "'tre' is not allowed (did you mean 'tree'?"),
        (["mixed-mac", "--weights", "posit9_1"], "--weights = posit9_1 is not allowed: it must be a posit, posit3_0 to posit8_2"),
        (["mixed-mac", "--weights", "int8"], "--weights = int8 is not allowed: it must be a posit, posit3_0 to posit8_2"),
        (["mixed-mac", "--activations", "fp8_e5m2"], "--activations = fp8_e5m2 is not allowed: it must be a minifloat of at most 8 bits without infinities"),
        (["mixed-mac", "--activations", "posit8_0"], "--activations = posit8_0 is not allowed: it must be a minifloat, such as fp8_e4m3"),
        (["mixed-read-out", "--scale-bits", "17"], "--scale-bits = 17 is not allowed: it must be 0 to 16"),
        (["posit-multiplyer"], "unknown block 'posit-multiplyer' (did you mean 'posit-multiplier'?"),
    ],
)  # fmt: skip
def test_bad_options_get_one_line(tmp_path, arguments, said):
    assert said in refused("generate", *arguments, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(snapshot(), indent=2) + "\n")
