"""The table of layers on the accelerator in docs/accelerator.md: its cases, and what the exact model says of them."""

import re
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tilewright.cocotb_tests.accelerator import decoder_suite, encoder_suite
from tilewright.cocotb_tests.accelerator.layers_suite import BANDWIDTHS, LATENCIES, SUITES
from tilewright.mapping.models import minilm
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

DOCS = (Path(__file__).parents[3] / "docs" / "accelerator.md").read_text()


@pytest.mark.parametrize("design", SUITES, ids=lambda design: design.name)
def test_the_table_in_docs_is_what_the_model_says(design):
    for case in design.make_cases(design.config):
        model = AcceleratorModel(design.config, np.pad(case.memory, (0, design.memory_bytes - len(case.memory))))
        bandwidth = float(case.timing.rate * design.config.bus_bytes)
        for run in case.runs:
            done = model.run(run.address, AxiMemoryModel(**asdict(case.timing)))
            assert not done.error
            assert run.expected
            for address, content in run.expected:
                assert model.memory[address : address + len(content)].tobytes() == content
            start = f"| {design.name}: {case.name}, {run.name} | {case.timing.latency} | {bandwidth:g} |"
            assert f"{start} {done.cycles:,} | {done.cycles:,} | 0 |" in DOCS


ONE_LAYER = [*decoder_suite.SUITES, *encoder_suite.SUITES]


@pytest.mark.parametrize(
    "design",
    [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] * (each is decoder_suite.SUITES[0]))
        for each in ONE_LAYER
    ],
)
def test_layers_of_models_have_room_and_the_results_of_their_steps(design):
    if "MiniLM" in design.name and find_spec(minilm.PACKAGE) is None:
        pytest.skip("MiniLM is not installed")
    case, *others = design.make_cases(design.config)
    assert all(len(each.memory) <= design.memory_bytes for each in (case, *others))
    model = AcceleratorModel(design.config, np.pad(case.memory, (0, design.memory_bytes - len(case.memory))))
    for run in case.runs:
        assert not model.run(run.address, AxiMemoryModel(**asdict(case.timing))).error
        assert run.expected
        for address, content in run.expected:
            assert model.memory[address : address + len(content)].tobytes() == content
        assert run.reference.cosine(model.memory) >= run.reference.least


def test_the_table_in_docs_is_complete():
    rows = [line.split(" | ") for line in DOCS.splitlines() if re.match(r"\| \d+ x .*, bus\d+, ", line)]
    assert len(rows) >= 25
    cases = sum(len(case.runs) for design in SUITES for case in design.make_cases(design.config))
    assert len(rows) == cases
    assert {int(row[1]) for row in rows} == set(LATENCIES)
    assert {int(row[2]) for row in rows} == set(BANDWIDTHS)
    assert {row[5] for row in rows} == {"0"}, "cycles apart"
    assert {row[7] for row in rows} == {"0"}, "bytes that differ"
