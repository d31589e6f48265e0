"""How a prompt is cut into chunks."""

import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.models import load_model
from tilewright.mapping.models.phases import PREFILL
from tilewright.mapping.work import Work
from tilewright.sim.config import load_system
from tilewright.sim.config.cim import divide_up

MODEL = load_model("slate-132k")


@pytest.mark.parametrize(("system", "tokens", "most"), [("small", 77, 1), ("nano", 100, 2), ("tiny", 77, 4)])
def test_chunks_are_the_fewest_with_room_and_equal(system, tokens, most):
    work = Work(model=MODEL, system=load_system(system), phase=PREFILL, context=tokens)
    size, refused = work.default_chunk
    assert size == divide_up(tokens, most)
    assert (refused.tokens if refused else None) == (divide_up(tokens, most - 1) if most > 1 else None)
    for chunks in range(1, most):
        last = divide_up(tokens, chunks)
        with pytest.raises(ConfigError, match="no room"):
            compile_model(work.system.accelerator, work.chunk(tokens - last, last))
