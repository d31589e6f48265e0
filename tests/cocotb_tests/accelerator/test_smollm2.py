"""A published model with its weights, SmolLM2-135M-Instruct, on the exact model and in RTL."""

import json
import subprocess
import sys

import pytest

from tests.mapping.models.smollm2 import NEEDS_SMOLLM2, SMOLLM2
from tilewright.cocotb_tests.accelerator.model_suites import layer_suite
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.sim.config import load_system

MAX_KB = 400_000
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
"""Program that runs a command and prints the most memory that it took, in KB."""

pytestmark = [
    pytest.mark.slow,
    NEEDS_SMOLLM2,
]


def test_a_text_takes_little_memory():
    command = (
        sys.executable,
        "-m",
        "tilewright",
        "run",
        SMOLLM2,
        "--prompt",
        "The capital of France is",
        "--tokens",
        "3",
        "--json",
    )
    result = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["text"].startswith(" Paris")
    assert int(result.stderr.split()[-1]) <= MAX_KB


@pytest.mark.cosim
def test_a_layer_in_rtl():
    rows = layer_suite(str(SMOLLM2), load_system("small"), layer=3, tokens=4).run()
    check_rows(rows)
    assert [row["mismatches"] for row in rows] == [0, 0]
    assert min(row["cosine"] for row in rows) > 0.9998
