"""What gem5 counted, read from small files."""

import pytest

from tests.gem5_configs.gem5_statistics import BEGIN, CACHES, CORE, END, MEMORY, VALUES, statistics
from tilewright.base.errors import ConfigError
from tilewright.gem5_configs.statistics import COUNTED, read_dump, read_statistics

ROW = {
    "sim_seconds": 4.612345e-05, "sim_insts": 2_179_720, "core_cycles": 4_612_345, "ipc": 0.472584,
    "cond_predicted": 300_000, "cond_mispredicts": 1_500, "l1i_accesses": 500_000, "l1i_misses": 200,
    "l1d_accesses": 600_000, "l1d_misses": 1_100, "l2_accesses": 1_300, "l2_misses": 900, "l3_accesses": 900,
    "l3_misses": 880, "dram_reads": 880, "dram_writes": 0, "dram_bytes_per_s": 1_221_071_000,
    "dram_access_latency_ps": pytest.approx(38_123.45),
}  # fmt: skip


def read(tmp_path, text, core=None):
    file = tmp_path / "stats.txt"
    file.write_text(text)
    return read_statistics(file, core)


def refused(tmp_path, text, core=None):
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text, core)
    [line] = str(error.value).splitlines()
    assert line.startswith(f"{tmp_path / 'stats.txt'}: ")
    return line


@pytest.mark.parametrize("core", ["o3", "minor"])
def test_every_column_has_its_statistic(tmp_path, core):
    row = read(tmp_path, statistics(core), core)
    assert row == ROW
    assert tuple(row) == COUNTED
    assert all(isinstance(row[name], int) for name in ("sim_insts", "core_cycles", "l3_misses", "dram_reads"))


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"simSeconds", "finalTick", "simOps", "hostSeconds"}))
def test_other_figures_make_no_difference(tmp_path, name):
    # Each statistic that is read moves one column, and no other one does.
    changed = read(tmp_path, statistics(**{name: 7_777_777}))
    moved = [column for column in COUNTED if changed[column] != ROW[column]]
    unread = ("cpi", "commitStats0.ipc", "commitStats0.numInsts", "core.data")
    expected = 0 if "cores1" in name or name.endswith(unread) or name.endswith("readBursts") else 1
    assert len(moved) == expected, moved


def test_names_of_other_machines_are_found(tmp_path):
    one_core = dict.fromkeys(("board.processor.cores1.core.numCycles", "board.processor.cores1.core.ipc"))
    text = statistics("o3", **one_core)
    for ours, theirs in {
        "processor.cores0.core": "processor.cores.core",
        "l1icaches0": "l1i-cache-0",
        "l1dcaches0": "l1d-cache-0",
        "l2caches0": "l2-cache-0",
        "l3cache": "l3-cache",
    }.items():
        text = text.replace(ours, theirs)
    assert read(tmp_path, text) == ROW
    old = (
        statistics("o3", **one_core)
        .replace("board.processor.cores0.core", "system.cpu")
        .replace("l1icaches0", "cpu.icache")
    )
    old = (
        old.replace("processor.cores0.core", "cpu")
        .replace("l1dcaches0", "cpu.dcache")
        .replace("l2caches0", "l2")
        .replace("l3cache", "l3")
    )
    assert read(tmp_path, old) == ROW


def test_the_first_core_is_read_of_many(tmp_path):
    more = {f"board.processor.cores{n}.core.numCycles": 99 for n in (2, 10)}
    more |= {f"{CACHES}.l1dcaches{n}.overallAccesses::total": 5 for n in (1, 10)}
    text = statistics("o3", **more)
    [head, tail] = text.split(BEGIN)
    lines = tail.splitlines()
    text = head + BEGIN + "\n".join([*reversed(lines[:-2]), "", *lines[-2:]]) + "\n"
    assert read(tmp_path, text) == ROW


def test_channels_of_memory_add_up(tmp_path):
    second = {
        "board.memory.mem_ctrl1.readReqs": 20,
        "board.memory.mem_ctrl1.writeReqs": 3,
        "board.memory.mem_ctrl1.dram.readBursts": 880,
        "board.memory.mem_ctrl1.dram.avgMemAccLat": 40_123.45,
        "board.memory.mem_ctrl1.dram.bwTotal::total": 1000,
    }
    row = read(tmp_path, statistics(**second))
    assert (row["dram_reads"], row["dram_writes"], row["dram_bytes_per_s"]) == (900, 3, 1_221_072_000)
    assert row["dram_access_latency_ps"] == pytest.approx(39_123.45)


def test_what_gem5_leaves_out_is_zero(tmp_path):
    row = read(tmp_path, statistics(**{f"{CACHES}.l3cache.overallMisses::total": None}))
    assert row["l3_misses"] == 0


def test_an_idle_memory_has_no_latency(tmp_path):
    idle = {f"{MEMORY}.dram.readBursts": 0, f"{MEMORY}.dram.avgMemAccLat": "nan", f"{MEMORY}.readReqs": 0}
    row = read(tmp_path, statistics(**idle, **{f"{MEMORY}.dram.bwTotal::total": None}))
    assert (row["dram_access_latency_ps"], row["dram_bytes_per_s"]) == (0, 0)


def test_bad_files_are_refused(tmp_path):
    whole = statistics("o3")
    assert "empty: gem5 writes its statistics when a run ends" in refused(tmp_path, "")
    assert "empty" in refused(tmp_path, "\n\n")
    assert "not statistics of gem5" in refused(tmp_path, "hello\n")
    assert "cut off" in refused(tmp_path, whole[: len(whole) // 2])
    assert "cut off" in refused(tmp_path, BEGIN + "simTicks 1")
    assert "holds 2 dumps of statistics: choose one with --dump, 1 to 2" in refused(tmp_path, whole + whole)
    assert f"core {CORE} is another core: expected an out-of-order (O3) core or an in" in refused(
        tmp_path, statistics("timing")
    )
    assert "is an in-order (Minor) core: expected an out-of" in refused(tmp_path, statistics("minor"), "o3")
    assert "is an out-of-order (O3) core: expected an in-order" in refused(tmp_path, whole, "minor")
    assert f"lacks the statistic {CORE}.ipc" in refused(
        tmp_path, statistics(**{f"{CORE}.ipc": None, f"{CORE}.commitStats0.ipc": None})
    )
    assert f"{CORE}.ipc = nan is not allowed" in refused(tmp_path, statistics(**{f"{CORE}.ipc": "nan"}))
    assert "no statistics of a cache of level l3" in refused(tmp_path, whole.replace("l3cache", "other"))
    assert "no statistics of a memory controller" in refused(tmp_path, whole.replace("readReqs", "reads"))
    assert "no statistics of a core" in refused(tmp_path, BEGIN + "simTicks 5 # x\n" + END)


def test_each_core_has_its_own_caches(tmp_path):
    """By the names of those who ask a cache, and without names by numbers; a cache of another unit is never taken."""
    other = "board.processor.cores1.core"
    more = {
        f"{other}.{name}": value
        for name, value in {
            "numCycles": 70, "ipc": 0.5, "branchPred.condPredicted": 5, "branchPred.condIncorrect": 1, "rob.reads": 1,
            "commitStats0.numInsts": 35,
        }.items()
    }  # fmt: skip
    counts = {"l1dcaches1": 11, "l1icaches1": 12, "l2caches1": 13}
    more |= {f"{CACHES}.{name}.overallAccesses::total": count for name, count in counts.items()}
    more |= {"board.accelerator.dcache.overallAccesses::total": 77_777, "board.a.l2.overallAccesses::total": 77_777}
    file = tmp_path / "stats.txt"
    file.write_text(statistics("o3", **more))
    first, second = (read_dump(file, cpu=cpu).counts for cpu in (None, other))
    assert first == ROW
    assert [second[f"{level}_accesses"] for level in ("l1d", "l1i", "l2", "l3")] == [11, 12, 13, 900]
    assert (second["sim_insts"], second["core_cycles"]) == (35, 70)
    # The numbers are those of the clusters; the names of requestors tell the truth.
    asked = {f"{CACHES}.l1dcaches1.overallAccesses::{CORE.removeprefix('board.')}.data": 11}
    asked |= {f"{CACHES}.l1dcaches0.overallMisses::processor.cores0.core.data": None}
    asked |= {f"{CACHES}.l1dcaches0.overallMisses::processor.cores1.core.data": 1_100}
    file.write_text(statistics("o3", **more, **asked))
    assert read_dump(file).counts["l1d_accesses"] == 11
    assert read_dump(file, cpu=other).counts["l1d_accesses"] == 600_000


def test_a_dump_is_chosen_by_its_number(tmp_path):
    file = tmp_path / "stats.txt"
    file.write_text(statistics() + statistics(simInsts=5) + statistics(simInsts=6)[:-200])
    assert read_dump(file, dump=1).counts == ROW
    assert (read_dump(file, dump=2).dump, read_dump(file, dump=2).counts["sim_insts"]) == (2, 5)
    for dump, said in ((3, "cut off: statistics 3 of 3"), (4, "--dump = 4 is not allowed: the file has dumps 1 to 3")):
        with pytest.raises(ConfigError, match=said):
            read_dump(file, dump=dump)


def test_a_core_that_did_not_work_is_not_taken(tmp_path):
    """Switched CPUs: the first one starts the machine, the second one runs the program."""
    switched, start = "board.processor.switch0.core", "board.processor.start0.core"

    def write(cycles):
        text = statistics("o3", **{"board.processor.cores1.core.numCycles": cycles})
        text = text.replace("cores0.core", "switch0.core").replace("cores1.core", "start0.core")
        file.write_text(text)

    file = tmp_path / "stats.txt"
    write(0)
    run = read_dump(file)
    assert (run.cpu, run.counts) == (switched, ROW)
    write(88)
    assert read_dump(file, cpu=switched).counts == ROW
    with pytest.raises(ConfigError, match=rf"switched between cores: choose one with --cpu: {start} \(88 cycles\)"):
        read_dump(file)
    with pytest.raises(ConfigError, match=rf"{start} is another core.*--cpu chooses another: {switched} \(o3\)"):
        read_dump(file, cpu=start)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"stats\.txt: cannot be read: No such file"):
        read_statistics(tmp_path / "stats.txt")
