"""The ``config.json`` that gem5's library writes for the superconducting host, cut down to what the check looks at.

To renew ``data/machine_o3.json`` after a change of the scripts that gem5 runs, from the folder of a run::

    python -m tests.gem5_configs.machine_json FOLDER/config.json > tests/gem5_configs/data/machine_o3.json
"""

import copy
import json
import sys
from pathlib import Path

DATA = Path(__file__).with_name("data")
KEPT = {
    *("path", "type", "clk_domain", "clock", "peer", "opClass", "opClasses", "opLat", "opList"),
    *("count", "FUList", "funcUnits", "enable_rvv", "cpu_id", "mem_mode", "cache_line_size", "size", "assoc", "mshrs"),
    *("tag_latency", "data_latency", "response_latency", "tgts_per_mshr", "prefetcher", "width", "frontend_latency"),
    *("forward_latency", "header_latency", "static_frontend_latency", "static_backend_latency", "tCK", "tCL", "tRCD"),
    *("tRP", "tRAS", "tBURST", "ranks_per_channel", "banks_per_rank", "read_buffer_size", "write_buffer_size"),
    *("device_bus_width", "devices_per_rank", "numEntries", "indirectSets", "localHistoryTableSize"),
    *("localPredictorSize", "globalPredictorSize", "choicePredictorSize", "localCtrBits", "globalCtrBits"),
    *("choiceCtrBits", "fetchWidth", "decodeWidth", "renameWidth", "dispatchWidth", "issueWidth", "wbWidth"),
    *("commitWidth", "squashWidth", "fetchBufferSize", "fetchQueueSize", "numROBEntries", "LQEntries", "SQEntries"),
    *("numPhysIntRegs", "numPhysFloatRegs", "numPhysVecRegs", "cacheLoadPorts", "cacheStorePorts", "trapLatency"),
    *("numIQEntries", "decodeInputWidth", "executeInputWidth", "executeIssueLimit", "executeCommitLimit"),
    *("executeMemoryIssueLimit", "executeMemoryCommitLimit", "executeMaxAccessesInMemory"),
    *("executeLSQRequestsQueueSize", "executeLSQTransfersQueueSize", "executeLSQStoreBufferSize"),
    *("executeBranchDelay", "fetch1ToFetch2BackwardDelay", "fetch2InputBufferSize", "decodeInputBufferSize"),
    *("executeInputBufferSize", "enableIdling", "max_capacity"),
}  # fmt: skip
"""Parameters that the check looks at, and what leads to them."""
SKIPPED = {"power_state", "tags", "replacement_policy", "mmu", "voltage_domain", "workload", "tracer"}


def machine(core: str) -> dict:
    """Return the machine with a core, for a test to change."""
    return copy.deepcopy(json.loads((DATA / f"machine_{core}.json").read_text()))


def cut(config: object) -> object:
    """Return a machine without what the check does not look at."""
    if isinstance(config, list):
        return [cut(part) for part in config]
    if not isinstance(config, dict):
        return config
    kept = {}
    for name, value in config.items():
        holds_objects = isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict))
        if holds_objects and name not in SKIPPED:
            kept[name] = cut(value)
        elif name in KEPT and not holds_objects:
            kept[name] = value
    return {name: value for name, value in kept.items() if value != {}}


if __name__ == "__main__":
    json.dump(cut(json.loads(Path(sys.argv[1]).read_text())), sys.stdout, separators=(",", ":"))
    print()
