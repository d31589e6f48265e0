"""Explorations of real designs: the front against every design run one by one; processes that are killed; clusters."""

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tilewright as tw
from tests.mapping.explore.clusters import cluster
from tests.mapping.tiny_models import SIZES
from tilewright.mapping.models.config import DecoderConfig

MODEL = {**SIZES, "model_type": "llama", "num_hidden_layers": 1, "vocab_size": 64}
CONTEXT = 4
SPACE = {
    "base": "tiny",
    "fields": {
        "memory.bandwidth_mb_per_s": [800, 1600, 3200],
        "fabric.bus_bits": {"from": 32, "to": 128, "powers_of": 2},
        "cim.tile.weight_bus_bits": "fabric.bus_bits",
        "energy.mac_pj": [0.045],
        "clock_mhz": [250, 500],
    },
}
TEXT = """base = "tiny"
[fields]
"memory.bandwidth_mb_per_s" = [800, 1600, 3200]
"fabric.bus_bits" = { from = 32, to = 128, powers_of = 2 }
"cim.tile.weight_bus_bits" = "fabric.bus_bits"
"energy.mac_pj" = [0.045]
"clock_mhz" = [250, 500]
"""
"""The same space as a file."""
FIELDS = {
    "memory.bandwidth_mb_per_s": [800, 1600, 3200],
    "fabric.bus_bits": [32, 64, 128],
    "clock_mhz": [250, 500],
}
"""Its fields that are free and have several values."""


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def true_front(
    model: DecoderConfig, systems: list[tw.System], context: int, phase: str = "decode"
) -> set[tuple[float, float]]:
    """Return seconds and joules of the systems that no system dominates, all of them run one by one."""
    points = set()
    for system in systems:
        try:
            run = tw.map(model, system, phase=phase, context=context)
        except tw.ConfigError:
            continue
        points.add((run.seconds, run.energy_j))
    return {point for point in points if not any(dominates(other, point) for other in points)}


def systems_of(fields: dict[str, list]) -> list[tw.System]:
    """Return the valid systems with each combination of values; the bus of weights is as wide as that of memory."""
    combinations: list[dict] = [{}]
    for path, values in fields.items():
        combinations = [{**each, path: value} for each in combinations for value in values]
    found = []
    for each in combinations:
        try:
            bus = each["fabric.bus_bits"]
            found.append(tw.load_system("tiny").with_({**each, "cim.tile.weight_bus_bits": bus}))
        except tw.ConfigError:
            continue
    return found


def front_of(result: tw.Exploration) -> set[tuple[float, float]]:
    return {(point.objectives["latency_s"], point.objectives["energy_j"]) for point in result.front}


def without_times(data: dict) -> dict:
    """Return a result without the times that it took."""
    return json.loads(
        json.dumps({key: value for key, value in data.items() if key not in ("cpu_seconds", "files")}),
        object_hook=lambda table: {key: value for key, value in table.items() if key != "cpu_seconds"},
    )


@pytest.fixture(scope="module")
def model() -> DecoderConfig:
    return tw.LlamaConfig.model_validate(MODEL)


@pytest.fixture(scope="module")
def result(model) -> tw.Exploration:
    return tw.explore(model, SPACE, context=CONTEXT)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder with a model and a space."""
    (tmp_path / "config.json").write_text(json.dumps(MODEL))
    (tmp_path / "space.toml").write_text(TEXT)
    return tmp_path


def test_the_front_is_that_of_all_designs_run_one_by_one(model, result):
    systems = systems_of(FIELDS)
    assert result.legal == len(systems)
    assert front_of(result) == true_front(model, systems, CONTEXT)


def test_what_is_said_of_a_design_is_what_a_run_of_it_says(model, result):
    for point in result.front:
        run = tw.map(model, result.system(point), context=CONTEXT)
        assert point.objectives["latency_s"] == run.seconds
        assert point.objectives["tokens_per_j"] == pytest.approx(run.tokens_per_j.mid)
        assert point.binding == run.bounds.binding
        assert point.runs[0]["dram_bytes"] == run.memory_bytes
        for gain in point.gains:
            if gain.faster is not None:
                faster = tw.map(model, result.system(point).with_({gain.field: gain.value}), context=CONTEXT)
                assert gain.faster == pytest.approx(run.seconds / faster.seconds)


def test_the_time_is_divided_among_the_resources(result):
    for point in result.front:
        shares = {gain.resource: gain.share for gain in point.gains}
        assert set(shares) == {"memory bandwidth", "memory latency", "clock"}
        assert sum(shares.values()) == pytest.approx(1)
        assert all(share >= 0 for share in shares.values())


@pytest.mark.parametrize("phase", ["decode", "prefill"])
def test_bounds_prove_the_front(model, result, phase):
    space = {**SPACE, "search": {"method": "bounds"}}
    found = tw.explore(model, space, phase=phase, context=CONTEXT)
    assert found.method == "bounds"
    assert found.error is None
    assert front_of(found) == true_front(model, systems_of(FIELDS), CONTEXT, phase)
    for point in found.front:
        assert point.estimate["latency_s"] <= point.objectives["latency_s"]
        assert point.estimate["energy_j"] <= point.objectives["energy_j"]


def test_prompts_are_estimated_from_their_programs(model):
    found = tw.explore(model, SPACE, phase="prefill", context=CONTEXT)
    assert found.method == "exhaustive"
    assert found.error
    assert found.error.worst < 0.06
    assert found.legal == len(systems_of(FIELDS))
    assert front_of(found) == true_front(model, systems_of(FIELDS), CONTEXT, "prefill")


@pytest.mark.parametrize("method", ["exhaustive", "bounds"])
def test_the_front_of_area_and_latency_is_that_of_all_designs(model, method):
    fields = {"memory.bandwidth_mb_per_s": [800, 1600, 3200], "vector.lanes": [4, 8], "fabric.outstanding": [2, 16]}
    space = {
        "base": "tiny",
        "fields": {"process": ["SG13G2"], **fields},
        "objectives": {"latency_s": 1, "area_mm2": 2},
        "search": {"method": method},
    }
    found = tw.explore(model, space, context=CONTEXT)
    base = tw.load_system("tiny").with_({"process": "SG13G2"})
    points = set()
    for values in itertools.product(*fields.values()):
        run = tw.map(model, base.with_(dict(zip(fields, values, strict=True))), context=CONTEXT)
        assert run.area
        points.add((run.seconds, run.area.area_mm2))
    assert found.method == method
    assert len(found.front) > 1
    front = {(point.objectives["latency_s"], point.objectives["area_mm2"]) for point in found.front}
    assert front == {point for point in points if not any(dominates(other, point) for other in points)}
    best = found.recommended.objectives
    assert best["latency_s"] * best["area_mm2"] ** 2 == min(seconds * area**2 for seconds, area in front)
    if found.error:
        assert found.error.worst < 0.2


def test_workers_change_nothing(model, result, tmp_path):
    again = tw.explore(model, SPACE, context=CONTEXT, workers=2, study=tmp_path / "study")
    assert without_times(again.to_dict()) == without_times(result.to_dict())


def test_a_study_of_another_space_is_refused_and_stays(folder):
    study = folder / "study"
    space = {**SPACE, "fields": {"clock_mhz": [500]}}
    tw.explore(folder, space, context=CONTEXT, study=study)
    before = study.read_bytes()
    for change in ({"space": SPACE}, {"seed": 1}, {"context": CONTEXT + 1}):
        arguments = {"space": space, "context": CONTEXT, **change}
        with pytest.raises(tw.ConfigError, match=r"study: is a study of another (space|seed)"):
            tw.explore(folder, study=study, **arguments)
    assert study.read_bytes() == before


def finished(study: Path) -> int:
    """Return the number of runs that a study has, also while it is in use."""
    if not study.exists():
        return 0
    # A copy, as the study is locked.
    copy = study.with_name("copy")
    copy.write_bytes(study.read_bytes())
    log = study.with_name(f"{study.name}-wal")
    if log.exists():
        copy.with_name("copy-wal").write_bytes(log.read_bytes())
    try:
        with sqlite3.connect(copy) as file:
            return file.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
    except sqlite3.Error:
        return 0
    finally:
        for each in study.parent.glob("copy*"):
            each.unlink()


def killed_after(folder: Path, runs: int, *options: str) -> None:
    """Kill an exploration as soon as its study has so many runs."""
    command = [sys.executable, "-m", "tilewright", "explore", ".", "--space", "space.toml", "--context", str(CONTEXT)]
    with subprocess.Popen(
        [*command, "--study", "study", *options], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 300
        while finished(folder / "study") < runs and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)


def test_an_exploration_that_was_killed_goes_on(folder, result):
    killed_after(folder, 3)
    kept = finished(folder / "study")
    assert kept >= 3
    again = tw.explore(folder, folder / "space.toml", context=CONTEXT, study=folder / "study")
    assert front_of(again) == front_of(result)
    assert again.exact_runs == result.exact_runs


@pytest.mark.slow
def test_an_exploration_that_was_killed_ten_times_goes_on(folder, result):
    for kill in range(10):
        killed_after(folder, 1 + kill, "--workers", "2")
        assert finished(folder / "study") >= 1 + kill
    again = tw.explore(folder, folder / "space.toml", context=CONTEXT, study=folder / "study")
    assert front_of(again) == front_of(result)


@pytest.mark.slow
def test_the_front_of_two_thousand_designs_is_the_true_one(model):
    fields = {
        "memory.bandwidth_mb_per_s": [400, 800, 1600, 2400, 3200],
        "fabric.bus_bits": [32, 64, 128],
        "clock_mhz": [200, 250, 400, 500, 600],
        "memory.latency_ns": [50, 100, 200],
        "fabric.outstanding": [2, 8, 16],
        "cim.tiles": [1, 2, 4],
    }
    systems = systems_of(fields)
    space = {"base": "tiny", "fields": {**fields, "cim.tile.weight_bus_bits": "fabric.bus_bits"}}
    found = tw.explore(model, space, context=CONTEXT, workers=2)
    assert len(systems) > 1500
    assert front_of(found) == true_front(model, systems, CONTEXT)


@pytest.mark.slow
def test_a_cluster_that_loses_two_of_four_workers_finds_the_front(model, result, tmp_path):
    pytest.importorskip("distributed")
    with cluster(4, tmp_path) as (url, workers):
        lost = iter(workers[:2])

        def watch(progress: tw.ExplorationProgress) -> None:
            if progress.what == "exact runs" and progress.done in (2, 4) and (pid := next(lost, None)):
                os.kill(pid, signal.SIGKILL)

        again = tw.explore(model, SPACE, context=CONTEXT, scheduler=url, watch=watch)
        assert next(lost, None) is None, "no worker was killed"
    assert without_times(again.to_dict()) == without_times(result.to_dict())
