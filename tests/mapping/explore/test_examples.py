"""The examples of explorations run, and print what they promise."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from tilewright.mapping.explore.by_estimates import estimates_of
from tilewright.mapping.explore.front import front
from tilewright.mapping.explore.search import Estimator
from tilewright.mapping.explore.space_file import load_space

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


def test_the_space_of_area_and_speed_has_many_designs_on_its_front():
    space = load_space(EXAMPLES / "area_front.toml")
    [run] = space.runs
    numbers, sums = Estimator(space, [estimates_of(run)], np.empty(0, np.int64))(np.arange(space.size))
    best = front(sums.costs(space.names))
    assert len(numbers) == 972
    assert len(best) > 10
    assert len({space.designs(numbers[[at]]).changes(0)["vector.lanes"] for at in best}) == 3
