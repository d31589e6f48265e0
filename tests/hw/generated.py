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
