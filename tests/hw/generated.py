"""Generated blocks of tests, kept between processes: the same block is elaborated once."""

import json

from tilewright.api.blocks import BLOCKS
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.hw.generate import GeneratedBlock


def generated(name: str, **options: str | int) -> GeneratedBlock:
    """Return a block of `tilewright list` with the given options, as `tilewright generate` makes it."""

    def make() -> str:
        return json.dumps(vars(BLOCKS[name].design(**options).generate()))

    return GeneratedBlock(**json.loads(kept_verilog(make, "block", name, sorted(options.items()))))


def block_of(arguments: str) -> GeneratedBlock:
    """Return the block of a command line of `tilewright generate`: the name and the options of a block."""
    name, *words = arguments.split()
    options = {option.removeprefix("--"): _typed(value) for option, value in zip(words[::2], words[1::2], strict=True)}
    return generated(name, **options)


def _typed(value: str) -> str | int:
    return int(value) if value.isdigit() else value
