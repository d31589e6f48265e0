"""Run by gem5: one channel of main memory."""

from gem5.components.memory.dram_interfaces.ddr3 import DDR3_1600_8x8
from gem5.components.memory.dram_interfaces.lpddr3 import LPDDR3_1600_1x32
from gem5.components.memory.memory import ChanneledMemory

INTERFACES = {"DDR3_1600_8x8": DDR3_1600_8x8, "LPDDR3_1600_1x32": LPDDR3_1600_1x32}
"""Memory interfaces of gem5 by the names that descriptions use."""


def make_memory(config: dict) -> ChanneledMemory:
    """Return one channel with these timings; timings that are not described are the interface's own."""
    memory = ChanneledMemory(INTERFACES[config["kind"]], num_channels=1, interleaving_size=64)
    [controller] = memory.get_memory_controllers()
    controller.static_frontend_latency = f"{config['frontend_ns']}ns"
    controller.static_backend_latency = f"{config['backend_ns']}ns"
    dram = controller.dram
    dram.tCK = f"{config['clock_ns']}ns"
    dram.tCL = f"{config['read_ns']}ns"
    dram.tRCD = f"{config['activate_ns']}ns"
    dram.tRP = f"{config['precharge_ns']}ns"
    dram.tRAS = f"{config['row_ns']}ns"
    dram.tBURST = f"{config['burst_ns']}ns"
    dram.ranks_per_channel = config["ranks"]
    dram.banks_per_rank = config["banks"]
    dram.read_buffer_size = config["read_buffer_entries"]
    dram.write_buffer_size = config["write_buffer_entries"]
    return memory
