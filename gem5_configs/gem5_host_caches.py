"""Run by gem5: three levels of classic caches, each in a clock domain of its own."""

from gem5.components.boards.abstract_board import AbstractBoard
from gem5.components.cachehierarchies.classic.abstract_classic_cache_hierarchy import AbstractClassicCacheHierarchy
from m5.objects import BadAddr, Cache, L2XBar, Port, SrcClockDomain, SystemXBar, VoltageDomain


def domain(gigahertz: float) -> SrcClockDomain:
    """Return a clock domain of this frequency."""
    return SrcClockDomain(clock=f"{gigahertz}GHz", voltage_domain=VoltageDomain())


def make_cache(config: dict, clock: SrcClockDomain, **more: object) -> Cache:
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
        **more,
    )


def crossbar_parameters(config: dict) -> dict:
    """Return the parameters of a crossbar as gem5 calls them."""
    return {
        "width": config["width_bytes"],
        "frontend_latency": config["frontend_cycles"],
        "forward_latency": config["forward_cycles"],
        "response_latency": config["response_cycles"],
        "header_latency": config["header_cycles"],
    }


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
        self.membus = SystemXBar(**crossbar_parameters(host["bus"]))
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
        crossbar = crossbar_parameters(host["crossbar"])
        self.l3bus = L2XBar(clk_domain=self.l3_domain, **crossbar)
        self.l3cache = make_cache(host["l3"], self.l3_domain)
        self.l3cache.cpu_side = self.l3bus.mem_side_ports
        self.l3cache.mem_side = self.membus.cpu_side_ports

        self.l1icaches = [make_cache(host["l1i"], self.l1_domain, is_read_only=True) for _ in cores]
        self.l1dcaches = [make_cache(host["l1d"], self.l1_domain) for _ in cores]
        self.l2buses = [L2XBar(clk_domain=self.l2_domain, **crossbar) for _ in cores]
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
