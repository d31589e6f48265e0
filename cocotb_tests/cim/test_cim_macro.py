"""The CIM macro under Verilator: every product, random vectors, latency and rate, and planted faults."""

import json

import pytest

from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.cim.cb_cim_macro import BENCH
from tilewright.cocotb_tests.harness.faults import plant
from tilewright.hw.cim.macro import Macro
from tilewright.hw.verilog import convert
from tilewright.sim.config import MacroConfig

pytestmark = pytest.mark.cosim


def run(tmp_path, testcase: str, *, fault=None, vectors: int = 200, seed: int = 1, **config: int | str) -> None:
    macro = MacroConfig.model_validate(config)
    verilog = convert(Macro(config=macro), "cim_macro")
    if fault:
        verilog = plant(verilog, *fault)
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"config": macro.model_dump(), "vectors": vectors, "seed": seed}))
    model = runner.build(verilog, "cim_macro")
    runner.run(model, "cim_macro", BENCH, folder=tmp_path, env={"TILEWRIGHT_JOB": str(job)}, testcase=testcase)


@pytest.mark.parametrize(
    ("weight_bits", "input_bits", "input_bits_per_cycle"),
    [
        pytest.param(weights, inputs, step, marks=[pytest.mark.slow] if (weights, step) == (8, 2) else [])
        for weights in (4, 8)
        for inputs in (4, 8)
        for step in (1, 2, 4)
    ],
)
def test_every_product(tmp_path, weight_bits, input_bits, input_bits_per_cycle):
    run(
        tmp_path,
        "every_product",
        rows=2,
        columns=1 << weight_bits,
        weight_bits=weight_bits,
        input_bits=input_bits,
        input_bits_per_cycle=input_bits_per_cycle,
    )


def test_every_product_of_decoded_fp4(tmp_path):
    # More than the format has: every integer of 5 bits.
    run(
        tmp_path,
        "every_product",
        rows=2,
        columns=32,
        weight_bits=4,
        weight_format="fp4_e2m1",
        input_bits=8,
        input_bits_per_cycle=2,
    )


def test_every_pair(tmp_path):
    run(tmp_path, "every_pair", rows=2, columns=256, weight_bits=4, input_bits=4, input_bits_per_cycle=2)


RANDOM = [
    {"rows": 16, "columns": 16, "weight_bits": 4, "input_bits": 8},
    {"rows": 13, "columns": 5, "weight_bits": 8, "input_bits": 8, "input_bits_per_cycle": 2, "weight_banks": 3},
    {"rows": 33, "columns": 7, "weight_bits": 4, "input_bits": 4, "input_bits_per_cycle": 4, "tree_levels_per_stage": 1},
    {"rows": 24, "columns": 8, "weight_bits": 8, "input_bits": 8, "input_bits_per_cycle": 4, "tree_levels_per_stage": 32},
]  # fmt: skip


@pytest.mark.parametrize("config", RANDOM, ids=str)
def test_random_vectors(tmp_path, config):
    run(tmp_path, "random_vectors", **config)


@pytest.mark.parametrize("config", RANDOM, ids=str)
def test_writing_one_bank_does_not_disturb_another(tmp_path, config):
    run(tmp_path, "write_beside_compute", **config)


@pytest.mark.slow
@pytest.mark.parametrize("config", RANDOM, ids=str)
def test_many_random_vectors(tmp_path, config):
    run(tmp_path, "random_vectors", vectors=50_000, seed=2, **config)


@pytest.mark.parametrize(
    ("module", "pattern", "replacement"),
    [
        ("cim_word_line", r"lines__0\[0\]", "lines__0[1]"),  # bank 0 answers for bank 1
        ("cim_macro", r"write_row == 2'h3", "write_row == 2'h2"),  # row 3 is never written
        ("cim_macro", r"(stage\d+_flags\[2\] +\?) 16'h\w+", r"\1 16'h0"),  # the offset is never added back
    ],
)
def test_a_planted_fault_is_seen(tmp_path, module, pattern, replacement):
    with pytest.raises(runner.BenchError):
        run(tmp_path, "random_vectors", fault=(module, pattern, replacement), **RANDOM[0])
