"""Encoders whose layers take blocks of rows: they leave the bits of a program that takes all rows at once."""

from dataclasses import replace

import numpy as np
import pytest

from tests.mapping.compile.compiled_layers import INT4, MXFP4, valid
from tests.mapping.compile.compiled_runs import accelerator, beside_one_another, check, step_memory, wrong_bytes
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator.layer_cases import whole_encoder_case
from tilewright.cocotb_tests.accelerator.npe_layers_suite import ALONE, BOTH, FORMATS
from tilewright.mapping.compile.chunks import rows_size, rows_step
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.lower import row_blocks
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.lower.row_blocks import lower_in_blocks
from tilewright.mapping.models import bert
from tilewright.mapping.models.bert import layer_name
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.seeded import seeded_encoder
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.config.engine_rule import parse_rule
from tilewright.sim.graph.engine_rules import with_engines
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Weights
from tilewright.sim.machine.steps import load, run_steps

MODEL = BertConfig(vocab_size=96, hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=2)


def drawn(seed: int) -> tuple[AcceleratorConfig, BertConfig, Precision, int, int]:
    """Return a random accelerator, model and precision, a number of tokens, and the rows of a block."""
    rng = np.random.default_rng(seed)

    def one_of(*values):
        return values[rng.integers(len(values))]

    config = one_of(
        INT4, MXFP4, accelerator(), accelerator(tiles=1, banks=4), accelerator(lanes=8, bus_bits=64, grid_rows=2)
    )
    heads = one_of(1, 2, 4)
    model = MODEL.replace(
        hidden_size=32 * heads, num_attention_heads=heads, intermediate_size=one_of(32, 96), num_hidden_layers=1
    )
    precision = replace(Precision.of_accelerator(config), scales=one_of("head", "token"), smooth=bool(rng.integers(2)))
    tokens = int(rng.integers(5, 14))
    step = rows_step(config, bert.layers(model, precision, tokens=tokens))
    rows = step * int(rng.integers(1, -(-(tokens - 1) // step)))
    return config, model, precision, tokens, rows


@pytest.mark.parametrize("seed", range(6))
def test_blocks_of_rows_leave_the_bits_of_all_rows_at_once(seed):
    config, model, precision, tokens, rows = drawn(seed)
    print(f"seed {seed}: {tokens} tokens in blocks of {rows}, {model.num_attention_heads} heads, {precision}")
    graph = bert.layers(model, precision, tokens=tokens)
    whole, blocks = lower(graph), lower_in_blocks(graph, rows)
    factors = {layer_name(0, part): np.linspace(0.5, 2, model.hidden_size) for part in (bert.ATTENTION, bert.UP)}
    constants = constant_contents(graph, seeded_encoder(model, seed=seed), factors)
    x = np.random.default_rng(seed).standard_normal((tokens, model.hidden_size))
    memory = step_memory(whole, constants, x)
    run_steps(whole.steps, memory, lanes=config.vector.lanes)
    compiled = compile_program(config, blocks)
    valid(compiled)
    for run in (beside_one_another(seed), beside_one_another(seed + 100)):
        image = compiled.memory_image(constants)
        check(compiled, blocks, step_memory(blocks, constants, x), image, x, run)
        assert (compiled.read_output(image) == load(memory, whole.output)).all()


@pytest.mark.parametrize(
    ("config", "form"),
    [(BOTH, "int8"), *(pytest.param(ALONE, each, marks=pytest.mark.slow) for each in FORMATS)],
)
def test_blocks_of_rows_on_the_npe(config, form):
    model, rules = MODEL.replace(num_hidden_layers=2), (parse_rule(f"npe:{form}"),)
    graph = with_engines(config, bert.layers(model, Precision.of_accelerator(config), tokens=2), rules)
    rows = rows_step(config, graph)
    assert rows > 1
    case = whole_encoder_case(config, model, tokens=2 * rows + 3, rows=rows, rules=rules, least=FORMATS[form] - 0.05)
    assert wrong_bytes(config, case) == []


def test_attention_over_the_own_block_alone_is_seen(monkeypatch):
    config, model = accelerator(), MODEL.replace(num_hidden_layers=2)
    assert wrong_bytes(config, whole_encoder_case(config, model, tokens=7, rows=4)) == []
    of_rows = row_blocks._of_rows

    def own_rows(graph: Graph, rows: range) -> Graph:
        def narrowed(each):
            if each.kind in (Kind.SCORES, Kind.SOFTMAX):
                return replace(each, n=len(rows))
            return replace(each, k=len(rows)) if each.kind is Kind.WEIGHTED_SUM else each

        return Graph(tuple(replace(narrowed(each), position=0) for each in of_rows(graph, rows)))

    monkeypatch.setattr(row_blocks, "_of_rows", own_rows)
    assert wrong_bytes(config, whole_encoder_case(config, model, tokens=7, rows=4)) == ["7 tokens"]


def test_keys_of_a_block_that_come_after_attention_are_seen(monkeypatch):
    config, needed = accelerator(), row_blocks._needed

    def late(steps, results, there=()):
        return needed(steps, results | {name for name in there if ".key." in name}, ()) if there else []

    monkeypatch.setattr(row_blocks, "_needed", late)
    assert wrong_bytes(config, whole_encoder_case(config, MODEL, tokens=7, rows=4)) == ["7 tokens"]


def test_every_block_reads_the_weights():
    config = accelerator()
    graph = bert.layers(MODEL, Precision(), tokens=9)
    of_products = {each.name for each in graph.of(Kind.MATMUL)}

    def beats(rows: int) -> int:
        program = compile_program(config, lower_in_blocks(graph, rows))
        loads = (each for each in program.commands if isinstance(each, Weights))
        return sum(each.all_beats for each in loads if each.operator.name in of_products)

    once = beats(9)
    assert [beats(rows) / once for rows in (5, 3, 2)] == [2, 3, 5]


def test_blocks_are_the_fewest_with_room_and_as_equal_as_their_step_allows():
    config = INT4.model_copy(update={"vector": INT4.vector.model_copy(update={"scalars": 32})})
    graph = bert.layers(MODEL, Precision.of_accelerator(config), tokens=31)
    size, refused = rows_size(config, graph)
    # Two positions of a key share a byte.
    assert rows_step(config, graph) == 2
    blocks = divide_up(31, size)
    assert size == 2 * divide_up(divide_up(31, blocks), 2)
    assert refused is not None
    assert "row scalars find no room among 32" in refused.cause
    assert divide_up(31, refused.tokens) == blocks - 1


def test_a_bank_without_room_for_one_row_is_refused():
    config = accelerator(address_bits=8, banks=8)
    graph = bert.layers(MODEL.replace(intermediate_size=4096), Precision(), tokens=3)
    with pytest.raises(ConfigError, match="find no room in the scratchpad"):
        rows_size(config, graph)
