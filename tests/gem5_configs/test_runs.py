"""CSV files of runs: what is read, and what is refused in one line."""

import pytest

from tilewright.base.errors import ConfigError
from tilewright.gem5_configs.runs import (
    BASELINE,
    COLUMNS,
    PUBLISHED,
    REQUIRED,
    baselines,
    format_runs,
    pick,
    published_host,
    read_runs,
    runs_of,
)
from tilewright.sim.config.host import load_host

HEADER, FIRST, *REST = PUBLISHED.read_text().splitlines()


def test_the_published_runs():
    runs = read_runs(PUBLISHED)
    assert len(runs) == 120
    assert {run.core for run in runs} == {"o3", "minor"}
    first = runs[0]
    assert (first.workload, first.sim_seconds, first.dram_access_latency_ps) == ("gapbs-bfs", 0.003093, 40896.11)
    assert first.clocks == BASELINE


def test_text_of_runs_reads_back(tmp_path):
    runs = read_runs(PUBLISHED)
    file = tmp_path / "runs.csv"
    file.write_text(format_runs(runs))
    assert read_runs(file) == runs
    assert tuple(HEADER.split(",")) == REQUIRED


def test_columns_may_stand_in_any_order_among_others(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text(f"note,{','.join(reversed(REQUIRED))}\nmine,{','.join(reversed(FIRST.split(',')))}\n\n")
    assert read_runs(file) == read_runs(PUBLISHED)[:1]


def changed(column: str, value: str) -> str:
    cells = FIRST.split(",")
    cells[REQUIRED.index(column)] = value
    return f"{HEADER}\n{','.join(cells)}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{file}: is empty; its first line must name the columns core, domains"),
        ("\n\n", "{file}: is empty"),
        (f"{HEADER}\n", "{file}: has no runs"),
        (HEADER.replace("l2_misses,", "") + f"\n{FIRST}\n", "{file}: column 'l2_misses' is missing"),
        (f"{FIRST}\n", "{file}: column 'core' is missing"),
        (f"{HEADER}\n{FIRST},7\n", "{file}:2: has 27 cells, and the first line has 26"),
        (f"{HEADER}\n{FIRST[:60]}\n", "{file}:2: has"),
        (changed("sim_insts", "many"), "{file}:2: sim_insts = 'many' is not allowed: input should be a valid number"),
        (changed("sim_seconds", "0"), "{file}:2: sim_seconds = '0' is not allowed: input should be greater than 0"),
        (
            changed("sim_seconds", "nan"),
            "{file}:2: sim_seconds = 'nan' is not allowed: input should be a finite number",
        ),
        (changed("l2_misses", "-1"), "{file}:2: l2_misses = '-1' is not allowed"),
        (changed("core_ghz", "0"), "{file}:2: core_ghz = '0' is not allowed"),
        (changed("core", "o4"), "{file}:2: core = 'o4' is not allowed: input should be 'o3' or 'minor'"),
        (changed("workload", ""), "{file}:2: workload = '' is not allowed"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, text, message):
    file = tmp_path / "runs.csv"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_runs(file)
    assert str(error.value).startswith(message.format(file=file))
    assert "\n" not in str(error.value)


def test_the_host_of_a_run_may_stand_in_a_file_or_not(tmp_path):
    published = read_runs(PUBLISHED)
    assert {run.host for run in published} == {""}
    file = tmp_path / "runs.csv"
    file.write_text(format_runs([published[0].replace(host="baseline"), published[1]]))
    assert "host" in COLUMNS
    assert [run.host for run in read_runs(file)] == ["baseline", ""]


def test_runs_of_another_machine_are_told_from_those_of_one():
    run = read_runs(PUBLISHED)[0]
    cryogenic, own = published_host(), published_host().replace(name="own")
    runs = [
        run.replace(host=name)
        for name in ("", "cryogenic", "superconducting", "cryogenic+lpddr3-1600", "baseline", "own")
    ]
    assert runs_of(runs, cryogenic, PUBLISHED) == runs[:3]
    assert runs_of(runs, cryogenic.with_memory("lpddr3-1600"), PUBLISHED) == [runs[0], runs[3]]
    assert runs_of(runs, load_host("baseline"), PUBLISHED) == [runs[0], runs[4]]
    # Of the same machine as two presets, under a name of its own.
    assert runs_of(runs, own, PUBLISHED) == [*runs[:3], runs[5]]
    with pytest.raises(ConfigError, match=r"no run of host 'cryogenic'; its runs are of baseline, own$"):
        runs_of(runs[4:], cryogenic, PUBLISHED)


def test_baselines_are_found_by_their_clocks():
    runs = read_runs(PUBLISHED)
    found = baselines(runs, "o3", PUBLISHED)
    assert list(found) == ["gapbs-bfs", "npb-bt-size-s", "npb-cg-size-s", "npb-ft-size-s", "npb-is-size-s"]
    # The same run stands there under the names of several variants.
    renamed = [run.replace(domains="mine") for run in runs if run.domains == "super-core"]
    assert {name: run.sim_seconds for name, run in baselines(renamed, "o3", PUBLISHED).items()} == {
        name: run.sim_seconds for name, run in found.items()
    }


def test_a_core_without_a_run_is_refused():
    runs = [run for run in read_runs(PUBLISHED) if run.core == "o3"]
    with pytest.raises(ConfigError, match=r"no run of core 'minor' .* its runs at 4 GHz are of core o3; a core is"):
        baselines(runs, "minor", PUBLISHED)
    fast = [run for run in runs if run.core_ghz == 100]
    with pytest.raises(
        ConfigError, match="no run of core 'o3' with core and caches at 4 GHz and the board at 1 GHz; a"
    ):
        baselines(fast, "o3", PUBLISHED)


def test_two_runs_of_one_workload_that_differ_are_refused():
    run = read_runs(PUBLISHED)[0]
    with pytest.raises(ConfigError, match="two runs of workload 'gapbs-bfs'"):
        baselines([run, run.replace(sim_seconds=1.0)], "o3", PUBLISHED)


def test_a_workload_without_a_run_is_refused():
    found = baselines(read_runs(PUBLISHED), "o3", PUBLISHED)
    with pytest.raises(ConfigError, match=r"no run of workload 'npb-ft' at 4 GHz \(did you mean 'npb-ft-size-s'"):
        pick(found, "npb-ft", PUBLISHED)
