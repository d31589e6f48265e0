"""Programs for arrays of E2M1 weights and of scales that are powers of two."""

from dataclasses import replace

import pytest

from tests.mapping.compile.compiled_layers import MINILM, SMALL, run_decoder, run_encoder
from tests.mapping.compile.compiled_runs import accelerator, beside_one_another, in_sequence, on_the_model
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import bert
from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

FP4 = {"weight_bits": 4, "weight_format": "fp4_e2m1", "columns": 32}
E2M1_TILES = {
    "fp4_e2m1": FP4,
    "mxfp4": {**FP4, "rows": 32, "group_rows": 32, "group_scale": "e8m0"},
    "mxfp4, two groups": {**FP4, "grid_rows": 4, "group_rows": 32, "group_scale": "e8m0", "tiles": 2, "bus_bits": 64},
    "fp4_e2m1, integer scales": {**FP4, "rows": 64, "columns": 64, "group_rows": 64, "tiles": 1, "lanes": 8},
}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(fields, id=name, marks=[pytest.mark.slow] * (name not in ("fp4_e2m1", "mxfp4")))
        for name, fields in E2M1_TILES.items()
    ],
)
def test_weights_keys_and_values_of_e2m1(fields):
    config = accelerator(**fields)
    precision = Precision.of(config.cim.tile)
    assert (precision.weights, precision.cache) == (stored.FP4_E2M1, stored.FP4_E2M1)
    for run in (in_sequence, beside_one_another(1), on_the_model):
        run_decoder(config, lengths=(5, 1, 2, 3, 1), precision=precision, run=run)
        for scales in ("head", "token"):
            run_encoder(config, tokens=7, precision=replace(precision, scales=scales), run=run)


def test_e2m1_costs_a_layer_of_minilm_less_than_a_hundredth():
    cycles, passes = {}, {}
    for name in ("int", "fp4_e2m1"):
        config = accelerator(**FP4 | {"weight_format": name})
        graph = bert.layers(MINILM, Precision.of(config.cim.tile), tokens=16)
        program = compile_program(config, lower(graph))
        run = run_commands(config, program.commands, AxiMemoryModel(latency=1))
        cycles[name], passes[name] = run.cycles, run.counters[Register.VECTOR_BUSY]
        weights = sum(operator.k * operator.n for operator in graph if operator.kind is Kind.MATMUL)
        # Two weights a byte pass the bus once.
        assert cycles[name] > weights / 2 / config.bus_bytes
    # Keys and values take one pass more than those of INT4.
    assert passes["int"] < passes["fp4_e2m1"]
    assert cycles["fp4_e2m1"] < 1.01 * cycles["int"]


@pytest.mark.parametrize("bits", [4, 8])
def test_integers_in_groups_of_powers_of_two(bits):
    config = accelerator(weight_bits=bits, rows=32, columns=32, group_rows=32, group_scale="e8m0", tiles=2)
    run_decoder(config, lengths=(3, 1, 1), precision=Precision.of(config.cim.tile), run=on_the_model)


def test_other_formats_are_refused():
    with pytest.raises(ConfigError, match="int8 do not go into tiles of fp4_e2m1"):
        run_encoder(accelerator(**FP4))
    with pytest.raises(ConfigError, match="fp4_e2m1 do not go into tiles of int8"):
        run_encoder(SMALL, precision=Precision(weights=stored.FP4_E2M1))
    mxfp4 = accelerator(**E2M1_TILES["mxfp4"])
    with pytest.raises(ConfigError, match=r"scales uint8 .* do not go into tiles with group_scale = e8m0"):
        run_encoder(mxfp4, precision=replace(Precision.of(mxfp4.cim.tile), group_scale=stored.UINT8))
