"""Bounds are bounds: no run of a random workload on a random system takes fewer cycles than any of them."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.map import map_model
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.load import load_model
from tilewright.mapping.report import MapResult
from tilewright.sim.config import System, load_system
from tilewright.sim.estimate.bounds import MEMORY, REQUESTS, Bounds, bounds
from tilewright.sim.graph.graph import Graph, input_operator
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import Precision

SEED = 20261129
REFRESHES = ((40, 0.5), (390, 0.072), (3906, 0.072), (3906, 0.4), (31250, 0.1))
"""Intervals of refresh in cycles, and the share of the time that it takes."""
DRAWS = 36
"""Number of seeds of everyday tests."""
LONG = (12, 27)
"""Seeds whose runs take half of the time of all of them, far above their bounds: for slow tests."""
EVERYDAY = [seed for seed in range(DRAWS) if seed not in LONG]


def random_system(rng: np.random.Generator) -> System:
    """Return a shipped system with other memory, tiles, requests and ports; which fields may vary is said here."""

    def one(*values):
        return values[int(rng.integers(len(values)))]

    base = load_system(one("tiny", "small", "edge-int4", "edge-int8"))
    return base.with_(
        **{
            "memory.latency_ns": one(2.0, 20.0, 114.0, 500.0),
            "memory.bandwidth_mb_per_s": int(base.memory.bandwidth_mb_per_s * one(0.1, 0.4, 1.0)),
            "cim.tiles": one(1, 2, 4),
            "cim.tile.result_bus_bits": one(64, 128),
            "fabric.outstanding": one(1, 2, 16),
            "fabric.max_burst": one(8, 32) if base.fabric.bus_bits > 64 else 16,
        }
    )


def random_model(rng: np.random.Generator) -> LlamaConfig:
    """Return a small decoder."""

    def upto(most: int) -> int:
        return int(rng.integers(1, most + 1))

    shared, groups = upto(3), upto(2)
    return LlamaConfig(
        vocab_size=64 * upto(8), hidden_size=64 * upto(6), num_hidden_layers=upto(3), num_attention_heads=shared * groups,
        num_key_value_heads=groups, head_dim=32 * upto(2), intermediate_size=64 * upto(9), rms_norm_eps=1e-5,
    )  # fmt: skip


def runs(seeds: Iterable[int], refresh: bool = False) -> list[MapResult]:
    """Return the runs of random workloads, without those for which a system has no room."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng([SEED, seed])
        system, model = random_system(rng), random_model(rng)
        phase = ("decode", "prefill")[int(rng.integers(2))]
        if refresh:
            # Relative to the cycle: presets differ in their clocks.
            interval, share = REFRESHES[seed % len(REFRESHES)]
            cycle = 1000 / system.clock_mhz
            system = system.with_(
                **{"memory.refresh": {"interval_ns": interval * cycle, "time_ns": interval * cycle * share}}
            )
        with suppress(ConfigError):
            found.append(map_model(f"random {seed}", model, system, phase=phase, context=int(rng.integers(1, 200))))
    return found


def shorter(results: list[MapResult]) -> list[str]:
    """Return which results are shorter than which of their bounds."""
    return [
        f"{result.name}: {name}" for result in results for name, cycles in result.bounds.cycles.items()
        if cycles > result.cycles
    ]  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> list[MapResult]:
    results = runs(EVERYDAY)
    assert len(results) > DRAWS / 2
    return results


def test_no_run_is_shorter_than_a_bound(drawn):
    assert not shorter(drawn)


def test_no_run_with_refresh_is_shorter_than_a_bound_or_than_without(drawn):
    refreshed = runs(range(8), refresh=True)
    assert len(refreshed) > 4
    assert not shorter(refreshed)
    plain = {result.name: result for result in drawn}
    for result in refreshed:
        before = plain[result.name]
        assert result.cycles >= before.cycles, result.name
        assert result.bounds.dram > before.bounds.dram == result.dram_peak_cycles, result.name


@pytest.mark.slow
def test_none_of_many_runs_is_shorter_than_a_bound():
    for refresh in (False, True):
        results = runs([*LONG, *range(DRAWS, 300)], refresh)
        assert len(results) > 150
        assert not shorter(results)


@pytest.mark.parametrize(("name", "share"), [(MEMORY, 0.97), (REQUESTS, 0.9), ("array", 0.8), ("result port", 0.4)])
def test_some_run_comes_near_a_bound_that_binds(drawn, name, share):
    assert max(result.bound_fraction for result in drawn if result.bounds.binding == name) > share


@pytest.mark.parametrize("model", ["llama-3.2-1b", "gemma-3-1b", "qwen3-0.6b"])
def test_programs_have_at_least_the_elements_that_the_bound_counts(model):
    system = load_system("edge-int8")
    result = map_model(model, load_model(model), system, phase="decode", context=64)
    [pj] = [item for item in result.energy if item.name == "vector unit"]
    assert result.bounds.cycles["vector unit"] * system.vector.lanes <= pj.events + system.vector.lanes


def test_chunks_of_a_prompt_do_not_change_its_bounds():
    model = load_model("llama-3.2-1b")
    large, small = (load_system("edge-int4").with_(**{"fabric.banks": banks}) for banks in (16, 8))
    graphs = [llama.prefill(model, 128, Precision.of(each.cim.tile, each.vector.lanes)) for each in (large, small)]
    assert bounds(graphs[0], large) == bounds(graphs[1], small)


def test_bounds_of_a_product_by_hand():
    system = load_system("edge-int4")
    product = Operator(name="p", row="p", kind=Kind.MATMUL, inputs=("x",), m=8, k=512, n=2048)
    graph = Graph((input_operator(8, replace(product, n=512, name="x")), replace(product, inputs=("input",))))
    found = bounds(graph, system).cycles
    assert found["array"] == 8 * 512 * 2048 / 8192 / 4
    assert found["result port"] == 8 * 2048 * 32 / system.cim.tile.result_bus_bits
    assert found["activation port"] == 8 * 512 * 2 * 8 / system.cim.tile.activation_bus_bits
    assert found["vector unit"] == (8 * 2048 + 8 * 512) / system.vector.lanes
    refreshed = bounds(graph, load_system("edge-int4-refresh")).cycles
    assert refreshed.pop(MEMORY) == math.ceil(graph.dram_bytes / 51.2 * 3906 / 3626) > found.pop(MEMORY)
    assert refreshed == found
    assert Bounds({MEMORY: 3, "array": 5, "vector unit": 4}).binding == "array"
