"""The CIM macro under Verilator: every product, random vectors, latency and rate, and planted faults."""

import pytest

from tilewright.cocotb_tests.cim.macro_suite import MacroBench
from tilewright.cocotb_tests.harness.faults import TextFault
from tilewright.cocotb_tests.harness.faulty_suite import FaultTests, FaultySuite
from tilewright.sim.config import MacroConfig

pytestmark = pytest.mark.cosim

COLUMNS = 64
"""Columns of the largest macro: more weights than that take turns in it, which takes less time than building more."""


def run(testcase: str, *, vectors: int = 200, seed: int = 1, **config: int | str) -> None:
    MacroBench(MacroConfig.model_validate(config)).simulate(testcase, seed=seed, vectors=vectors)


EVERYDAY_PRODUCTS = {(4, 4, 4), (4, 8, 1), (8, 8, 4)}
"""Bits of weights, of inputs, and of inputs in a cycle. Two bits in a cycle are in the tests of FP4 and of pairs."""


@pytest.mark.parametrize(
    ("weight_bits", "input_bits", "input_bits_per_cycle"),
    [
        pytest.param(
            weights, inputs, step, marks=[pytest.mark.slow] * ((weights, inputs, step) not in EVERYDAY_PRODUCTS)
        )
        for weights in (4, 8)
        for inputs in (4, 8)
        for step in (1, 2, 4)
    ],
)
def test_every_product(weight_bits, input_bits, input_bits_per_cycle):
    run(
        "every_product",
        rows=2,
        columns=min(1 << weight_bits, COLUMNS),
        weight_bits=weight_bits,
        input_bits=input_bits,
        input_bits_per_cycle=input_bits_per_cycle,
    )


def test_every_product_of_decoded_fp4():
    # More than the format has: every integer of 5 bits.
    run(
        "every_product",
        rows=2,
        columns=32,
        weight_bits=4,
        weight_format="fp4_e2m1",
        input_bits=8,
        input_bits_per_cycle=2,
    )


def test_every_pair():
    run("every_pair", rows=2, columns=COLUMNS, weight_bits=4, input_bits=4, input_bits_per_cycle=2)


RANDOM = [
    {"rows": 16, "columns": 16, "weight_bits": 4, "input_bits": 8},
    {"rows": 13, "columns": 5, "weight_bits": 8, "input_bits": 8, "input_bits_per_cycle": 2, "weight_banks": 3},
    {"rows": 33, "columns": 7, "weight_bits": 4, "input_bits": 4, "input_bits_per_cycle": 4, "tree_levels_per_stage": 1},
    {"rows": 24, "columns": 8, "weight_bits": 8, "input_bits": 8, "input_bits_per_cycle": 4, "tree_levels_per_stage": 32},
]  # fmt: skip
RANDOM_PARAMETERS = [
    pytest.param(config, marks=[pytest.mark.slow] * (number > 1)) for number, config in enumerate(RANDOM)
]
"""The same; half of them are slow tests, and of those that are not, one has three banks and no size that is a power of 2."""


@pytest.mark.parametrize("config", RANDOM_PARAMETERS, ids=str)
def test_random_vectors(config):
    run("random_vectors", **config)


@pytest.mark.parametrize("config", RANDOM_PARAMETERS, ids=str)
def test_writing_one_bank_does_not_disturb_another(config):
    run("write_beside_compute", **config)


@pytest.mark.slow
@pytest.mark.parametrize("config", RANDOM, ids=str)
def test_many_random_vectors(config):
    run("random_vectors", vectors=50_000, seed=2, **config)


FAULTS = [
    TextFault(
        name="bank 0 answers for bank 1", module="cim_word_line", pattern=r"lines__0\[0\]",
        replacement="(ON ? lines__0[1] : lines__0[0])", testcase="random_vectors",
    ),
    TextFault(
        name="row 3 is never written", module="cim_macro", pattern="write_row == 2'h3",
        replacement="write_row == (ON ? 2'h2 : 2'h3)", testcase="random_vectors",
    ),
    TextFault(
        name="the offset is never added back", module="cim_macro", pattern=r"(stage\d+_flags\[2\]) +\?",
        replacement=r"(~ON & \1) ?", testcase="random_vectors",
    ),
]  # fmt: skip


class TestFaults(FaultTests):
    suites = (
        FaultySuite(
            bench=lambda: MacroBench(MacroConfig.model_validate(RANDOM[0])), faults=FAULTS, options={"vectors": 200}
        ),
    )
