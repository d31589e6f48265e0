"""Operators on the host: which work leaves the accelerator's program, and what its run is then."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.mapping.small_models import EDGE, THIN
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.whole_decoder import compile_decoder
from tilewright.mapping.host.placement import PLACEABLE, without
from tilewright.mapping.host.steps import HostStep
from tilewright.mapping.map import map_model
from tilewright.mapping.models import llama
from tilewright.sim.config import MemoryConfig
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Vector
from tilewright.sim.isa.vector_command import Reduce

KINDS = {"softmax": Kind.SOFTMAX, "norms": Kind.RMS_NORM}


def run(phase, context, *kinds):
    return map_model("x", THIN, EDGE, phase=phase, context=context, on_host=kinds)


def test_all_of_the_workload_goes_to_the_host():
    result = run("decode", 257, *KINDS)
    calls = {"softmax": THIN.num_hidden_layers * THIN.num_key_value_heads, "norms": 2 * THIN.num_hidden_layers + 1}
    for step in result.on_host:
        those = [operator for operator in result.graph if operator.kind is KINDS[step.name]]
        assert step.elements == sum(operator.elements for operator in those)
        assert sum(step.calls.values()) == calls[step.name]


def test_a_prompt_has_no_softmax_of_what_the_mask_hides():
    tokens = 100
    softmax, norms = run("prefill", tokens, "softmax", "norms").on_host
    rows = THIN.num_hidden_layers * THIN.num_attention_heads
    assert softmax.elements == rows * tokens * (tokens + 1) // 2
    assert norms.elements == (2 * THIN.num_hidden_layers * tokens + 1) * THIN.hidden_size


@pytest.mark.parametrize("kind", PLACEABLE)
def test_only_the_size_of_such_passes_changes(kind):
    program = compile_decoder(
        EDGE.accelerator, llama.tokens_graph(THIN, Precision.of(EDGE.cim.tile), tokens=1, position=8, capacity=9)
    )
    changed = 0
    for before, after in zip(program.commands, without(program.commands, [kind]), strict=True):
        if before == after:
            continue
        changed += 1
        assert isinstance(before, Vector)
        assert before.command.reduce is Reduce.SUM
        assert replace(after, command=before.command) == before
        size = {"rows": before.command.rows, "columns": before.command.columns}
        assert replace(after.command, **size) == before.command
        assert (after.command.rows, after.command.columns) == (1, 1)
    # A loop over layers, and one over parts of the vocabulary.
    assert changed == {"softmax": THIN.num_key_value_heads, "norms": 3}[kind]


@pytest.mark.parametrize(("phase", "context"), [("decode", 257), ("prefill", 33)])
def test_the_vector_unit_loses_these_passes_alone(phase, context):
    whole = run(phase, context)
    assert whole.on_host == ()
    for kind in KINDS:
        left = run(phase, context, kind)
        # Of every pass, how long it ran: the same but for those that went, of which there are as many as calls.
        times = [Counter(s.end - s.start for s in r.spans if s.unit == "vector unit") for r in (whole, left)]
        gone, instead = times[0] - times[1], times[1] - times[0]
        [step] = left.on_host
        assert gone.total() == instead.total() == sum(step.calls.values())
        assert len(instead) == 1
        lost = sum(cycles * number for cycles, number in gone.items()) - instead.total() * min(instead)
        assert whole.unit_cycles["vector unit"] - left.unit_cycles["vector unit"] == lost > 0
        assert left.memory_bytes == whole.memory_bytes
        assert left.cycles <= whole.cycles


def test_less_work_for_the_vector_unit_takes_less_energy():
    whole, left = (run("decode", 257, *kinds) for kinds in ((), ("softmax",)))
    assert left.energy_j < whole.energy_j


def test_transfers_wait_for_one_another():
    memory = MemoryConfig(kind="x", bandwidth_mb_per_s=1000, latency_ns=100, energy_pj_per_bit=1)
    step = HostStep("softmax", "softmax", {64: 2}, transfers=8, transfer_bytes=1024)
    assert step.elements == 128
    assert step.transfer_seconds(memory) == pytest.approx(8 * 100e-9 + 1024e-9)


def test_a_kind_that_stays_where_it_is():
    with pytest.raises(ConfigError, match=r"on_host = 'rope' is not allowed \(one of: norms, softmax\)"):
        run("decode", 9, "softmax", "rope")
