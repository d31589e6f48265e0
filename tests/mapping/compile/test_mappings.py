"""Mappings: what a mapping chooses changes no bit, and what a file must not contain is refused."""

import json

import pytest

from tests.mapping.compile.compiled_runs import accelerator, wrong_bytes
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator.whole_decoder_cases import whole_decoder_case
from tilewright.mapping.compile.mapping import Mapping, MemoryLayout, Order, Schedule, Split
from tilewright.mapping.compile.mapping_file import read_mapping, write_mapping
from tilewright.mapping.compile.plan import PLANS
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.map import map_model
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config import load_system
from tilewright.sim.graph.precision import Precision

MODEL = LlamaConfig(
    vocab_size=300,
    num_hidden_layers=2,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=304,
)
SMALL = load_system("small").with_({"vector.address_bits": 8})
CONFIG = accelerator(address_bits=8)
MAPPINGS = {
    "panels of unequal widths in one chunk, none in the other": Mapping(),
    "depth first": Mapping(programs=({"layers": Schedule(order=Order.DEPTH, ahead=0)},) * 2),
    "narrow panels": Mapping(programs=({"layers": Schedule(panels=2)},) * 3),
    "constants are loaded again": Mapping(programs=({"layers": Schedule(plan=PLANS[-1])},) * 2),
    "added sums, heads apart": Mapping(layout=MemoryLayout(split=Split.SUMS, beside=1)),
}


@pytest.mark.parametrize("name", MAPPINGS)
def test_no_mapping_changes_a_bit(name):
    case = whole_decoder_case(CONFIG, MODEL, prompt=(5, 3), tokens=1, mapping=MAPPINGS[name])
    assert wrong_bytes(CONFIG, case) == []


def test_a_constant_of_which_panels_take_parts_is_one_row():
    graph = llama.tokens_graph(MODEL, Precision.of(CONFIG.cim.tile), tokens=5, capacity=8)
    survey = compile_model(CONFIG, graph).loops["layers"].survey
    sums = [step.out for step in survey.lowered.steps if step.out and "gate_proj.sums" in step.out.buffer.name]
    assert [each.columns for each in sums] == [160, 144]
    scales = survey.constants["model.layers.0.mlp.gate_proj.columns"]
    assert (scales.rows, scales.columns) == (1, MODEL.intermediate_size)


def test_a_file_has_what_is_not_the_default(tmp_path):
    path = tmp_path / "mapping.json"
    for each in MAPPINGS.values():
        write_mapping(path, each)
        assert read_mapping(path) == each
    write_mapping(path, MAPPINGS["narrow panels"])
    assert json.loads(path.read_text()) == {"programs": [{"layers": {"panels": 2}}] * 3}


BAD = {
    '{"chunk": 0}': r"mapping.json:1: chunk: 0 is not allowed",
    '{"chunks": 4}': r"chunks: unknown key",
    '{"programs": [{"layers": {"order": "soon"}}]}': r"programs.0.layers.order: 'soon' is not allowed",
    '{"programs": [{"layers": {"plan": {"keep": true, "rest": 0}}}]}': r"programs.0.layers.plan.first: missing",
    "[1]": r"mapping: ",
    '{"chunk": 4': r"not JSON",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_file_is_refused(tmp_path, text):
    path = tmp_path / "mapping.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=BAD[text]):
        read_mapping(path)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (Mapping(programs=({"layer": Schedule()},)), r"programs.0.layer is not allowed: the loops are layers, lm_head"),
        (Mapping(programs=({}, {})), r"programs.1 is not allowed"),
        (Mapping(layout=MemoryLayout(beside=3)), r"layout.beside = 3 is not allowed: 1"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(mapping, message):
    with pytest.raises(ConfigError, match=message):
        map_model("x", MODEL, SMALL, phase="decode", context=8, mapping=mapping)


def test_a_chunk_without_room_is_refused():
    with pytest.raises(ConfigError, match="find no room"):
        map_model("x", MODEL, SMALL, phase="prefill", context=64, mapping=Mapping(chunk=64))
