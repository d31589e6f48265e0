"""The table of docs/host-core.md against the model as it is, and the goals that it keeps."""

from dataclasses import astuple
from math import log

import numpy as np
import pytest

from benchmarks import core_model
from benchmarks.core_fit import KINDS, fit, points_of
from benchmarks.core_model import DOCS, errors, frequency, variant, workload
from tests.pictures import text_problems
from tilewright.gem5_configs.runs import KERNELS, PUBLISHED, published_host, read_runs, runs_of

RUNS = read_runs(PUBLISHED)
POINTS = {core: points_of(RUNS, core) for core in KINDS}


@pytest.fixture(scope="module", autouse=True)
def each_fit_once():
    """Fit constants for each core and way of leaving out parts once: the page and the tests want the same fits."""
    fitted, cross_validate = {}, core_model.cross_validate

    def once(points, core, key):
        if (core, key) not in fitted:
            fitted[core, key] = cross_validate(points, core, key)
        return fitted[core, key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core_model, "cross_validate", once)
        yield


@pytest.mark.slow
def test_the_docs_are_as_the_command_writes_them(tmp_path, monkeypatch):
    monkeypatch.setattr(core_model, "DOCS", tmp_path / "host-core.md")
    monkeypatch.setattr(core_model, "IMAGES", tmp_path / "images")
    with text_problems() as problems:
        core_model.main()
    assert problems == []
    assert {file.name for file in (tmp_path / "images").iterdir()} == {"host-core-speedup.png", "host-core-cpi.png"}
    assert all(f"(images/{file.name})" in DOCS.read_text() for file in (tmp_path / "images").iterdir())
    assert (tmp_path / "host-core.md").read_text() == DOCS.read_text()


@pytest.mark.parametrize("core", KINDS)
def test_constants_in_the_code_are_the_fitted_ones(core):
    # The least sum of squares lies in a flat valley: two digits say all.
    used, fitted = KINDS[core](), fit(POINTS[core], KINDS[core])
    squares = [sum(log(point.ratio(each)) ** 2 for point in POINTS[core]) for each in (used, fitted)]
    assert squares[0] <= 1.005 * squares[1]
    assert astuple(used) == pytest.approx(astuple(fitted), rel=0.06)


@pytest.mark.parametrize(("core", "mean", "worst"), [("o3", 0.10, 0.30), ("minor", 0.12, 0.30)])
def test_errors_from_the_baseline_alone(core, mean, worst):
    found = np.abs(errors(POINTS[core], KINDS[core]()))
    assert len(found) == {"o3": 80, "minor": 10}[core]
    assert found.mean() <= mean
    assert found.max() <= worst


@pytest.mark.parametrize(("core", "key"), [("o3", workload), ("o3", frequency), ("o3", variant), ("minor", workload)])
def test_errors_on_what_the_constants_were_not_fitted_to(core, key):
    parts = core_model.cross_validate(POINTS[core], core, key)
    found = np.abs(np.concatenate([part for _, part in parts.values()]))
    assert len(found) == len(POINTS[core])
    assert found.mean() <= 0.12


@pytest.mark.parametrize(("core", "mean"), [("o3", 0.18), ("minor", 0.15)])
def test_errors_on_workloads_that_nothing_was_fitted_to(core, mean):
    points = points_of(runs_of(read_runs(KERNELS), published_host(), KERNELS), core)
    found = np.abs(errors(points, KINDS[core]()))
    assert len(found) == 20 * 5
    assert found.mean() <= mean
    # Of loads that wait for each other the model knows nothing.
    others = [abs(point.ratio(KINDS[core]()) - 1) for point in points if point.run.workload != "chase-l2"]
    assert max(others) <= 0.55


def test_a_model_that_ignores_clocks_is_far_off():
    # What the goals are worth: time that scales with the core's clock alone misses them by far.
    naive = [point.baseline.sim_seconds * 4 / point.run.core_ghz / point.run.sim_seconds - 1 for point in POINTS["o3"]]
    assert np.abs(naive).mean() > 0.3
