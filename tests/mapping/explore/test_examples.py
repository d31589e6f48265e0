"""The examples of explorations run, and print what they promise."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
SAYS = {
    "explore_bandwidth.py": ("legal designs", "memory bandwidth", "recommended: {'memory.bandwidth_mb_per_s': 3200"),
    "explore_weighted_uses.py": ("design: vector.lanes = ", "context   8: ", "context  64: ", "bound by"),
    "smallest_system.py": (
        "16,000 tokens/s: 16,",
        "with memory.bandwidth_mb_per_s = ",
        "64,000 tokens/s: tokens_per_s",
    ),
    "explore_and_improve.py": ("wrote explore.html", "tiny with memory.latency_ns=50, fabric.outstanding=4", "+"),
}
MOST_LINES = 40


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if "improve" in name else []) for name in SAYS]
)
def test_an_example_prints_what_it_promises(name, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [name, str(tmp_path / "out")])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    said = capsys.readouterr().out
    assert all(text in said for text in SAYS[name]), said
    assert len((EXAMPLES / name).read_text().splitlines()) < MOST_LINES
