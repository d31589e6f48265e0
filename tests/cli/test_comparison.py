"""Results of several folders side by side: which are compared, their ratios, and what is missing."""

import csv

import pytest

from tests.cli.synth_results import synth
from tilewright.cli.comparison import KINDS, compare, to_csv, to_dict


def rows_of(group) -> dict[str, tuple]:
    return {row.figure: (row.values, row.ratios) for row in group.rows}


def test_ratios_are_to_the_first_and_a_missing_figure_stays_missing():
    small, large = {"a.synth.json": synth(lut=200, ff=0, path_ns=4.0)}, {"a.synth.json": synth(lut=500, ff=8, cells=9)}
    [group], single = compare([{"synth": small}, {"synth": large}])
    assert single == []
    assert rows_of(group) == {
        "look-up tables": ((200, 500), (1, 2.5)),
        "flip-flops": ((0, 8), (None, None)),
        "cells": ((None, 9), (None, None)),
        "path": ((4.0, None), (1, None)),
    }
    assert group.about == {"block": ("posit-adder",) * 2, "configuration": ("format=posit8_0 b=1,2",) * 2}


def test_one_result_each_is_compared_whatever_its_name():
    [group], single = compare([{"synth": {"a.synth.json": synth(lut=2)}}, {"synth": {"b.synth.json": synth(lut=3)}}])
    assert (group.results, single) == (("a.synth.json", "b.synth.json"), [])


def test_of_several_results_those_of_one_name_are_compared():
    first = {"a.synth.json": synth(lut=2), "b.synth.json": synth(lut=4)}
    second = {"b.synth.json": synth(lut=5), "c.synth.json": synth(lut=6)}
    [group], single = compare([{"synth": first}, {"synth": second}])
    assert group.results == ("b.synth.json", "b.synth.json")
    assert rows_of(group) == {"look-up tables": ((4, 5), (1, 1.25))}
    assert single == [(0, "synth", "a.synth.json"), (1, "synth", "c.synth.json")]


def test_a_design_without_a_kind_has_no_figures_of_it():
    designs = [{"synth": {"a.synth.json": synth(lut=2)}}, {}, {"synth": {"a.synth.json": synth(lut=3)}}]
    [group], single = compare(designs)
    assert (group.results, single) == (("a.synth.json", None, "a.synth.json"), [])
    assert rows_of(group) == {"look-up tables": ((2, None, 3), (1, None, 1.5))}


def test_kinds_are_not_mixed():
    run = {"program": "p", "system": "s", "error": None, "seconds": 1e-6, "cycles": 10, "counters": {"COMMANDS": 3}}
    groups, single = compare([{"synth": {"a": synth(lut=2)}}, {"run": {"run.json": run}}])
    assert (groups, single) == ([], [(0, "synth", "a"), (1, "run", "run.json")])


GEM5 = {"workload": "bfs", "core": "o3", "domains": "all-cryo", "core_ghz": 4.0, "sim_seconds": 7.0, "ipc": 0.5}
CONTENTS = {
    "map": {"model": "m", "system": "s", "phase": "decode", "context": 8, "cycles": 10, "tokens_per_s": 2.0, "energy_j": 1,
            "energy_range_j": {"low": 0.5, "mid": 1, "high": 4}, "tokens_per_j": {"low": 0.25, "mid": 1, "high": 2}},
    "blocks": {"module": "npe", "timing": {"latency_cycles": 4, "macs_per_cycle": {"int8": 8.0, "bf16": 4.0}}},
    "cosim": {"cases": [dict.fromkeys(("rtl_cycles", "model_cycles", "values", "mismatches"), n) for n in (1, 2)]},
    "cpu": {"core": "o3", "clocks": {"core_ghz": 4.0}, "workloads": [{"workload": "cg", "seconds": 2.0, "speedup": 1.5}]},
    "gem5": {"runs": [GEM5 | {"workload": "cg"}, GEM5, GEM5 | {"core_ghz": 20.0, "sim_seconds": 3.0}]},
}  # fmt: skip
FIGURES = {
    "map": {
        "rate": 2.0,
        "whole run": 10,
        "energy": 1,
        "energy, low": 0.5,
        "energy, high": 4,
        "tokens for a joule, low": 0.25,
        "tokens for a joule": 1,
        "tokens for a joule, high": 2,
    },
    "blocks": {"latency": 4, "rate, int8": 8.0, "rate, bf16": 4.0},
    "cosim": {"cases": 2, "RTL": 3, "model": 3, "values": 3, "mismatches": 3},
    "cpu": {"cg, time": 2.0, "cg, speed-up": 1.5},
    "gem5": {
        "cg, time": 7.0,
        "cg, instructions": 0.5,
        "bfs, o3, all-cryo, core 4 GHz, time": 7.0,
        "bfs, o3, all-cryo, core 4 GHz, instructions": 0.5,
        "bfs, o3, all-cryo, core 20 GHz, time": 3.0,
        "bfs, o3, all-cryo, core 20 GHz, instructions": 0.5,
    },
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_each_kind_has_its_figures(kind):
    [group], _ = compare([{kind: {"file": CONTENTS[kind]}}] * 2)
    assert {row.figure: row.values for row in group.rows} == {name: (v, v) for name, v in FIGURES[kind].items()}
    assert set(CONTENTS) < set(KINDS)


def test_json_and_csv_have_the_same_figures():
    designs = [{"synth": {"a.synth.json": synth(lut=2, path_ns=3.5)}}, {"synth": {"a.synth.json": synth(lut=3)}}]
    groups, single = compare(designs)
    [first, second] = to_dict(["x", "y, z"], groups, single)["groups"][0]["figures"]
    assert first == {"figure": "look-up tables", "unit": "", "values": [2, 3], "ratios": [1.0, 1.5]}
    assert second == {"figure": "path", "unit": "ns", "values": [3.5, None], "ratios": [1.0, None]}
    assert list(csv.reader(to_csv(["x", "y, z"], groups).splitlines())) == [
        ["kind", "result", "figure", "unit", "x", "y, z", "y, z / x"],
        ["synth", "a.synth.json", "look-up tables", "", "2", "3", "1.5"],
        ["synth", "a.synth.json", "path", "ns", "3.5", "", ""],
    ]
