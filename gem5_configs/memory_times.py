"""Times of caches, crossbars and main memory at given clocks, as gem5's classic caches spend them."""

from dataclasses import dataclass

from tilewright.sim.config.host import HostConfig
from tilewright.sim.config.host_clocks import HostClocks


@dataclass(frozen=True)
class MemoryTimes:
    """Nanoseconds that one access adds at each level, with nothing else under way."""

    core: float
    """Time of a cycle of the core."""
    l1: float
    """Time of a cycle of the first-level caches."""
    l1_hit: float
    """Time of a hit in the first level, as the core sees it."""
    l2: float
    """Time of the second level and the crossbar in front of it, there and back, its line included; for misses, too."""
    l2_line: float
    """Time for which a line occupies the crossbar in front of the second level."""
    l3_hit: float
    """Time of a hit in the third level, its crossbar included."""
    l3_miss: float
    """Time of the third level for a line that comes from memory: its tags and its answer."""
    l3_line: float
    """Time for which a line occupies the crossbar in front of the third level."""
    dram: float
    """Time of bus and controller, without the ``queue`` of the memory itself."""
    dram_line: float
    """Time for which a line occupies the memory's pins."""


def memory_times(host: HostConfig, clocks: HostClocks) -> MemoryTimes:
    """Return the times of a host at clocks that may differ from its own."""
    core, l1, l2, l3, board = (
        1 / ghz for ghz in (clocks.core_ghz, clocks.l1_ghz, clocks.l2_ghz, clocks.l3_ghz, clocks.board_ghz)
    )
    crossing = host.crossbar.round_trip_cycles + host.crossbar.line_cycles
    occupied = host.crossbar.header_cycles + host.crossbar.line_cycles
    memory = host.memory
    return MemoryTimes(
        core=core,
        l1=l1,
        l1_hit=answered(host.l1d.hit_cycles * l1, l1, core),
        l2=(host.l2.hit_cycles + crossing) * l2,
        l2_line=occupied * l2,
        l3_hit=(host.l3.hit_cycles + crossing) * l3,
        l3_miss=(host.l3.tag_cycles + host.l3.response_cycles + crossing) * l3,
        l3_line=occupied * l3,
        dram=(host.bus.round_trip_cycles + host.bus.line_cycles) * board + memory.frontend_ns + memory.backend_ns,
        dram_line=memory.burst_ns * -(-64 // memory.burst_bytes),
    )


def answered(lookup: float, cache: float, busy: float) -> float:
    """Return the time from one access to the next of a core that is ``busy`` for some time after each answer.

    A cache looks up on the edges of its clock. Its answer comes at one, so that a core which asks again within a cycle
    of the cache waits for the next edge: the access takes one cycle of the cache more than the lookup.
    """
    return lookup + max(cache, busy)
