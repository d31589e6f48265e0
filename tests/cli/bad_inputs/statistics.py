"""Statistics of gem5, for `cpu stats`."""

import os

from tests.cli.bad_inputs.case import Case, case
from tests.gem5_configs.gem5_statistics import BEGIN, CACHES, CORE, END, MEMORY, statistics

WHOLE = statistics()
STATS = "cpu stats stats.txt"
OUT = f"{STATS} --out out --host cryogenic"
OTHER = "board.processor.cores1.core"


def _text(name: str, text: str | bytes, *says: str, command: str = STATS) -> Case:
    return case(name, command, *says, files={"stats.txt": text})


def _value(name: str, statistic: str, value: object, *says: str, command: str = STATS) -> Case:
    """Return the case of a run with one statistic that is another, or left out if the value is None."""
    return _text(name, statistics(**{statistic: value}), "stats.txt: ", *says, command=command)


CASES = (
    # Files.
    case("a file that is not there", STATS, "stats.txt: cannot be read: No such file or directory"),
    case("a folder without one", "cpu stats .", "stats.txt: cannot be read: No such file or directory"),
    case("a folder of this name", "cpu stats .", "stats.txt: cannot be read: is a folder",
         prepare=lambda folder: (folder / "stats.txt").mkdir()),
    case("a pipe", STATS, "stats.txt: cannot be read: is a pipe", prepare=lambda folder: os.mkfifo(folder / "stats.txt")),
    case("an endless device", "cpu stats /dev/zero", "/dev/zero: cannot be read: is a device", "regular file"),
    case("a name of 5,000 characters", ("cpu", "stats", "s" * 5000), "File name too long", "(5,001 characters)"),
    case("no file", "cpu stats", "Missing argument 'FILES...'"),
    _text("an empty file", "", "stats.txt: empty", "when a run ends"),
    _text("blank lines", "\n\n \n", "stats.txt: empty"),
    _text("another text", "hello\n", "stats.txt: not statistics of gem5", "Begin Simulation Statistics"),
    _text("a binary file", bytes(range(1, 256)), "stats.txt:", "byte 0x80 is not UTF-8 text"),
    _text("a byte of zero", WHOLE + "\0", "byte 0x00 is not allowed in text"),
    _text("UTF-16", WHOLE.encode("utf-16"), "stats.txt: cannot be read: is UTF-16 text", "UTF-8"),
    _text("a dump that is cut off", WHOLE[:900], "stats.txt: cut off", "End Simulation Statistics"),
    _text("a dump of nothing", BEGIN + END, "no statistics of a core (numCycles)"),
    _text("two dumps", WHOLE + WHOLE, "holds 2 dumps", "choose one with --dump, 1 to 2"),
    _text("a dump that is not there", WHOLE + WHOLE, "--dump = 3 is not allowed", "dumps 1 to 2", command=f"{STATS} --dump 3"),
    _text("dump 0", WHOLE, "'--dump': 0", "x>=1", command=f"{STATS} --dump 0"),
    _text("a dump that is no number", WHOLE, "'--dump': 'last'", "integer", command=f"{STATS} --dump last"),
    case("one good file and one bad", "cpu stats good bad", "bad: not statistics of gem5", files={"good": WHOLE, "bad": "x"}),
    # Cores.
    _text("no core", WHOLE.replace("numCycles", "cycles"), "no statistics of a core (numCycles)"),
    _text("another kind of core", statistics("timing"), f"core {CORE} is another core", "out-of-order (O3) core or an in-order"),
    _text("an in-order core instead", statistics("minor"), "is an in-order (Minor) core", "expected an out-of-order", command=f"{STATS} --core o3"),
    _text("an out-of-order core instead", WHOLE, "is an out-of-order (O3) core", "expected an in-order", command=f"{STATS} --core minor"),
    _text("a core that is not there", WHOLE, "--cpu = system.cpu is not allowed", CORE, command=f"{STATS} --cpu system.cpu"),
    _text("a core that is markup", WHOLE, "--cpu = [/red] is not allowed", CORE, command=f"{STATS} --cpu [/red]"),
    _text("cores that were switched", statistics(**{f"{OTHER}.numCycles": 5}).replace("cores1", "switch0"), "switched between cores", "--cpu",
          "board.processor.switch0.core (5 cycles)"),
    _text("two cores that count together", statistics(**{f"{OTHER}.numCycles": 5, f"{CORE}.commitStats0.numInsts": None}),
          f"lacks the statistic {CORE}.commitStats0.numInsts"),
    # Caches.
    _text("no third level", WHOLE.replace("l3cache", "other"), "no statistics of a cache of level l3 of core", CORE),
    _text("a cache of another unit", WHOLE.replace(f"{CACHES}.l1dcaches0", "board.accelerator.dcache").replace("cores0.core.data", "accelerator.data"),
          "no statistics of a cache of level l1d", "other units have board.accelerator.dcache"),
    _text("two last levels", statistics(**{f"{CACHES}.l3cache1.overallAccesses::total": 5, f"{CACHES}.l3cache2.overallAccesses::total": 5}).replace("l3cache.", "l3cache3."),
          "any of these caches of level l3", f"{CACHES}.l3cache1"),
    # Values.
    _value("a frequency of nothing", "simFreq", 0, "simFreq = 0 is not allowed", "greater than 0"),
    _value("no time", "simTicks", 0, "simTicks = 0 is not allowed", "greater than 0"),
    _value("a time below nothing", "simTicks", -5, "simTicks = -5 is not allowed", "greater than 0"),
    _value("no instructions", "simInsts", 0, "simInsts = 0 is not allowed", "greater than 0"),
    _value("instructions that are missing", "simInsts", None, "lacks the statistic simInsts"),
    _value("no rate", f"{CORE}.ipc", 0, f"{CORE}.ipc = 0 is not allowed", "greater than 0"),
    _value("a rate that is no number", f"{CORE}.ipc", "nan", f"{CORE}.ipc = nan is not allowed", "finite"),
    _value("a count without end", f"{CORE}.branchPred.condPredicted", "inf", "condPredicted = inf is not allowed", "finite"),
    _value("text for a count", f"{CACHES}.l3cache.overallMisses::total", "many", "overallMisses::total = many is not allowed", "finite"),
    _value("a count of 5,000 digits", f"{CACHES}.l3cache.overallMisses::total", "9" * 5000, "characters)", "is not allowed", "finite"),
    _value("misses below nothing", f"{CACHES}.l3cache.overallMisses::total", -1, "overallMisses::total = -1", "0 or more"),
    _value("no memory controller", f"{MEMORY}.readReqs", None, "no statistics of a memory controller", "readReqs"),
    _value("no DRAM", f"{MEMORY}.dram.avgMemAccLat", None, "no statistics of a memory controller", "avgMemAccLat"),
    _value("a latency that is no number", f"{MEMORY}.dram.avgMemAccLat", "nan", "avgMemAccLat = nan is not allowed"),
    # The file for predictions.
    _text("runs of no host", WHOLE, "--out needs --host", command=f"{STATS} --out out"),
    _text("runs of a host that is not there", WHOLE, "unknown host 'warm'", "baseline", command=f"{STATS} --out out --host warm"),
    _value("a cache that nobody asked", f"{CACHES}.l1icaches0.overallAccesses::total", 0, "l1i_accesses = 0 is not allowed", "greater than 0", command=OUT),
)  # fmt: skip
