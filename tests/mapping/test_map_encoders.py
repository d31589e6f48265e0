"""Encoders on the exact model: all tokens at once or in blocks of rows, with layers in a loop."""

import json

import pytest

from tests.mapping.small_models import EDGE
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.mapping import Mapping
from tilewright.mapping.explore.explore import explore as explore_space
from tilewright.mapping.explore.space import ModelRun
from tilewright.mapping.explore.space_file import load_space
from tilewright.mapping.map import map_model
from tilewright.mapping.models import minilm
from tilewright.mapping.models.bert import UP, layer_name
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.load import load_model, load_transformer
from tilewright.mapping.models.phases import ENCODE, asked
from tilewright.mapping.precision.plans.on_array import HeldMatrix, HeldPlan
from tilewright.mapping.precision.plans.plan_file import Plan
from tilewright.mapping.precision.plans.storage import parse_storage
from tilewright.sim.config import load_system
from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind

TOKENS = 16
BERT_BASE = BertConfig(
    vocab_size=30522, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
)


@pytest.fixture(scope="module")
def mapped():
    return map_model("minilm", minilm.CONFIG, EDGE, phase=ENCODE, context=TOKENS)


def test_an_encoder_has_one_program_for_all_tokens(mapped):
    result = mapped.to_dict()
    assert (result["phase"], result["tokens"], result["chunks"]) == ("encode", TOKENS, [TOKENS])
    assert sum(step["cycles"] for step in result["steps"]) == result["cycles"]
    assert 0 < mapped.bound_fraction <= 1
    # Every weight comes from main memory once.
    weights = sum(each.read_bytes for each in mapped.graph.of(Kind.MATMUL))
    assert weights < mapped.graph.dram_bytes <= mapped.memory_bytes < 1.3 * weights


def test_layers_of_an_encoder_run_in_a_loop(mapped):
    one = minilm.CONFIG.replace(num_hidden_layers=1)
    single = map_model("one layer", one, EDGE, phase=ENCODE, context=TOKENS)
    assert mapped.commands == single.commands
    assert mapped.cycles < minilm.CONFIG.num_hidden_layers * single.cycles


@pytest.mark.parametrize(
    ("system", "model", "tokens", "blocks"),
    [
        ("edge-int8", minilm.CONFIG, 85, 1),
        ("edge-int8", minilm.CONFIG, 128, 2),
        ("edge-int4", BERT_BASE, 128, 2),
        pytest.param("edge-int8", BERT_BASE, 128, 2, marks=pytest.mark.slow),
        pytest.param("edge-int4", BERT_BASE, 256, 4, marks=pytest.mark.slow),
        pytest.param("edge-int8", BERT_BASE, 256, 4, marks=pytest.mark.slow),
        pytest.param("edge-int4", BERT_BASE, 512, 7, marks=pytest.mark.slow),
        pytest.param("edge-int8", BERT_BASE, 512, 7, marks=pytest.mark.slow),
    ],
)
def test_more_tokens_than_have_room_at_once_come_in_blocks(system, model, tokens, blocks):
    result = map_model("encoder", model, load_system(system), phase=ENCODE, context=tokens)
    assert (len(result.chunks), sum(result.chunks)) == (blocks, tokens)
    assert max(result.chunks) - min(result.chunks) < blocks + 1
    assert 0 < result.bound_fraction <= 1
    # Each block reads the weights, and keys and values of all.
    weights = sum(each.read_bytes for each in result.graph.of(Kind.MATMUL))
    assert blocks * weights < result.memory_bytes < 2 * blocks * weights
    assert bool(result.refused_chunk) == (blocks > 1)


def test_blocks_that_cut_a_byte_are_refused():
    with pytest.raises(ConfigError, match="chunk = 7 is not allowed: blocks of rows are multiples of 2 tokens"):
        map_model("minilm", minilm.CONFIG, EDGE, phase=ENCODE, context=TOKENS, mapping=Mapping(chunk=7))
    assert map_model("minilm", minilm.CONFIG, EDGE, phase=ENCODE, context=TOKENS, mapping=Mapping(chunk=6)).chunks == (
        6,
        6,
        4,
    )


def test_a_plan_whose_layers_have_formats_of_their_own_goes_with_blocks():
    system = load_system("edge-int8").with_({"cim.tile.narrow_weights": "int4"})
    narrow = tuple(
        HeldMatrix(layer_name(layer, UP), parse_storage("int4/channel")[0], stored.INT4, True) for layer in (0, 2, 4)
    )
    plan = HeldPlan("plan", Plan("minilm", "", {}, None, {}), narrow)
    result = map_model("minilm", minilm.CONFIG, system, phase=ENCODE, context=96, plan=plan)
    assert len(result.chunks) == 2
    assert result.memory_bytes < map_model("minilm", minilm.CONFIG, system, phase=ENCODE, context=96).memory_bytes


def test_a_config_file_of_an_encoder_is_the_same_model(tmp_path, mapped):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(minilm.CONFIG.model_dump()))
    model = load_transformer(path)
    assert map_model("minilm", model, EDGE, phase=ENCODE, context=TOKENS).to_dict() == mapped.to_dict()
    with pytest.raises(ConfigError, match="an encoder has no decode step and no prompt phase"):
        load_model(path)


@pytest.mark.parametrize(
    ("model", "phase", "context", "message"),
    [
        ("minilm", "decode", None, "phase = 'decode' is not allowed for a bert model: encode"),
        ("llama-3.2-1b", "encode", None, "phase = 'encode' is not allowed for a llama model: decode or prefill"),
        ("minilm", "train", None, "phase = 'train' is not allowed: decode, prefill, encode"),
        ("minilm", None, 513, "context = 513 is not allowed: it must be 1 to max_position_embeddings = 512"),
        ("minilm", None, 0, "context = 0 is not allowed"),
    ],
)
def test_what_a_model_does_not_have_is_refused(model, phase, context, message):
    with pytest.raises(ConfigError, match=message):
        asked(load_transformer(model), phase, context)


def test_an_exploration_of_an_encoder_reports_exact_points():
    fields = {"cim.tiles": [1, 2, 4], "memory.bandwidth_mb_per_s": [12800, 25600, 51200]}
    run = ModelRun("minilm", minilm.CONFIG, ENCODE, TOKENS)
    space = load_space({"base": "edge-int4", "fields": fields}, [run])
    result = explore_space(space)
    assert result.to_dict()["evaluated"] == 9
    for point in result.front:
        again = map_model("minilm", minilm.CONFIG, EDGE.with_(dict(point.changes)), phase=ENCODE, context=TOKENS)
        assert point.objectives["latency_s"] == pytest.approx(again.seconds, rel=1e-12)
