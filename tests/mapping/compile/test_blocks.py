"""Attention block by block: the bits of programs, results near those of all positions at once, and when it is used."""

from dataclasses import replace

import numpy as np
import pytest

from tests.mapping.compile.compiled_layers import DECODER, INT4, MXFP4, SMALL, in_blocks, run_decoder
from tests.mapping.compile.compiled_runs import beside_one_another, in_sequence, on_the_model, step_memory
from tests.mapping.small_models import EDGE, THIN
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.fit_heads import block_size, fit_heads
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.graph.precision import CACHE_SCALE, Precision
from tilewright.sim.isa.commands import Load, Product, Weights
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.steps import load, run_steps

PRECISION = Precision.of(SMALL.cim.tile, SMALL.vector.lanes)
RUNS = {"one by one": in_sequence, "timed": on_the_model, "mixed": beside_one_another(4)}
ARRAYS = {"INT8": (SMALL, 16), "INT4": (INT4, 16), "MXFP4": (MXFP4, 32)}
EVERYDAY = {("INT8", "one by one"), ("INT4", "mixed"), ("MXFP4", "timed")}
"""Each array and each way to run a program."""


@pytest.mark.parametrize(
    ("config", "block", "run"),
    [
        pytest.param(
            *ARRAYS[array], RUNS[run], id=f"{array}-{run}", marks=[pytest.mark.slow] * ((array, run) not in EVERYDAY)
        )
        for array in ARRAYS
        for run in RUNS
    ],
)
def test_prompts_and_tokens(config, block, run):
    precision = Precision.of(config.cim.tile, config.vector.lanes)
    lengths = (block, block - 1, 1, 1, 4, 1)
    programs = run_decoder(config, lengths=lengths, precision=precision, run=run, block=block, capacity=3 * block)
    # One position less is too few for two blocks, and up to one less than three blocks there are two.
    assert [scores(program.commands) for program in programs] == [8, 8, 4, 4, 16, 4]


def scores(commands):
    return sum(isinstance(each, Product) and each.operator.kind is Kind.SCORES for each in commands)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("block", [0, 16])
def test_a_sliding_window_that_begins_after_the_first_position(run, block):
    model = DECODER.replace(sliding_window=3)
    programs = run_decoder(SMALL, model, lengths=(16, 4, 1, 1), precision=PRECISION, run=run, block=block)
    assert len(programs) == 4


def attention(positions: int, tokens: int, block: int, seed: int, loud: int | None = None) -> np.ndarray:
    """Return the output of a layer over earlier positions; the keys of one of them may be large."""
    graph = llama.layers(DECODER, PRECISION, tokens=tokens, position=positions - tokens, capacity=positions)
    lowered = lower(in_blocks(fit_heads(SMALL, graph), block))
    constants = constant_contents(graph, seeded_decoder(DECODER, seed=1))
    rng = np.random.default_rng(seed)
    states = {}
    for name in lowered.states:
        elements = lowered.buffers[name].elements
        scale = rng.uniform(0.002, 0.02, elements).astype(np.float32)
        if loud is not None and "keys" in name:
            scale.reshape(-1, positions)[:, loud] *= 30
        codes = rng.integers(-127, 128, elements)
        states[name] = CACHE_SCALE.from_fp32(scale) if name.endswith("scales") else codes
    memory = step_memory(lowered, constants, rng.standard_normal((tokens, DECODER.hidden_size)), states)
    run_steps(lowered.steps, memory, lanes=SMALL.vector.lanes)
    return load(memory, lowered.output)


@pytest.mark.parametrize("tokens", [1, 16])
@pytest.mark.parametrize("loud", [None, 5, 70, 139])
def test_blocks_give_what_all_positions_at_once_give(tokens, loud):
    whole, parts = (attention(160, tokens, block, 3, loud) for block in (0, 32))
    assert (whole != parts).any()
    error = np.abs(whole - parts).max() / np.abs(whole).max()
    assert error < 0.02, error
    assert (whole * parts).sum() / np.sqrt((whole**2).sum() * (parts**2).sum()) > 0.9997


def decoding(context: int, **changes) -> Operator:
    graph = llama.decode(THIN, context, Precision.of(EDGE.cim.tile, EDGE.vector.lanes))
    changed = [replace(each, **changes) if each.kind is Kind.SOFTMAX else each for each in graph]
    [first, *_] = fit_heads(EDGE.accelerator, Graph(tuple(changed))).of(Kind.SCORES)
    return first


def test_blocks_are_used_where_scores_exceed_a_bank():
    rows = decoding(1).m
    most = EDGE.accelerator.bank_bytes // (4 * rows)
    assert decoding(most).block == 0
    beyond = decoding(most + 1)
    assert beyond.block == block_size(EDGE.accelerator, beyond)
    assert 0 < 4 * rows * beyond.block <= EDGE.accelerator.bank_bytes // 4
    assert beyond.block % EDGE.cim.tile.columns == beyond.block % EDGE.cim.tile.rows == 0


def test_a_softmax_of_the_host_needs_whole_rows():
    most = EDGE.accelerator.bank_bytes // (4 * decoding(1).m)
    assert decoding(most + 1, engine=Engine.HOST).block == 0


def test_blocks_move_no_byte_of_the_cache_twice():
    context = 65536
    graph = llama.decode(THIN, context, Precision.of(EDGE.cim.tile, EDGE.vector.lanes))
    program = compile_model(EDGE.accelerator, graph, MemoryMap())
    read = sum(
        each.all_beats * EDGE.accelerator.bus_bytes
        for each in program.commands
        if isinstance(each, Load | Weights) and each.operator.kind in (Kind.SCORES, Kind.WEIGHTED_SUM, Kind.KV_APPEND)
    )
    [first, *_] = graph.of(Kind.SCORES)
    heads, size = THIN.num_key_value_heads, THIN.head_dim
    codes, scales = heads * context * size * EDGE.cim.tile.macro.weight_bits // 8, heads * context * 2
    assert codes == first.heads * first.n * first.k // 2
    assert 2 * (codes + scales) <= read < 1.002 * 2 * (codes + scales)


@pytest.mark.parametrize("positions", [256, 1024])
def test_a_product_does_not_wait_for_more_weights_than_queue_and_buffer_hold(positions):
    # Heads as high as two tiles: the weights of each block of keys are loaded by several commands.
    graph = llama.layers(DECODER, PRECISION, tokens=1, position=positions - 1, capacity=positions)
    program = compile_program(SMALL, lower(fit_heads(SMALL, graph)))
    waiting: list[Weights] = []
    for command in program.commands:
        if isinstance(command, Weights):
            waiting.append(command)
        elif isinstance(command, Product):
            behind = waiting[: max(0, len(waiting) - SMALL.queue_depth)]
            assert sum(each.all_beats for each in behind) <= SMALL.weight_buffer_beats
            waiting = []
    assert run_commands(SMALL, program.commands, AxiMemoryModel(latency=20)).error == 0
