"""Compares the machine that gem5 built, as it says itself in ``config.json``, with the description it was made from.

The names of gem5's parameters stand here a second time, apart from the scripts that set them: what a script forgets, or
sets on the wrong object, is a difference. Names that only newer releases have are looked for where they may be.
"""

from collections.abc import Iterator

from tilewright.sim.config.host import HostConfig
from tilewright.sim.config.host_core import BranchPredictorConfig, FunctionalUnitsConfig, MinorConfig, O3Config
from tilewright.sim.config.host_memory import CacheConfig, CrossbarConfig, DramConfig

CACHES = "board.cache_hierarchy."
MEMORY = "board.memory.mem_ctrl"

Expected = Iterator[tuple[str, str, object]]
"""Path of an object, name of a parameter, and the expected value."""


def differences(config: dict, host: HostConfig) -> list[str]:
    """Return a line for each difference between a machine and its description; the list is empty if there is none.

    Parameters
    ----------
    config : dict
        Content of ``config.json``, as gem5 wrote it.
    host : HostConfig
        Description that the machine must match.
    """
    objects = {found["path"]: found for found in _objects(config)}
    found = []
    for path, parameter, value in _machine(host, objects):
        if path not in objects:
            found.append(f"{path}: missing")
        elif (is_value := _value(objects, path, parameter)) != value:
            found.append(f"{path}.{parameter} is {is_value!r}, expected {value!r}")
    return list(dict.fromkeys(found))


def _objects(config: object) -> Iterator[dict]:
    if isinstance(config, dict):
        if "path" in config:
            yield config
        children: list = list(config.values())
    else:
        children = config if isinstance(config, list) else []
    for child in children:
        yield from _objects(child)


def _value(objects: dict[str, dict], path: str, parameter: str) -> object:
    """Return a parameter; ``clock`` is the period in ps of an object's domain, ``peer`` where a port leads."""
    if parameter == "clock":
        domain = objects[path].get("clk_domain")
        return _only((objects.get(domain, {}) if isinstance(domain, str) else domain or {}).get("clock"))
    if parameter.endswith(".peer"):
        peer = objects[path].get(parameter.removesuffix(".peer"), {}).get("peer")
        return peer.split("[")[0] if isinstance(peer, str) else peer
    if parameter.startswith("type of "):
        part = objects[path].get(parameter.removeprefix("type of "))
        return part.get("type") if isinstance(part, dict) else part
    if parameter.startswith("unit "):
        return _unit(objects, path, parameter.removeprefix("unit "))
    return objects[path].get(parameter)


def _only(values: object) -> object:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _unit(objects: dict[str, dict], path: str, operation: str) -> tuple:
    """Return the number and the latency of the units of ``path`` that execute an operation."""
    number, latency = 0, None
    for unit in objects[path].get("FUList", []):
        for work in unit["opList"]:
            if work["opClass"] == operation:
                number, latency = number + unit["count"], work["opLat"]
    for unit in objects[path].get("funcUnits", []):
        if any(work["opClass"] == operation for work in unit["opClasses"]["opClasses"]):
            number, latency = number + 1, unit["opLat"]
    return number, latency


def _period(ghz: float) -> int:
    return round(1000 / ghz)


def _machine(host: HostConfig, objects: dict[str, dict]) -> Expected:
    clocks = host.clocks
    yield "board", "cache_line_size", 64
    yield "board", "clock", _period(clocks.board_ghz)
    yield "board", "mem_mode", "timing"
    for index in range(host.cores):
        # gem5 leaves the number out where there is one.
        number = str(index) if host.cores > 1 else ""
        core, l2 = f"board.processor.cores{number}.core", f"{CACHES}l2caches{number}"
        yield core, "clock", _period(clocks.core_ghz)
        yield core, "cpu_id", index
        yield f"{core}.isa", "enable_rvv", False
        if host.core == "o3":
            yield from _o3(core, host.o3, objects)
        else:
            yield from _minor(core, host.minor, objects)
        for port, name, config in (("icache_port", "l1icaches", host.l1i), ("dcache_port", "l1dcaches", host.l1d)):
            cache = f"{CACHES}{name}{number}"
            yield core, f"{port}.peer", f"{cache}.cpu_side"
            yield cache, "mem_side.peer", f"{CACHES}l2buses{number}.cpu_side_ports"
            yield from _cache(cache, config, clocks.l1_ghz)
        held = host.l1i.size_kib + host.l1d.size_kib
        yield from _crossbar(f"{CACHES}l2buses{number}", host.crossbar, clocks.l2_ghz, held)
        yield l2, "cpu_side.peer", f"{CACHES}l2buses{number}.mem_side_ports"
        yield l2, "mem_side.peer", f"{CACHES}l3bus.cpu_side_ports"
        yield from _cache(l2, host.l2, clocks.l2_ghz)
    yield from _crossbar(f"{CACHES}l3bus", host.crossbar, clocks.l3_ghz, host.cores * host.l2.size_kib)
    yield f"{CACHES}l3cache", "cpu_side.peer", f"{CACHES}l3bus.mem_side_ports"
    yield f"{CACHES}l3cache", "mem_side.peer", f"{CACHES}membus.cpu_side_ports"
    yield from _cache(f"{CACHES}l3cache", host.l3, clocks.l3_ghz)
    yield from _crossbar(f"{CACHES}membus", host.bus, clocks.board_ghz, host.l3.size_kib)
    yield MEMORY, "port.peer", f"{CACHES}membus.mem_side_ports"
    yield from _memory(host.memory)


def _o3(core: str, config: O3Config, objects: dict[str, dict]) -> Expected:
    yield core, "type", "BaseO3CPU"
    for stage in ("fetch", "decode", "rename", "dispatch", "issue", "wb", "commit", "squash"):
        yield core, f"{stage}Width", config.width
    yield core, "fetchBufferSize", config.fetch_buffer_bytes
    yield core, "fetchQueueSize", config.fetch_queue_entries
    yield core, "numROBEntries", config.reorder_entries
    yield core, "LQEntries", config.load_entries
    yield core, "SQEntries", config.store_entries
    yield core, "numPhysIntRegs", config.int_registers
    yield core, "numPhysFloatRegs", config.float_registers
    yield core, "numPhysVecRegs", config.vector_registers
    yield core, "cacheLoadPorts", config.load_ports
    yield core, "cacheStorePorts", config.store_ports
    yield core, "trapLatency", config.trap_cycles
    queue = f"{core}.instQueues"
    if queue in objects:
        yield queue, "numEntries", config.issue_entries
        yield from _o3_units(f"{queue}.fuPool", config)
    else:
        yield core, "numIQEntries", config.issue_entries
        yield from _o3_units(f"{core}.fuPool", config)
    yield from _predictor(f"{core}.branchPred", config.predictor, objects)


def _minor(core: str, config: MinorConfig, objects: dict[str, dict]) -> Expected:
    yield core, "type", "BaseMinorCPU"
    yield core, "decodeInputWidth", config.decode_width
    yield core, "executeInputWidth", config.execute_width
    yield core, "executeIssueLimit", config.issue_limit
    yield core, "executeCommitLimit", config.commit_limit
    yield core, "executeMemoryIssueLimit", config.memory_issue_limit
    yield core, "executeMemoryCommitLimit", config.memory_commit_limit
    yield core, "executeMaxAccessesInMemory", config.accesses_in_memory
    yield core, "executeLSQRequestsQueueSize", config.request_entries
    yield core, "executeLSQTransfersQueueSize", config.transfer_entries
    yield core, "executeLSQStoreBufferSize", config.store_buffer_entries
    yield core, "executeBranchDelay", config.branch_delay_cycles
    yield core, "fetch1ToFetch2BackwardDelay", config.fetch_backward_cycles
    yield core, "fetch2InputBufferSize", config.fetch2_input_entries
    yield core, "decodeInputBufferSize", config.decode_input_entries
    yield core, "executeInputBufferSize", config.execute_input_entries
    yield core, "enableIdling", False
    yield from _units(f"{core}.executeFuncUnits", config.units)
    yield from _predictor(f"{core}.branchPred", config.predictor, objects)


def _o3_units(path: str, config: O3Config) -> Expected:
    if config.pool == "units":
        yield from _units(path, config.units)
    else:
        yield path, "unit IntAlu", (6, 1)
        yield path, "unit IntDiv", (2, 20)


def _units(path: str, config: FunctionalUnitsConfig) -> Expected:
    yield path, "unit IntAlu", (config.int_units, config.int_cycles)
    yield path, "unit IntMult", (1, config.multiply_cycles)
    yield path, "unit IntDiv", (1, config.divide_cycles)
    for kind in ("", "Float"):
        yield path, f"unit {kind}MemRead", (1, config.read_cycles)
        yield path, f"unit {kind}MemWrite", (1, config.write_cycles)


def _predictor(path: str, config: BranchPredictorConfig, objects: dict[str, dict]) -> Expected:
    directions = f"{path}.conditionalBranchPred"
    if directions not in objects:
        directions = path
    yield directions, "type", "TournamentBP"
    yield directions, "localHistoryTableSize", config.local_histories
    yield directions, "localPredictorSize", config.local_counters
    yield directions, "globalPredictorSize", config.global_counters
    yield directions, "choicePredictorSize", config.choice_counters
    for table in ("local", "global", "choice"):
        yield directions, f"{table}CtrBits", config.counter_bits
    yield f"{path}.btb", "numEntries", config.btb_entries
    yield f"{path}.ras", "numEntries", config.return_stack_entries
    yield f"{path}.indirectBranchPred", "indirectSets", config.indirect_sets


def _cache(path: str, config: CacheConfig, ghz: float) -> Expected:
    yield path, "clock", _period(ghz)
    yield path, "size", config.size_kib * 1024
    yield path, "assoc", config.ways
    yield path, "tag_latency", config.tag_cycles
    yield path, "data_latency", config.data_cycles
    yield path, "response_latency", config.response_cycles
    yield path, "mshrs", config.mshrs
    yield path, "tgts_per_mshr", config.targets
    yield path, "type of prefetcher", {"none": None, "stride": "StridePrefetcher"}[config.prefetcher]


def _crossbar(path: str, config: CrossbarConfig, ghz: float, held_kib: int) -> Expected:
    # It must know at least all that the caches in front of it hold.
    yield f"{path}.snoop_filter", "max_capacity", 2 * 1024 * held_kib
    yield path, "clock", _period(ghz)
    yield path, "width", config.width_bytes
    yield path, "frontend_latency", config.frontend_cycles
    yield path, "forward_latency", config.forward_cycles
    yield path, "response_latency", config.response_cycles
    yield path, "header_latency", config.header_cycles


def _memory(config: DramConfig) -> Expected:
    yield MEMORY, "static_frontend_latency", round(1000 * config.frontend_ns)
    yield MEMORY, "static_backend_latency", round(1000 * config.backend_ns)
    dram = f"{MEMORY}.dram"
    times = {"tCK": config.clock_ns, "tCL": config.read_ns, "tRCD": config.activate_ns, "tRP": config.precharge_ns}
    for name, nanoseconds in {**times, "tRAS": config.row_ns, "tBURST": config.burst_ns}.items():
        yield dram, name, round(1000 * nanoseconds)
    yield dram, "ranks_per_channel", config.ranks
    yield dram, "banks_per_rank", config.banks
    yield dram, "read_buffer_size", config.read_buffer_entries
    yield dram, "write_buffer_size", config.write_buffer_entries
    width, devices = {"DDR3_1600_8x8": (8, 8), "LPDDR3_1600_1x32": (32, 1)}[config.kind]
    yield dram, "device_bus_width", width
    yield dram, "devices_per_rank", devices
