"""Numbers of loads of keys and values, against the commands that the compiler makes."""

from itertools import islice

import numpy as np
import pytest

from benchmarks.estimate_error import BASE, draws
from tilewright.mapping.compile.stored_weights import StoredWeights
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.workload import workload
from tilewright.sim.config import System, load_system
from tilewright.sim.estimate.cache_loads import key_commands, value_commands
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.heads import Heads
from tilewright.sim.estimate.machine import Machine

SIZES = (64, 80, 96, 128, 256)
"""Elements of a head."""
CONTEXTS = (1, 30, 64, 100, 512, 1000, 3000, 4096, 8192)
SYSTEMS = 120


NARROW = {
    "cim.tile.macro.columns": 16, "cim.tile.grid_columns": 1, "cim.tile.result_bus_bits": 64,
    "cim.tile.macro.rows": 64, "cim.tile.grid_rows": 1,
}  # fmt: skip
"""Tiles so narrow that values of a head have several chunks."""


def heads_of(size: int, changes: dict) -> tuple[Heads, System] | None:
    """Return the heads of a model on a system that differs from the preset, and the system; None if it is illegal."""
    model = LlamaConfig(
        vocab_size=64, hidden_size=512, intermediate_size=512, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=4, head_dim=size,
    )  # fmt: skip
    [[layer], _] = workload(model, phase="decode", context=8).loops[0]
    designs = Designs(load_system(BASE), {path: np.array([value]) for path, value in changes.items()})
    if not designs.legal[0]:
        return None
    return Heads(Machine(designs), layer), designs.system(0)


@pytest.mark.parametrize(
    ("more", "expected"), [({}, {1, 2}), (NARROW, {1, 2, 3, 4, 6}), (NARROW | {"cim.tiles": 3}, {1, 2, 3, 5, 6})]
)
def test_loads_of_the_cache_are_those_of_the_compiler(more, expected):
    rng = np.random.default_rng(1)
    seen = set()
    for case in islice(draws(5), SYSTEMS):
        changes = case["fields"] | more
        size, context = int(rng.choice(SIZES)), int(rng.choice(CONTEXTS))
        made = heads_of(size, changes)
        if made is None:
            continue
        heads, system = made
        values = int(np.ravel(heads.value_room * heads.beside)[0])
        stored = StoredWeights(system.accelerator, 0, context, values, False)
        step = np.lcm.reduce([int(np.ravel(each)[0]) for each in (heads.machine.rows, heads.machine.columns)])
        for first in {0, min(step, context // step * step), context // 2 // step * step}:
            positions = context - first
            if positions:
                found = int(np.ravel(value_commands(heads, float(positions), context))[0])
                assert found == len(stored.load(positions, first)[2]), (changes, size, context, first)
                seen.add(found)
        room = int(np.ravel(heads.key_room)[0])
        products, found = (int(np.ravel(each)[0]) for each in key_commands(heads, float(context)))
        if products == 1:
            keys = StoredWeights(system.accelerator, 0, context, room, True)
            assert found == len(keys.load(context)[2]), (changes, size, context)
    print(seen)
    assert expected <= seen
