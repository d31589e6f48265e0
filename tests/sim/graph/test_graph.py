"""Graphs: their order, parts of them, bytes of their operators."""

from dataclasses import replace

import pytest

from tilewright.sim.formats import stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import Precision

TABLE = Operator(name="table", row="table", kind=Kind.CONSTANT, m=4, n=2)
EMBED = Operator(name="embed", row="embed", kind=Kind.EMBED, m=3, n=10)
NORM = Operator(name="norm", row="norm", kind=Kind.RMS_NORM, inputs=("embed",), m=1, n=10)
MATMUL = Operator(name="matmul", row="matmul", kind=Kind.MATMUL, inputs=("norm", "table"), m=1, k=10, n=4)
ADD = Operator(name="add", row="add", kind=Kind.ADD, inputs=("embed", "matmul"), m=1, n=4)
GRAPH = Graph((TABLE, EMBED, NORM, MATMUL, ADD))


def test_operators_follow_their_inputs():
    with pytest.raises(ValueError, match="norm: its inputs embed do not come before it"):
        Graph((NORM, EMBED))
    with pytest.raises(ValueError, match="embed: there are two operators of this name"):
        Graph((EMBED, EMBED))
    assert GRAPH.readers("embed") == [NORM, ADD]
    assert GRAPH.of(Kind.ADD) == [ADD]
    assert GRAPH.macs == MATMUL.macs == 40


def test_a_part_begins_with_the_one_result_that_it_needs():
    part = GRAPH.part([NORM, MATMUL, ADD])
    begin, *body = part
    # The norm reads one row of three.
    assert (begin.kind, begin.m, begin.n) == (Kind.INPUT, 1, 10)
    assert body == [TABLE, replace(NORM, inputs=("input",)), MATMUL, replace(ADD, inputs=("input", "matmul"))]
    with pytest.raises(ValueError, match=r"one input, and this one needs .*matmul"):
        GRAPH.part([ADD])


def test_bytes_of_weights_with_their_scales():
    columns = 4 * 2
    assert MATMUL.read_bytes == 40 + columns
    assert replace(MATMUL, precision=Precision(weights=stored.FP4_E2M1)).read_bytes == 20 + columns
    # Groups of 4 of 10 rows: three scales of a byte in each column. A bias takes as much as scales of columns.
    assert replace(MATMUL, precision=Precision(group=4), bias=True).read_bytes == 40 + 3 * 4 + 2 * columns
    assert NORM.read_bytes == 20
    assert EMBED.read_bytes == 3 * (10 + 2)


def test_bytes_of_a_cache():
    precision = Precision(cache=stored.INT4)
    append = Operator(name="k", row="k", kind=Kind.KV_APPEND, m=3, n=16, heads=2, capacity=9, precision=precision)
    assert append.written_bytes == 3 * 2 * (8 + 2)
    scores = Operator(
        name="s", row="s", kind=Kind.SCORES, m=3, k=16, n=7, heads=8, shared=4, capacity=9, precision=precision
    )
    # Two heads of keys for eight of queries.
    assert scores.read_bytes == 7 * 2 * (8 + 2)
    weighted = replace(scores, kind=Kind.WEIGHTED_SUM, k=7, n=16)
    assert weighted.read_bytes == scores.read_bytes
    assert replace(scores, capacity=0).read_bytes == replace(append, capacity=0).written_bytes == 0
