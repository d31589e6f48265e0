"""Values of several heads side by side: the same bits, fewer beats, one product for the heads of a token."""

import numpy as np
import pytest

from tests.mapping.compile.compiled_layers import DECODER, run_decoder
from tests.mapping.compile.compiled_runs import (
    accelerator,
    beside_one_another,
    in_sequence,
    on_the_model,
    step_memory,
)
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.fit_heads import fit_heads, heads_beside
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.config import load_system
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Product
from tilewright.sim.isa.steps import Product as ProductStep
from tilewright.sim.machine.steps import run_steps

MODEL = DECODER.replace(num_key_value_heads=4, head_dim=16)
INT4 = accelerator(lanes=8, weight_bits=4, columns=64, tiles=2)
E2M1 = accelerator(lanes=8, weight_bits=4, weight_format="fp4_e2m1", columns=32, tiles=2)
MXFP4 = accelerator(
    lanes=8, weight_bits=4, weight_format="fp4_e2m1", rows=32, columns=32, group_rows=32, group_scale="e8m0", tiles=2
)

ARRAYS = {"INT4": INT4, "E2M1": E2M1, "MXFP4": MXFP4}
RUNS = {"one by one": in_sequence, "timed": on_the_model, "mixed": beside_one_another(4)}
EVERYDAY = {
    (2, "mixed", "INT4"), (2, "one by one", "E2M1"), (2, "timed", "MXFP4"),
    (4, "timed", "INT4"), (4, "mixed", "E2M1"), (4, "one by one", "MXFP4"),
}  # fmt: skip
"""Each array with each number of heads, and each way to run a program with each of these."""


@pytest.mark.parametrize(
    ("size", "heads", "beside"), [(64, 8, 2), (64, 3, 3), (64, 7, 1), (32, 8, 4), (96, 8, 1), (128, 8, 1), (256, 8, 1)]
)
def test_as_few_heads_as_fill_beats_lie_side_by_side(size, heads, beside):
    # A beat has 128 numbers of four bits, a tile 256 columns.
    assert heads_beside(load_system("edge-int4").accelerator, size, heads) == beside


@pytest.mark.parametrize(
    ("heads", "run", "config"),
    [
        pytest.param(
            heads, RUNS[run], ARRAYS[array], id=f"{heads}-{run}-{array}",
            marks=[pytest.mark.slow] * ((heads, run, array) not in EVERYDAY),
        )
        for heads in (2, 4)
        for run in RUNS
        for array in ARRAYS
    ],
)  # fmt: skip
def test_prompts_and_tokens(config, run, heads):
    assert heads_beside(config, MODEL.head_dim, heads) == 2
    precision = Precision.of(config.cim.tile, config.vector.lanes)
    model = MODEL.replace(num_key_value_heads=heads)
    *_, token = run_decoder(config, model, lengths=(5, 1, 3, 1), precision=precision, run=run)
    weighted = [
        command
        for command in token.commands
        if isinstance(command, Product) and command.operator.kind is Kind.WEIGHTED_SUM
    ]
    # The query heads of two key heads are the rows of one product.
    assert [command.vectors for command in weighted] == [2 * MODEL.num_attention_heads // heads] * (heads // 2)
    assert {command.n for command in weighted} == {2 * MODEL.head_dim}


@pytest.mark.parametrize("tokens", [1, 5])
def test_heads_side_by_side_change_no_bit_of_a_result(tokens):
    precision = Precision.of(INT4.cim.tile, INT4.vector.lanes)
    graph = llama.layers(MODEL, precision, tokens=tokens, position=3, capacity=12)
    fitted = fit_heads(INT4, graph)
    constants = constant_contents(graph, seeded_decoder(MODEL, seed=1))
    x = np.random.default_rng(1).standard_normal((tokens, MODEL.hidden_size))
    products, outputs = [], []
    for each in (graph, fitted):
        lowered = lower(each)
        products.append(sum(isinstance(step, ProductStep) for step in lowered.steps))
        memory = step_memory(lowered, constants, x)
        run_steps(lowered.steps, memory, lanes=INT4.vector.lanes)
        outputs.append(memory[lowered.output.buffer.name])
    assert (outputs[0] == outputs[1]).all()
    assert products[0] - products[1] == (2 if tokens == 1 else 0)
