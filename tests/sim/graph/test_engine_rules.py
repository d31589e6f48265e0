"""Rules that place products on engines, and the errors about bad ones."""

import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config import load_system
from tilewright.sim.config.engine_rule import parse_rule, rules_of
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats import stored
from tilewright.sim.formats.simd import parse_modes
from tilewright.sim.graph.engine_rules import PRODUCTS, check_rules, with_engines
from tilewright.sim.graph.operator import Engine, Kind
from tilewright.sim.graph.precision import Precision

ARRAY = load_system("small").accelerator
BOTH = ARRAY.model_copy(update={"npe": NpeConfig()})
ALONE = BOTH.model_copy(update={"cim": None})
MODEL = LlamaConfig(vocab_size=64, num_hidden_layers=2, hidden_size=64, num_attention_heads=2, intermediate_size=96)
GRAPH = llama.decode(MODEL, 8, Precision())


def placed(config, *rules: str) -> dict[str, str]:
    """Return the engine, and on the NPE the format, of each product."""
    graph = with_engines(config, GRAPH, tuple(map(parse_rule, rules)))
    found = {}
    for each in graph:
        if each.kind in PRODUCTS:
            storage = each.precision.weights if each.kind is Kind.MATMUL else each.precision.cache
            found[each.name] = f"npe:{storage}" if each.engine is Engine.NPE else "cim"
    return found


def test_the_last_rule_that_matches_counts():
    found = placed(BOTH, "npe:bf16", "mlp.*=cim", "mlp.up_proj=npe:fp4_e2m1", "layers.1.mlp.up_proj=npe:posit8_0")
    assert found["model.layers.0.self_attn.q_proj"] == "npe:bf16"
    assert found["model.layers.0.mlp.down_proj"] == "cim"
    assert found["model.layers.0.mlp.up_proj"] == "npe:fp4_e2m1"
    assert found["model.layers.1.mlp.up_proj"] == "npe:posit8_0"
    assert found["lm_head"] == "npe:bf16"


def test_without_rules_products_stay_on_the_array_if_there_is_one():
    assert set(placed(BOTH).values()) == set(placed(ARRAY).values()) == {"cim"}
    assert set(placed(ALONE).values()) == {"npe:int8"}
    assert with_engines(ARRAY, GRAPH) is GRAPH


def test_rows_of_reports_are_names_too():
    found = placed(BOTH, "attention=npe:posit16_1")
    assert {name for name, engine in found.items() if engine == "npe:posit16_1"} == {
        f"model.layers.{layer}.self_attn.{part}" for layer in range(2) for part in ("scores", "weighted_sum")
    }


def test_keys_and_values_have_the_format_of_their_products():
    graph = with_engines(BOTH, GRAPH, [parse_rule("self_attn.scores=npe:bf16")])
    assert graph["model.layers.0.cache.keys"].precision.cache == stored.BF16
    assert graph["model.layers.0.cache.values"].precision.cache == stored.INT8


def test_a_cache_has_formats_of_at_least_eight_bits():
    found = placed(BOTH, "npe:fp4_e2m1", "layers.1.*=npe:posit4_1")
    assert found["model.layers.0.self_attn.scores"] == "npe:fp8_e4m3"
    assert found["model.layers.1.self_attn.weighted_sum"] == "npe:posit8_0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("np", "'np' is no engine (did you mean 'npe'?"),
        ("npe:int9", "'int9' is no format of the NPE (did you mean 'int8'?"),
        ("mlp.*=cim:int4", "the format of the CIM array is that of its macros"),
    ],
)
def test_bad_rules_are_refused(text, words):
    with pytest.raises(ConfigError) as error:
        parse_rule(text)
    assert str(error.value).startswith(f"engine = {text!r} is not allowed: ")
    assert words in str(error.value)


def test_a_bad_rule_of_a_system_is_named():
    with pytest.raises(ConfigError, match=r"'mlp\.\*=gpu' is not allowed: 'gpu' is no engine"):
        rules_of({"mlp.*": "gpu"})


@pytest.mark.parametrize(
    ("config", "rule", "words"),
    [
        (ARRAY, "npe", "the system has no NPE"),
        (ALONE, "lm_head=cim", "the system has no CIM array"),
        (
            BOTH.model_copy(update={"npe": NpeConfig(modes=parse_modes("int8,bf16"))}),
            "npe:posit8_0",
            "npe.modes = int8, bf16 is not allowed: *=npe:posit8_0 needs posit8_0 for model.layers.0.self_attn.q_proj",
        ),
        (
            BOTH.model_copy(update={"npe": NpeConfig(modes=parse_modes("int8"))}),
            "npe",
            "npe.modes = int8 is not allowed: results of products needs bf16",
        ),
    ],
)
def test_what_a_system_lacks_is_refused(config, rule, words):
    with pytest.raises(ConfigError) as error:
        placed(config, rule)
    assert words in str(error.value)


def test_a_rule_without_a_product_is_refused():
    with pytest.raises(ConfigError, match=r"engine = 'mpl\.\*=npe' is not allowed: it matches none of the products"):
        check_rules(GRAPH, [parse_rule("mpl.*=npe")])
    check_rules(GRAPH, [parse_rule("mlp.*=npe")])
