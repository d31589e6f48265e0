"""The table of layers on the accelerator in docs/accelerator.md: its cases, and what the exact model says of them."""

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from tilewright.cocotb_tests.accelerator.layers_suite import BANDWIDTHS, LATENCIES, SUITES
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


def test_the_table_in_docs_is_complete():
    rows = [line.split(" | ") for line in DOCS.splitlines() if re.match(r"\| \d+ x .*, bus\d+, ", line)]
    assert len(rows) >= 25
    cases = sum(len(case.runs) for design in SUITES for case in design.make_cases(design.config))
    assert len(rows) == cases
    assert {int(row[1]) for row in rows} == set(LATENCIES)
    assert {int(row[2]) for row in rows} == set(BANDWIDTHS)
    assert {row[5] for row in rows} == {"0"}, "cycles apart"
    assert {row[7] for row in rows} == {"0"}, "bytes that differ"
