from collections import defaultdict
from itertools import pairwise

import pytest

from tilewright.mapping.result import map_model
from tilewright.mapping.workload import load_model
from tilewright.sim.config import ConfigError, load_system

LLAMA = load_model("llama-3.2-1b")
EDGE = load_system("edge-int4")


@pytest.fixture(scope="module")
def decoded():
    return map_model("llama-3.2-1b", LLAMA, EDGE, phase="decode", context=1024)


def test_decode_reaches_the_bound(decoded):
    assert 0.95 <= decoded.bound_fraction <= 1
    assert decoded.dram_bound_cycles > decoded.compute_bound_cycles
    # 51.2 GB/s over the bytes of one token: nothing can be quicker.
    assert decoded.tokens_per_s < 51.2e9 / decoded.workload.dram_bytes


def test_operators_add_up_to_the_run(decoded):
    result = decoded.to_dict()
    assert sum(op["cycles"] for op in result["operators"]) == result["cycles"]
    assert all(op["cycles"] >= 0 for op in result["operators"])
    assert sum(op["macs"] for op in result["operators"]) == result["macs"]
    assert sum(op["bytes"] for op in result["operators"]) <= result["dram_bytes"]
    assert result["energy_j"] == pytest.approx(sum(item["joules"] for item in result["energy"]))


def test_no_result_comes_before_its_inputs(decoded):
    done = {placed.operator.name: placed.done for placed in decoded.placed}
    for placed in decoded.placed:
        assert all(done[name] <= placed.done for name in placed.operator.inputs)


def test_units_do_one_thing_at_a_time(decoded):
    spans = defaultdict(list)
    for span in decoded.spans:
        spans[span.unit].append((span.start, span.end))
    assert set(spans) == {"DRAM", "vector unit", "tile 0", "tile 1", "tile 2", "tile 3"}
    for unit, busy in spans.items():
        for (_, end), (start, _) in pairwise(busy):
            assert end <= start, unit
        assert busy[-1][1] <= decoded.cycles
    # Main memory is what everything waits for.
    assert sum(end - start for start, end in spans["DRAM"]) > 0.95 * decoded.cycles


def test_every_weight_passes_main_memory_once(decoded):
    # Blocks fill whole words on this array: nothing is padded but the ends of scales and of the cache.
    assert decoded.workload.dram_bytes <= decoded.dram_bytes < 1.001 * decoded.workload.dram_bytes


@pytest.mark.parametrize("context", [1, 63, 257, 4096])
def test_any_context(context):
    result = map_model("x", LLAMA, EDGE, phase="decode", context=context, record_spans=False)
    assert 0.95 <= result.bound_fraction <= 1


@pytest.mark.parametrize("tokens", [1, 100, 300])
def test_prefill(tokens):
    result = map_model("x", LLAMA, EDGE, phase="prefill", context=tokens, record_spans=False)
    assert 0 < result.bound_fraction <= 1
    assert result.workload.tokens == tokens
    assert sum(placed.cycles for placed in result.placed) == result.cycles


def test_more_bandwidth_is_never_slower():
    memory = EDGE.memory
    slower = map_model(
        "x", LLAMA, EDGE.replace(memory=memory.replace(bandwidth_mb_per_s=25600)), phase="decode", context=64
    )
    faster = map_model("x", LLAMA, EDGE, phase="decode", context=64)
    assert slower.cycles == pytest.approx(2 * faster.cycles, rel=0.01)


def test_latency_is_hidden():
    memory = EDGE.memory
    near = map_model("x", LLAMA, EDGE.replace(memory=memory.replace(latency_ns=1)), phase="decode", context=1024)
    far = map_model("x", LLAMA, EDGE.replace(memory=memory.replace(latency_ns=300)), phase="decode", context=1024)
    assert near.cycles <= far.cycles <= 1.03 * near.cycles


def test_a_model_too_large_for_the_activation_memory_is_refused():
    small = EDGE.replace(activation_memory=EDGE.activation_memory.replace(capacity_kib=8))
    with pytest.raises(ConfigError, match="capacity_kib = 8 is not allowed for this model: one token needs 22 KiB"):
        map_model("x", LLAMA, small, phase="decode", context=1)
