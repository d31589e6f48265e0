"""Maps of a model whose products run on the NPE, alone and beside the CIM array."""

from pathlib import Path

import pytest

import tilewright as tw
from tests.mapping.small_models import THIN
from tilewright.base.errors import ConfigError
from tilewright.mapping.map import map_model
from tilewright.mapping.report import MapResult
from tilewright.sim.config import load_system
from tilewright.sim.config.engine_rule import parse_rule
from tilewright.sim.isa.units import Unit
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

SYSTEMS = Path(__file__).parents[2] / "examples" / "systems"
ALONE, BOTH = (load_system(SYSTEMS / f"edge-{name}.toml") for name in ("npe", "both"))


def mapped(system, *rules: str, phase: str = "decode", context: int = 24) -> MapResult:
    """Return the run of the thin model."""
    return map_model("x", THIN, system, phase=phase, context=context, engines=[parse_rule(rule) for rule in rules])


@pytest.mark.parametrize(
    ("system", "rules", "phase"),
    [
        (ALONE, (), "decode"),
        pytest.param(ALONE, ("npe:bf16",), "prefill", marks=pytest.mark.slow),
        pytest.param(BOTH, (), "decode", marks=pytest.mark.slow),
        (BOTH, ("mlp.*=npe:fp4_e2m1",), "decode"),
    ],
)
def test_rows_add_up_and_no_bound_is_exceeded(system, rules, phase):
    result = mapped(system, *rules, phase=phase)
    data = result.to_dict()
    assert sum(step["cycles"] for step in data["steps"]) == data["cycles"]
    assert data["macs"] <= sum(step["macs"] for step in data["steps"])
    assert data["energy_j"] == pytest.approx(sum(step["energy_j"] for step in data["steps"]))
    assert max(result.bounds.cycles.values()) <= result.cycles
    assert result.bounds.cycles["NPE"] > 0
    assert result.unit_cycles["NPE"] > 0
    assert data["engines"] == [str(rule) for rule in (*system.engine_rules, *map(parse_rule, rules))]
    weights = sum(each.read_bytes for each in result.graph if each.k)
    assert result.memory_bytes >= weights


def test_a_system_without_an_array_has_no_figures_of_one():
    result = mapped(ALONE)
    assert set(result.bounds.cycles) == {"main memory", "vector unit", "NPE"}
    assert Unit.ARRAY.label not in result.unit_cycles
    # Products are jobs: what waits are other units, and never the NPE for itself.
    assert Unit.NPE.label not in {wait.unit for wait in result.waits}
    assert sum(wait.cycles for wait in result.waits) < result.cycles


@pytest.mark.slow
def test_fewer_bits_move_fewer_bytes_and_take_less_time():
    four, eight, sixteen = (mapped(ALONE, f"npe:{form}") for form in ("int4", "int8", "bf16"))
    assert four.memory_bytes < eight.memory_bytes < sixteen.memory_bytes
    assert four.unit_cycles["NPE"] < sixteen.unit_cycles["NPE"]


def test_a_rule_must_match():
    with pytest.raises(ConfigError, match="matches none of the products"):
        mapped(BOTH, "conv=npe")


def test_what_needs_more_memory_than_there_is_is_refused():
    small = BOTH.with_(**{"fabric.address_bits": 32, "npe.address_bits": 32})
    model = THIN.model_copy(update={"num_hidden_layers": 2, "vocab_size": 1_200_000})
    with pytest.raises(
        ConfigError, match=r"fabric\.address_bits = 32 is not allowed .* at least 33 bits are necessary"
    ):
        map_model("x", model, small, phase="decode", context=8, engines=[parse_rule("npe:bf16")])


def test_jobs_beside_loads_do_not_read_faster_than_memory_can(monkeypatch):
    """Half of the bytes pass through each port."""

    def run() -> MapResult:
        return tw.map("tinyllama-1.1b", BOTH, context=1024, engine=["mlp.up_proj=npe:bf16"])

    right = run()
    bound = right.bounds.cycles["main memory"]
    assert bound <= right.cycles < 1.06 * bound
    # Ports with a bandwidth each take less time than memory needs.
    monkeypatch.setattr(AxiMemoryModel, "share_reads", lambda *_: None)
    assert run().cycles < 0.95 * bound
