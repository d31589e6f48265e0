import io
from collections import defaultdict
from functools import cache
from itertools import pairwise

import pytest

from tests.mapping.small_models import EDGE, LLAMA, THIN
from tilewright.base.errors import ConfigError
from tilewright.base.terminal import Terminal
from tilewright.cli.tables import print_map
from tilewright.mapping.map import map_model
from tilewright.mapping.models import load_model
from tilewright.mapping.report import MapResult
from tilewright.sim.config import load_system
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.graph.operator import Kind


@cache
def thin(phase: str, context: int) -> MapResult:
    """Return the run of the thin model on edge-int4, made once."""
    return map_model("x", THIN, EDGE, phase=phase, context=context)


@pytest.fixture(scope="module")
def decoded():
    return map_model("llama-3.2-1b", LLAMA, EDGE, phase="decode", context=1024)


def test_decode_reaches_the_bound(decoded):
    assert 0.99 <= decoded.bound_fraction <= 1
    assert decoded.dram_bound_cycles > decoded.compute_bound_cycles
    # 51.2 GB/s over the bytes of one token: nothing can be quicker.
    assert decoded.tokens_per_s < 51.2e9 / decoded.graph.dram_bytes


def test_steps_add_up_to_the_run(decoded):
    result = decoded.to_dict()
    assert sum(step["cycles"] for step in result["steps"]) == result["cycles"]
    assert all(step["cycles"] >= 0 for step in result["steps"])
    # Padding of heads to the columns of a tile.
    assert result["macs"] <= sum(step["macs"] for step in result["steps"]) < 1.15 * result["macs"]
    assert result["energy_j"] == pytest.approx(sum(item["joules"] for item in result["energy"]))
    assert result["energy_j"] == pytest.approx(sum(step["energy_j"] for step in result["steps"]))


def test_energy_goes_to_the_operators_that_move_the_bytes(decoded):
    energies = {row.name: row.energy for row in decoded.rows}
    matrices = decoded.graph.of(Kind.MATMUL)
    weights = sum(each.read_bytes for each in matrices)
    assert sum(energies[row].mid for row in {each.row for each in matrices}) > 0.97 * decoded.energy_j
    share = sum(each.read_bytes for each in matrices if each.row == "mlp.up_proj") / weights
    assert energies["mlp.up_proj"].mid / decoded.energy_j == pytest.approx(share, rel=0.04)
    for level in ("low", "mid", "high"):
        whole = sum(getattr(each, level) for each in energies.values())
        assert whole == pytest.approx(getattr(decoded.energy_range_j, level), rel=1e-12)


def test_units_run_one_command_at_a_time_except_for_loads(decoded):
    spans = defaultdict(list)
    for span in decoded.spans:
        spans[span.unit].append((span.start, span.end))
    assert set(spans) == {"load", "CIM array", "vector unit", "store"}
    for unit in ("CIM array", "vector unit", "store"):
        busy = sorted(spans[unit])
        assert all(end <= start for (_, end), (start, _) in pairwise(busy)), unit
        assert sum(end - start for start, end in busy) == decoded.unit_cycles[unit]
        assert busy[-1][1] <= decoded.cycles
    # Main memory is what everything waits for.
    assert 0.95 * decoded.cycles < decoded.unit_cycles["load"] <= decoded.cycles


def test_every_weight_passes_main_memory_once(decoded):
    # Scales of the cache take twice their bytes.
    assert decoded.graph.dram_bytes <= decoded.memory_bytes < 1.005 * decoded.graph.dram_bytes


@pytest.mark.parametrize(
    ("name", "context", "least"),
    [("qwen2.5-0.5b", 1024, 0.975), ("smollm2-1.7b", 1024, 0.99), ("llama-3.2-1b", 4096, 0.975)],
)
def test_narrow_matrices_and_narrow_heads_take_few_bytes_more_than_they_have(name, context, least):
    result = map_model(name, load_model(name), EDGE, phase="decode", context=context)
    assert result.bound_fraction >= least
    assert result.memory_bytes < 1.02 * result.graph.dram_bytes


def test_a_co_processor_that_has_nothing_to_do_changes_nothing():
    beside = EDGE.replace(npe=NpeConfig(rows=2, columns=2))
    with_it, without = (map_model("x", THIN, system, phase="decode", context=9) for system in (beside, EDGE))
    assert (with_it.cycles, with_it.energy) == (without.cycles, without.energy)
    assert with_it.unit_cycles == {**without.unit_cycles, "NPE": 0}


@pytest.mark.parametrize("context", [1, 63, 257, 4096])
def test_any_context(context):
    result = thin("decode", context)
    assert 0.6 <= result.bound_fraction <= 1


@pytest.mark.parametrize("tokens", [1, 5, *(pytest.param(some, marks=pytest.mark.slow) for some in (33, 100))])
def test_prefill(tokens):
    result = thin("prefill", tokens)
    assert 0 < result.bound_fraction <= 1
    assert result.tokens == sum(result.chunks) == tokens
    assert sum(row.cycles for row in result.rows) == result.cycles


def test_more_bandwidth_is_never_slower():
    memory = EDGE.memory
    slower = map_model(
        "x", LLAMA, EDGE.replace(memory=memory.replace(bandwidth_mb_per_s=25600)), phase="decode", context=64
    )
    faster = map_model("x", LLAMA, EDGE, phase="decode", context=64)
    assert slower.cycles == pytest.approx(2 * faster.cycles, rel=0.01)


def test_the_report_shows_both_bounds_of_a_memory_that_is_refreshed():
    refreshed = load_system("edge-int4-refresh")
    plain, result = (map_model("x", LLAMA, each, phase="decode", context=64) for each in (EDGE, refreshed))
    data = result.to_dict()
    assert "dram_peak_cycles" not in plain.to_dict()
    assert data["dram_peak_cycles"] == plain.dram_bound_cycles
    assert data["bounds"]["main memory"] == pytest.approx(plain.dram_bound_cycles * 3906 / 3626, abs=1)
    # Refresh takes its share of the time, but for passes that no load waits for.
    assert 0.999 < result.cycles / plain.cycles / (3906 / 3626) < 1.001
    # The same bits move, and memory has power for longer.
    (bits, background), (bits_refreshed, background_refreshed) = plain.energy[:2], result.energy[:2]
    assert bits_refreshed == bits
    assert background_refreshed.joules / background.joules == pytest.approx(result.cycles / plain.cycles)
    printed = io.StringIO()
    print_map(Terminal(file=printed, width=120), data)
    share = data["dram_peak_cycles"] / data["cycles"]
    assert f"at peak bandwidth {data['dram_peak_cycles']:,} cycles" in " ".join(printed.getvalue().split())
    assert f"without refresh and turns; {share:.2%} of the run" in printed.getvalue()


def test_latency_is_hidden():
    memory = EDGE.memory
    near = map_model("x", LLAMA, EDGE.replace(memory=memory.replace(latency_ns=1)), phase="decode", context=1024)
    far = map_model("x", LLAMA, EDGE.replace(memory=memory.replace(latency_ns=300)), phase="decode", context=1024)
    assert near.cycles <= far.cycles <= 1.03 * near.cycles


@pytest.mark.parametrize(("phase", "context"), [("decode", 257), pytest.param("prefill", 33, marks=pytest.mark.slow)])
def test_an_array_of_mxfp4(phase, context):
    tile = EDGE.cim.tile
    macro = tile.macro.replace(rows=32, weight_format="fp4_e2m1")
    mxfp4 = tile.replace(macro=macro, grid_rows=8, group_scale="e8m0", group_rows=32, max_shift=7)
    system = EDGE.replace(cim=EDGE.cim.replace(tile=mxfp4))
    plain, scaled = thin(phase, context), map_model("x", THIN, system, phase=phase, context=context)
    # A scale of 8 bits beside 32 weights of 4: a sixteenth more of bytes.
    assert 1.04 * plain.memory_bytes < scaled.memory_bytes < 1.065 * plain.memory_bytes
    assert plain.cycles < scaled.cycles < 1.3 * plain.cycles
    assert 1.05 * plain.dram_bound_cycles < scaled.dram_bound_cycles <= scaled.cycles


def test_a_model_too_large_for_the_scratchpad_is_refused():
    small = EDGE.replace(vector=EDGE.vector.replace(address_bits=8))
    with pytest.raises(ConfigError, match="bytes"):
        map_model("x", LLAMA, small, phase="decode", context=1)


def test_a_report_says_why_chunks_are_small_and_what_that_costs():
    """On edge-int4 a bank has no room for the network's values of 64 tokens: 32 at a time read all weights twice."""
    result = map_model("thin", THIN, EDGE, phase="prefill", context=64)
    assert result.chunks == (32, 32)
    data = result.to_dict()
    refused = data["refused_chunk"]
    assert refused["tokens"] == 64
    assert "1048576 bytes find no room in the scratchpad" in refused["cause"]
    # Weights of both chunks beside the bytes that move once, at least one set of 4 bits each.
    weights = (THIN.num_hidden_layers * THIN.layer_weights) // 2
    assert refused["bytes_moved_again"] == result.memory_bytes - result.graph.dram_bytes > weights
    assert refused["cycles_moving_again"] == int(refused["bytes_moved_again"] / EDGE.memory.bytes_per_cycle(1000))
    printed = io.StringIO()
    print_map(Terminal(file=printed, width=120), data)
    text = " ".join(printed.getvalue().split())
    assert (
        "2 chunks of at most 32 tokens, because the system has no room for 64 tokens at a time: model.layers.0" in text
    )
    assert f"weights are read 2 times; {refused['bytes_moved_again'] / 1e6:,.1f} MB more than once" in text
    alone = map_model("thin", THIN, EDGE, phase="prefill", context=4)
    assert alone.refused_chunk is None
    assert "refused_chunk" not in alone.to_dict()
