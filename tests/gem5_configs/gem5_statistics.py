"""Statistics as gem5 writes them, few enough to read."""

BEGIN = "\n---------- Begin Simulation Statistics ----------\n"
END = "\n---------- End Simulation Statistics   ----------\n"

CORE = "board.processor.cores0.core"
CACHES = "board.cache_hierarchy"
MEMORY = "board.memory.mem_ctrl"

VALUES: dict[str, object] = {
    "simSeconds": "0.000046",
    "simTicks": 46_123_450,
    "finalTick": 46_123_450,
    "simFreq": 1_000_000_000_000,
    "simInsts": 2_179_720,
    "simOps": 2_180_000,
    "hostSeconds": 3.5,
    f"{CORE}.numCycles": 4_612_345,
    f"{CORE}.cpi": 2.116025,
    f"{CORE}.ipc": 0.472584,
    f"{CORE}.branchPred.condPredicted": 300_000,
    f"{CORE}.branchPred.condIncorrect": 1_500,
    f"{CORE}.commitStats0.ipc": 0.472584,
    f"{CORE}.commitStats0.numInsts": 2_179_720,
    "board.processor.cores1.core.numCycles": 0,
    "board.processor.cores1.core.ipc": "nan",
    f"{CACHES}.l1dcaches0.overallMisses::processor.cores0.core.data": 1_100,
    f"{CACHES}.l1dcaches0.overallMisses::total": 1_100,
    f"{CACHES}.l1dcaches0.overallAccesses::total": 600_000,
    f"{CACHES}.l1icaches0.overallMisses::total": 200,
    f"{CACHES}.l1icaches0.overallAccesses::total": 500_000,
    f"{CACHES}.l2caches0.overallMisses::total": 900,
    f"{CACHES}.l2caches0.overallAccesses::total": 1_300,
    f"{CACHES}.l3cache.overallMisses::total": 880,
    f"{CACHES}.l3cache.overallAccesses::total": 900,
    f"{MEMORY}.readReqs": 880,
    f"{MEMORY}.writeReqs": 0,
    f"{MEMORY}.readBursts": 880,
    f"{MEMORY}.dram.readBursts": 880,
    f"{MEMORY}.dram.avgMemAccLat": 38_123.45,
    f"{MEMORY}.dram.bwTotal::total": 1_221_071_000,
}
PARTS = {"o3": {f"{CORE}.rob.reads": 10}, "minor": {f"{CORE}.fetch2.intInstructions": 10}}
"""What only a core of each kind counts."""


def statistics(core: str = "o3", **changes: object) -> str:
    """Return a file of one run; a value that is None is left out."""
    values = {**VALUES, **PARTS.get(core, {}), **changes}
    lines = [f"{name:<60} {value!s:>16}  # about it (Unit)" for name, value in values.items() if value is not None]
    return BEGIN + "\n".join(lines) + "\n" + END
