"""Runs with the gem5 that is there: wrong results, the committed rows made again, all workloads in all variants."""

import os

import pytest

from tilewright.base.errors import ConfigError
from tilewright.base.tools import Tool, find_gem5, find_riscv_compiler
from tilewright.gem5_configs.build import RISCV_FLAGS, WORKLOADS, build
from tilewright.gem5_configs.runs import KERNELS, read_runs
from tilewright.gem5_configs.sweep import Run, RunError, sweep
from tilewright.sim.config.host import CORES, load_host
from tilewright.sim.config.host_clocks import DOMAINS, domain_clocks

pytestmark = pytest.mark.gem5

COMMITTED = {(run.core, run.domains, run.workload): run for run in read_runs(KERNELS)}


@pytest.fixture
def tools(tmp_path, monkeypatch) -> tuple[Tool, Tool]:
    """Return gem5 and the compiler; no run is kept."""
    try:
        found = find_gem5(), find_riscv_compiler()
    except ConfigError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    return found


def variant(core: str, domains: str) -> dict:
    """Return a host in a variant at 100 GHz, and its name."""
    host = load_host("baseline" if domains == "baseline" else "cryogenic")
    changes = {"core": core, "clocks": domain_clocks(domains, 100)}
    return {"host": host.model_copy(update=changes), "domains": domains}


def test_a_wrong_result_is_an_error(tools):
    gem5, compiler = tools
    faulty = build("softmax", compiler, (*RISCV_FLAGS, "-DPLANTED_FAULT"))
    with pytest.raises(RunError, match="softmax-l1: the program says: softmax: wrong result"):
        list(sweep([Run(**variant("o3", "super-everything"), workload="softmax-l1", program=faulty)], gem5, 1))


def compared(tools: tuple[Tool, Tool], workloads: tuple[str, ...], variants: tuple[str, ...]) -> None:
    """Run workloads of size l1 on both cores; each checks its result, and counts what the committed row has."""
    gem5, compiler = tools
    programs = {name: build(name, compiler) for name in workloads}
    runs = [
        Run(**variant(core, domains), workload=f"{name}-l1", program=program)
        for name, program in programs.items()
        for core in CORES
        for domains in variants
    ]
    for done in sweep(runs, gem5, len(os.sched_getaffinity(0))):
        row = COMMITTED[done.row["core"], done.row["domains"], done.row["workload"]]
        # Another compiler or release may differ a little.
        for column in ("sim_seconds", "sim_insts", "l1d_accesses", "dram_reads"):
            assert done.row[column] == pytest.approx(getattr(row, column), rel=0.05), (runs[done.index].name, column)


def test_committed_rows_are_made_again(tools):
    compared(tools, ("triad", "sort"), ("baseline", "super-core-l1"))


@pytest.mark.slow
def test_all_variants_run_all_workloads(tools):
    compared(tools, WORKLOADS, tuple(DOMAINS))
