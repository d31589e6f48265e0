"""Scales of the cache: a pass loads those of its head alone, before the weights of the product in front of it."""

import pytest

from tests.mapping.small_models import EDGE, THIN
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.map import map_model
from tilewright.mapping.models import llama
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Load, Vector, Weights

CONTEXT = 4096


@pytest.fixture(scope="module")
def commands():
    graph = llama.decode(THIN, CONTEXT, Precision.of(EDGE.cim.tile, EDGE.vector.lanes))
    return compile_model(EDGE.accelerator, graph, MemoryMap()).commands


def scales(command):
    """Return whether a command loads scales of the cache: BF16, one a position."""
    cache = isinstance(command, Load) and command.operator.kind is Kind.KV_APPEND
    return cache and command.all_beats * EDGE.accelerator.bus_bytes == 2 * CONTEXT


def test_a_head_loads_its_own_scales(commands):
    loads = [command for command in commands if scales(command)]
    assert len(loads) == len({load.address for load in loads}) == 2 * THIN.num_key_value_heads
    every = [command for command in commands if isinstance(command, Load) and command.operator.kind is Kind.KV_APPEND]
    assert max(each.all_beats for each in every) == loads[0].all_beats


def test_scales_come_before_the_weights_of_the_product_in_front_of_their_pass(commands):
    loaded, between = {}, []
    for place, command in enumerate(commands):
        if scales(command):
            loaded[command.destination] = place
        elif isinstance(command, Vector) and command.command.b:
            start = loaded.pop(command.command.b.address * EDGE.vector.lanes, None)
            if start is not None:
                between.append(sum(isinstance(each, Weights) for each in commands[start:place]))
    assert len(between) == 2 * THIN.num_key_value_heads
    assert min(between) >= 1


@pytest.mark.parametrize(
    ("context", "least"), [(16384, 0.99), (32768, 0.98), pytest.param(131072, 0.98, marks=pytest.mark.slow)]
)
def test_long_contexts_have_room_and_are_near_their_bound(context, least):
    assert map_model("x", THIN, EDGE, phase="decode", context=context).bound_fraction >= least
