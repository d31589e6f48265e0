"""Operators on the host: which work leaves the accelerator's program, and what its run is then."""

import pytest

from tests.mapping.small_models import EDGE, THIN
from tilewright.base.errors import ConfigError
from tilewright.mapping.host.placement import PLACEABLE, place
from tilewright.mapping.host.steps import HostStep
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.map import map_model
from tilewright.mapping.models import llama
from tilewright.sim.config import MemoryConfig
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Pass, Product
from tilewright.sim.isa.vector_command import Function, Inverse

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


@pytest.mark.parametrize("tokens", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_a_prompt_has_no_softmax_of_what_the_mask_hides(tokens):
    softmax, norms = run("prefill", tokens, "softmax", "norms").on_host
    rows = THIN.num_hidden_layers * THIN.num_attention_heads
    assert softmax.elements == rows * tokens * (tokens + 1) // 2
    assert norms.elements == (2 * THIN.num_hidden_layers * tokens + 1) * THIN.hidden_size


@pytest.mark.parametrize("kind", PLACEABLE)
def test_only_the_passes_of_such_operators_go(kind):
    graph = llama.layers(THIN, Precision.of(EDGE.cim.tile), tokens=1, position=8, capacity=9)
    whole, left = (lower(each).steps for each in (graph, place(graph, [kind])))
    products = [[step for step in steps if isinstance(step, Product)] for steps in (whole, left)]
    assert products[0] == products[1]
    gone = [step for step in whole if isinstance(step, Pass) and _is_of(kind, step)]
    assert len(gone) == len(whole) - len(left) == 2 * {"softmax": THIN.num_key_value_heads, "norms": 2}[kind]
    assert not any(_is_of(kind, step) for step in left if isinstance(step, Pass))


def _is_of(kind, step):
    return {"softmax": step.options.function is Function.EXP, "norms": step.options.inverse is Inverse.RSQRT}[kind]


@pytest.mark.parametrize(("phase", "context"), [("decode", 257), pytest.param("prefill", 33, marks=pytest.mark.slow)])
def test_the_vector_unit_loses_these_passes_alone(phase, context):
    whole = run(phase, context)
    assert whole.on_host == ()
    for kind in KINDS:
        left = run(phase, context, kind)
        passes = [sum(span.unit == "vector unit" for span in each.spans) for each in (whole, left)]
        [step] = left.on_host
        assert passes[0] - passes[1] == sum(step.calls.values())
        assert left.unit_cycles["vector unit"] < whole.unit_cycles["vector unit"]
        assert left.unit_cycles["CIM array"] >= 0.99 * whole.unit_cycles["CIM array"]
        # Loads decide. Fewer passes change what lies where, and with it how long a load waits for the last use of the
        # bytes that it writes over: here 1,480 cycles of a layer's 640,000.
        assert left.cycles <= 1.0025 * whole.cycles


def test_less_work_for_the_vector_unit_takes_less_energy():
    whole, left = (run("decode", 257, *kinds) for kinds in ((), ("softmax",)))
    assert left.energy_j < whole.energy_j


def test_transfers_wait_for_one_another():
    memory = MemoryConfig(kind="x", bandwidth_mb_per_s=1000, latency_ns=100, energy_pj_per_bit=1)
    step = HostStep("softmax", "softmax", {64: 2}, transfers=8, transfer_bytes=1024)
    assert step.elements == 128
    assert step.transfer_seconds(memory) == pytest.approx(8 * 100e-9 + 1024e-9)
    refreshed = memory.with_(**{"refresh": {"interval_ns": 3906, "time_ns": 280}})
    assert step.transfer_seconds(refreshed) == pytest.approx(8 * 100e-9 + 1024e-9 * 3906 / 3626)


def test_a_kind_that_stays_where_it_is():
    with pytest.raises(ConfigError, match=r"on_host = 'rope' is not allowed \(one of: norms, softmax\)"):
        run("decode", 9, "softmax", "rope")
