"""Run by gem5: three levels of classic caches, each in a clock domain of its own."""

from gem5.components.boards.abstract_board import AbstractBoard
from gem5.components.cachehierarchies.classic.abstract_classic_cache_hierarchy import AbstractClassicCacheHierarchy
from m5.objects import (
    NULL,
    BadAddr,
    Cache,
    CoherentXBar,
    L2XBar,
    Port,
    SnoopFilter,
    SrcClockDomain,
    StridePrefetcher,
    SystemXBar,
    VoltageDomain,
)

PREFETCHERS = {"none": lambda: NULL, "stride": StridePrefetcher}
"""Prefetchers by the names that descriptions use; they have gem5's own parameters."""


def domain(gigahertz: float) -> SrcClockDomain:
    """Return a clock domain of this frequency."""
    return SrcClockDomain(clock=f"{gigahertz}GHz", voltage_domain=VoltageDomain())


def make_cache(config: dict, clock: SrcClockDomain) -> Cache:
    """Return a cache; its latencies are cycles of ``clock``."""
    return Cache(
        clk_domain=clock,
        size=f"{config['size_kib']}KiB",
        assoc=config["ways"],
        tag_latency=config["tag_cycles"],
        data_latency=config["data_cycles"],
        response_latency=config["response_cycles"],
        mshrs=config["mshrs"],
        tgts_per_mshr=config["targets"],
        prefetcher=PREFETCHERS[config["prefetcher"]](),
    )


def make_crossbar(kind: type[CoherentXBar], config: dict, held_kib: int, **more: object) -> CoherentXBar:
    """Return a crossbar in front of which the caches hold ``held_kib`` KiB.

    Its snoop filter knows all that they hold, in the time that gem5 gives it. gem5 stops when it knows more than it
    may: 8 MiB, unless it is told.
    """
    crossbar = kind(
        width=config["width_bytes"],
        frontend_latency=config["frontend_cycles"],
        forward_latency=config["forward_cycles"],
        response_latency=config["response_cycles"],
        header_latency=config["header_cycles"],
        **more,
    )
    # Twice as much: lines on their way are known, too.
    latency = 0 if kind is L2XBar else 1
    crossbar.snoop_filter = SnoopFilter(lookup_latency=latency, max_capacity=f"{2 * held_kib}KiB")
    return crossbar


class HostCaches(AbstractClassicCacheHierarchy):
    """L1 and L2 of each core, an L3 that they share, and the bus to memory.

    The crossbar in front of a cache is in the clock domain of that cache; the bus is in the board's.

    Parameters
    ----------
    host : dict
        A ``HostConfig`` as JSON.
    """

    def __init__(self, host: dict) -> None:
        super().__init__()
        self._host = host
        self.membus = make_crossbar(SystemXBar, host["bus"], host["l3"]["size_kib"])
        self.membus.badaddr_responder = BadAddr()
        self.membus.default = self.membus.badaddr_responder.pio

    def get_mem_side_port(self) -> Port:
        return self.membus.mem_side_ports

    def get_cpu_side_port(self) -> Port:
        return self.membus.cpu_side_ports

    def incorporate_cache(self, board: AbstractBoard) -> None:
        host, clocks = self._host, self._host["clocks"]
        cores = board.get_processor().get_cores()
        self.l1_domain = domain(clocks["l1_ghz"])
        self.l2_domain = domain(clocks["l2_ghz"])
        self.l3_domain = domain(clocks["l3_ghz"])

        board.connect_system_port(self.membus.cpu_side_ports)
        for _, port in board.get_mem_ports():
            self.membus.mem_side_ports = port
        self.l3bus = make_crossbar(
            L2XBar, host["crossbar"], len(cores) * host["l2"]["size_kib"], clk_domain=self.l3_domain
        )
        self.l3cache = make_cache(host["l3"], self.l3_domain)
        self.l3cache.cpu_side = self.l3bus.mem_side_ports
        self.l3cache.mem_side = self.membus.cpu_side_ports

        self.l1icaches = [make_cache(host["l1i"], self.l1_domain) for _ in cores]
        self.l1dcaches = [make_cache(host["l1d"], self.l1_domain) for _ in cores]
        l1_kib = host["l1i"]["size_kib"] + host["l1d"]["size_kib"]
        self.l2buses = [make_crossbar(L2XBar, host["crossbar"], l1_kib, clk_domain=self.l2_domain) for _ in cores]
        self.l2caches = [make_cache(host["l2"], self.l2_domain) for _ in cores]
        for index, core in enumerate(cores):
            bus, l2 = self.l2buses[index], self.l2caches[index]
            core.connect_icache(self.l1icaches[index].cpu_side)
            core.connect_dcache(self.l1dcaches[index].cpu_side)
            self.l1icaches[index].mem_side = bus.cpu_side_ports
            self.l1dcaches[index].mem_side = bus.cpu_side_ports
            l2.cpu_side = bus.mem_side_ports
            l2.mem_side = self.l3bus.cpu_side_ports
            core.connect_walker_ports(self.membus.cpu_side_ports, self.membus.cpu_side_ports)
            core.connect_interrupt()
