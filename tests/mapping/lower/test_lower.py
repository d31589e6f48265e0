"""Steps of whole graphs, beside the operators that they were made from."""

import pytest

from tilewright.mapping.lower.lower import LATER, LOWERINGS, lower
from tilewright.mapping.models import bert, llama
from tilewright.mapping.models.config import BertConfig, LlamaConfig
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Product

LLAMA = LlamaConfig(
    vocab_size=96, hidden_size=64, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, qk_norm=True,
)  # fmt: skip
BERT = BertConfig(vocab_size=96, hidden_size=64, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4)
PLAIN = Precision()
GRAPHS = {
    "prompt": llama.layers(LLAMA, PLAIN, tokens=5, capacity=9),
    "token": llama.layers(LLAMA, PLAIN, tokens=1, position=5, capacity=9),
    "network": llama.network(LLAMA, PLAIN, tokens=3),
    "head": llama.head(LLAMA, PLAIN, tokens=1, columns=32),
    "encoder": bert.layers(BERT, PLAIN, tokens=7),
    "encoder, smoothed": bert.layers(BERT, Precision(smooth=True, scales="head"), tokens=7),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_products_are_those_of_the_operators(graph: Graph):
    macs = dict.fromkeys((operator.name for operator in graph), 0)
    for step in lower(graph).steps:
        if isinstance(step, Product):
            macs[step.operator.name] += step.a.rows * step.a.columns * step.out.columns
    assert macs == {operator.name: operator.macs for operator in graph}
    assert sum(macs.values()) > 0


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_every_operator_has_steps(graph: Graph):
    served = {step.operator.name for step in lower(graph).steps}
    without = {operator.kind for operator in graph if operator.name not in served}
    assert without <= {Kind.INPUT, Kind.CONSTANT}


def test_every_kind_has_a_lowering_or_is_the_hosts():
    assert set(Kind) - {*LOWERINGS, *LATER} == {kind for kind in Kind if kind.engine is Engine.HOST}
    assert not set(LOWERINGS) & set(LATER)
