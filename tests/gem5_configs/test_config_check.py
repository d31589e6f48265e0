"""The machine that gem5 builds is the one that was described, and one that is not is found."""

import json
import os

import pytest

from tests.gem5_configs.machine_json import machine
from tilewright.base.errors import ConfigError
from tilewright.base.tools import find_gem5, find_riscv_compiler
from tilewright.gem5_configs.build import build
from tilewright.gem5_configs.config_check import differences
from tilewright.gem5_configs.sweep import Run, sweep
from tilewright.sim.config.host import CORES, HostConfig, load_host
from tilewright.sim.config.host_clocks import DOMAINS, HostClocks, domain_clocks
from tilewright.sim.config.host_memory import LPDDR3_1600

HOST = load_host("superconducting")


def of(core):
    return HOST.replace(core=core)


@pytest.mark.parametrize("core", CORES)
def test_the_machine_described_has_no_differences(core):
    assert differences(machine(core), of(core)) == []


def leaves(value, path=()):
    """Return the paths of all numbers and flags of a description."""
    if isinstance(value, dict):
        return [leaf for name, part in value.items() for leaf in leaves(part, (*path, name))]
    return [path] if isinstance(value, int | float) else []


DESCRIBED = of("o3").model_dump(mode="json", exclude={"sources"})
# The number of cores has its own test; bytes of a burst follow from the kind of memory.
NUMBERS = set(leaves(DESCRIBED)) - {("cores",), ("memory", "burst_bytes")}
# The other core is not in a machine.
COMPARED = sorted((core, path) for core in CORES for path in NUMBERS if path[0] not in set(CORES) - {core})


def is_compared(core: str, path: tuple[str, ...]) -> bool:
    """Return whether a machine differs from its description with one number changed."""
    changed = {**json.loads(json.dumps(DESCRIBED)), "core": core}
    part = changed
    for name in path[:-1]:
        part = part[name]
    # Twice as much is allowed of each, or half.
    part[path[-1]] = {0: 1, 64: 32}.get(part[path[-1]], part[path[-1]] * 2)
    return bool(differences(machine(core), HostConfig.model_validate(changed)))


def test_every_number_of_a_description_is_compared():
    assert [".".join(path) for core, path in COMPARED if not is_compared(core, path)] == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("cache_hierarchy", "l3cache", "size"), 8 << 20, "board.cache_hierarchy.l3cache.size is 8388608, expected 16777216"),
        (("cache_hierarchy", "l2_domain", "clock"), [250], "board.cache_hierarchy.l2buses0.clock is 250, expected 10"),
        (("cache_hierarchy", "l2caches", 1, "tag_latency"), 9, "board.cache_hierarchy.l2caches1.tag_latency is 9, expected 10"),
        (("cache_hierarchy", "l1dcaches", 0, "prefetcher"), "board.x", "l1dcaches0.type of prefetcher is 'board.x', expected 'StridePrefetcher'"),
        (("cache_hierarchy", "l1dcaches", 1, "mem_side", "peer"), "board.cache_hierarchy.l2buses0.cpu_side_ports[2]", "l1dcaches1.mem_side.peer is"),
        (("processor", "cores", 1, "core", "fuPool", "FUList", 0, "count"), 6, "cores1.core.fuPool.unit IntAlu is (6, 1), expected (2, 1)"),
        (("processor", "cores", 0, "core", "isa", 0, "enable_rvv"), True, "cores0.core.isa.enable_rvv is True, expected False"),
        (("cache_hierarchy", "membus", "snoop_filter", "max_capacity"), 8 << 20, "membus.snoop_filter.max_capacity is 8388608, expected 33554432"),
        (("memory", "mem_ctrl", 0, "dram", "tCL"), 15000, "board.memory.mem_ctrl.dram.tCL is 15000, expected 13750"),
    ],
)  # fmt: skip
def test_a_machine_that_is_another_is_found(path, value, said):
    config = machine("o3")
    part = config["board"]
    for name in path[:-1]:
        part = part[name]
    assert path[-1] in part
    part[path[-1]] = value
    found = differences(config, of("o3"))
    assert any(said in line for line in found), found


def test_functional_units_are_told_from_those_that_gem5_has_itself():
    host = of("o3")
    found = differences(machine("o3"), host.replace(o3=host.o3.replace(pool="gem5")))
    assert any("cores0.core.fuPool.unit IntAlu is (2, 1), expected (6, 1)" in line for line in found)


def test_a_core_too_few_is_found():
    assert "board.processor.cores2.core: missing" in differences(machine("o3"), of("o3").replace(cores=4))


def test_what_is_missing_is_found():
    config = machine("minor")
    del config["board"]["cache_hierarchy"]["l3cache"]
    del config["board"]["processor"]["cores"][1]["core"]["branchPred"]["ras"]
    found = differences(config, of("minor"))
    assert "board.cache_hierarchy.l3cache: missing" in found
    assert "board.processor.cores1.core.branchPred.ras: missing" in found
    assert differences({}, HOST)[0] == "board: missing"


MIXED = HostClocks(core_ghz=50, l1_ghz=20, l2_ghz=10, l3_ghz=4, board_ghz=2)
MACHINES = [
    *(of(core).model_copy(update={"clocks": domain_clocks(domains, 100)}) for core in CORES for domains in DOMAINS),
    of("o3").model_copy(update={"clocks": MIXED, "cores": 1}),
    of("o3").model_copy(update={"o3": HOST.o3.replace(pool="gem5")}),
    of("minor").model_copy(update={"clocks": MIXED, "memory": LPDDR3_1600}),
    load_host("baseline"),
]


@pytest.mark.gem5
def test_gem5_builds_the_machine_that_is_described_and_runs_it(tmp_path, monkeypatch):
    try:
        gem5, compiler = find_gem5(), find_riscv_compiler()
    except ConfigError as error:
        pytest.skip(str(error))
    program = build("gemv", compiler)
    runs = [
        Run(host=host, domains="", workload="gemv", program=program, arguments=("--repeat", "1")) for host in MACHINES
    ]
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    rows = {}
    # A difference is an error of the sweep; the comparison is made here once more, on what is kept.
    for done in sweep(runs, gem5, len(os.sched_getaffinity(0))):
        assert differences(json.loads((done.folder / "config.json").read_text()), MACHINES[done.index]) == []
        assert "--repeat 1: right" in (done.folder / "program.out").read_text()
        rows[done.index] = row = done.row
        # The same program everywhere, on one core that is never asleep.
        assert row["sim_insts"] == pytest.approx(rows[min(rows)]["sim_insts"], rel=0.01)
        assert row["core_cycles"] == pytest.approx(row["sim_seconds"] * row["core_ghz"] * 1e9, rel=0.02)
        assert row["ipc"] * row["core_cycles"] == pytest.approx(row["sim_insts"], rel=1e-3)
        assert row["l1d_accesses"] > row["l1d_misses"] > 0
        assert row["l2_accesses"] >= row["l2_misses"] > 0
        lines = row["dram_reads"] + row["dram_writes"]
        assert row["dram_bytes_per_s"] * row["sim_seconds"] == pytest.approx(64 * lines, rel=0.01)
    seconds = {(MACHINES[i].core, domains): rows[i]["sim_seconds"] for i, domains in enumerate([*DOMAINS, *DOMAINS])}
    for core in CORES:
        assert seconds[core, "super-everything"] < seconds[core, "super-core"] < 1.05 * seconds[core, "all-cryo"]
