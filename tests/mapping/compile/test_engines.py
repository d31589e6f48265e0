"""Engines of the compiler: which one gets a step, what is said if none does, and one that no pass knows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.mapping.compile.compiled_runs import accelerator, check, kinds, step_memory
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiler import PASSES, compile_program, engines_of
from tilewright.mapping.compile.engines.cim_array import CimArray
from tilewright.mapping.compile.engines.engine import Engine
from tilewright.mapping.compile.engines.vector_unit import VectorUnit
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.llama import DOWN
from tilewright.mapping.models.seeded import seeded_decoder
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.steps import Matrix, Pass, Product, Step

MODEL = LlamaConfig(
    vocab_size=256, num_hidden_layers=1, hidden_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
    intermediate_size=96,
)  # fmt: skip
TOKENS = 4
CONFIG = accelerator()
GRAPH = llama.layers(MODEL, Precision(), tokens=TOKENS, capacity=TOKENS)
LOWERED = lower(GRAPH)


def serves(step: Step, part: str) -> bool:
    """Return whether a step is a product of the operator of a name."""
    return isinstance(step, Product) and getattr(step.out.buffer.operator, "name", "").endswith(part)


class OneVectorAtATime(CimArray):
    """Another engine for the last product of a layer: the array again, with a command for each vector."""

    NAME = "array of one vector"
    STREAMS_WEIGHTS = False

    def __init__(self, config):
        super().__init__(config)
        self.emitted: list[Step] = []

    def runs(self, step):
        return serves(step, DOWN)

    def emit(self, step, operations):
        self.emitted.append(step)
        for row in range(step.a.rows):
            part = slice(row, row + 1)
            super().emit(replace(step, a=step.a.part(rows=part), out=step.out.part(rows=part)), operations)


def test_an_engine_that_no_pass_knows_leaves_the_same_bits():
    added = OneVectorAtATime(CONFIG)
    compiled = compile_program(CONFIG, LOWERED, engines=(added, CimArray(CONFIG), VectorUnit(CONFIG)))
    assert added.emitted
    assert all(serves(step, DOWN) for step in added.emitted)
    usual = compile_program(CONFIG, LOWERED)
    assert kinds(compiled)["Product"] == kinds(usual)["Product"] + TOKENS - 1
    constants = constant_contents(GRAPH, seeded_decoder(MODEL, seed=2))
    x = np.random.default_rng(1).standard_normal((TOKENS, MODEL.hidden_size))
    check(compiled, LOWERED, step_memory(LOWERED, constants, x), compiled.memory_image(constants), x)


class Nothing(Engine):
    """An engine that takes no step."""

    NAME = "engine of nothing"

    def runs(self, step: Step) -> bool:
        return False

    def refusal(self, step: Step) -> str | None:
        raise AssertionError(step)

    def operands(self, step: Step) -> tuple[Matrix, ...]:
        raise AssertionError(step)

    def cycles(self, step: Step) -> int:
        raise AssertionError(step)

    def emit(self, step, operations) -> None:
        raise AssertionError(step)


def test_a_step_that_no_engine_takes_is_refused_by_its_operator():
    no_products, no_passes = (Nothing(CONFIG), VectorUnit(CONFIG)), (Nothing(CONFIG), CimArray(CONFIG))
    expected = r"q_proj, \S+: no engine takes the product: the engines are engine of nothing, vector unit$"
    with pytest.raises(ConfigError, match=expected):
        compile_program(CONFIG, LOWERED, engines=no_products)
    expected = r"input_layernorm\S+: no engine takes the pass: the engines are engine of nothing, CIM array$"
    with pytest.raises(ConfigError, match=expected):
        compile_program(CONFIG, LOWERED, engines=no_passes)


def test_an_engine_that_does_nothing_changes_nothing():
    usual = compile_program(CONFIG, LOWERED)
    more = compile_program(CONFIG, LOWERED, engines=(Nothing(CONFIG), CimArray(CONFIG), VectorUnit(CONFIG)))
    assert more.binary == usual.binary


def test_the_first_engine_that_can_take_a_step_gets_it():
    engines = engines_of(CONFIG)
    assert {type(engines.of(step)) for step in LOWERED.steps if isinstance(step, Product)} == {CimArray}
    assert {type(engines.of(step)) for step in LOWERED.steps if isinstance(step, Pass)} == {VectorUnit}


def test_the_documentation_lists_the_passes():
    text = (Path(__file__).parents[3] / "docs" / "compiler.md").read_text()
    rows = [f"| `{each.__name__}` | {' '.join((each.__doc__ or '').split())} |" for each in PASSES]
    assert "\n".join(rows) in text
