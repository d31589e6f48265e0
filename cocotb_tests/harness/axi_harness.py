"""The bench around a master on AXI4, as gateware: memory, stalls, an observer of the bus and a cycle counter.

Software, the bench, has the registers and the interrupt; between start and interrupt no Python is needed.
"""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.bench.program_cases import LINE_BYTES
from tilewright.cocotb_tests.harness.axi_contract import CHANNELS, RULES, SHARE_BITS, AxiContract, AxiGates, RandomBlock
from tilewright.cocotb_tests.harness.held_inputs import held, hold_reset
from tilewright.hw.bus.axi import connect, forward, lite_slave_members, master_members
from tilewright.hw.definition import Definition
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.memory.axi_memory_pair import SECOND, AxiMemoryPair

LINE_BITS = 8 * LINE_BYTES
"""Number of bits of memory that the bench writes at a time."""
MAX_LATENCY = 256
"""Largest memory latency at which memory delivers its full rate."""

TIMING = (
    "latency", "rate_words", "rate_cycles", "write_latency", "write_rate_words", "write_rate_cycles", "refresh_period",
    "refresh_cycles", "turn_period", "read_to_write", "write_cycles", "write_to_read",
)  # fmt: skip
ERRORS = ("error_enable", "error_address", "error_response")
BACKDOOR = ("write_enable", "write_address", "write_data", "read_address", "read_data")
MEMORY_PORTS = (*TIMING, "size", *ERRORS, *BACKDOOR)


@dataclass(frozen=True, kw_only=True)
class SecondPort:
    """Another AXI4 port of a master, to the same memory; addresses have the bits of the first one's."""

    prefix: str
    """Prefix of the port's names, such as ``npe_m_axi_``."""
    data_bits: int
    max_burst: int
    outstanding: int


class AxiBenchHarness(wiring.Component):
    """A master with AXI4-Lite registers and an interrupt, and a memory that begins at address 0.

    Parameters
    ----------
    dut : Definition
        The master: ``s_axi_...``, ``m_axi_...`` and ``irq``. A 1 in bit 0 of its register ``control`` starts it, which
        it answers with OKAY if it does start; ``irq`` ends that.
    control : int
        Address of that register.
    address_bits, data_bits, max_burst, outstanding : int
        The master's port and what it keeps to, see :class:`AxiContract`.
    memory_bytes : int
        Size of memory: a multiple of a line.
    second : SecondPort
        A second port, if the master has one: memory reads for both out of one bandwidth, and writes for each at a rate
        of its own, see :class:`AxiMemoryPair`.

    Members
    -------
    clk, rst : In(1)
        A reset, as all inputs but those of the registers and ``memory_read_address``, takes effect a cycle later.
    s_axi_... : In, Out
        The registers.
    irq : Out(1)
    memory_... : In, Out
        Timing, errors and the bench's own access to memory, see :class:`AxiMemory`. Cycle 0 of its rates is the first
        in which a read address is offered after a start.
    restart : In(1)
        Clears what the observer has seen, and begins the stalls' random numbers anew.
    seed, shares : In
        See :class:`RandomBlock`.
    cycles : Out(32)
        From the cycle behind that of the last start accepted to the interrupt, the former included.
    running : Out(1)
        From the cycle behind a start accepted to the interrupt.
    memory_broken : Out(1)
        See :class:`AxiMemory`, ``broken``; kept until ``restart``.
    broken, idle, read_beats, write_beats, write_end : Out
        See :class:`AxiContract`; ``broken``, ``idle`` and ``write_end`` of both ports, beats of the first.
    """

    def __init__(
        self,
        *,
        dut: Definition,
        control: int,
        address_bits: int,
        data_bits: int,
        max_burst: int,
        outstanding: int,
        memory_bytes: int,
        second: SecondPort | None = None,
    ):
        bus: dict[str, Any] = {"address_bits": address_bits, "data_bits": data_bits}
        self._members = master_members(**bus)
        self._control = control
        self.definitions = [dut]
        self._gates = AxiGates(**bus)
        self._contract = AxiContract(**bus, max_burst=max_burst, outstanding=outstanding)
        self._second = second
        self._memory: AxiMemory | AxiMemoryPair
        if second is None:
            self._memory = AxiMemory(
                **bus,
                words=memory_bytes // (data_bits // 8),
                line_words=LINE_BITS // data_bits,
                requests=outstanding,
                max_latency=MAX_LATENCY,
            )
        else:
            self._memory = AxiMemoryPair(
                **bus,
                second_bits=second.data_bits,
                size=memory_bytes,
                line_bytes=LINE_BITS // 8,
                requests=outstanding,
                second_requests=second.outstanding,
                max_latency=MAX_LATENCY,
            )
        memory = self._memory.signature.members
        super().__init__(
            {
                "clk": In(1),
                "rst": In(1),
                **lite_slave_members(),
                "irq": Out(1),
                **{f"memory_{name}": memory[name] for name in MEMORY_PORTS},
                "memory_broken": Out(1),
                "restart": In(1),
                "seed": In(32),
                "shares": In(SHARE_BITS * len(CHANNELS)),
                "cycles": Out(32),
                "running": Out(1),
                "broken": Out(len(RULES)),
                "idle": Out(1),
                "read_beats": Out(32),
                "write_beats": Out(32),
                "write_end": Out(address_bits + 1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        hold_reset(m, self.clk, self.rst)
        [definition] = self.definitions
        dut = definition.instantiate(m, "dut")
        gates, contract, memory = self._gates, self._contract, self._memory
        m.submodules.gates, m.submodules.contract, m.submodules.memory = gates, contract, memory
        m.submodules.block = block = RandomBlock()
        forward(m, lite_slave_members(), dut, self)
        connect(m, self._members, dut, gates, prefix="m_axi_", slave_prefix="m_axi_")
        connect(m, self._members, _Renamed(gates), memory, prefix="m_axi_", slave_prefix="s_axi_")
        for name in self._members:
            m.d.comb += getattr(contract, name).eq(getattr(dut, name))
        for name in MEMORY_PORTS:
            inner, outer = getattr(memory, name), getattr(self, f"memory_{name}")
            if name == "read_data":
                m.d.comb += outer.eq(inner)
            else:
                m.d.comb += inner.eq(outer if name == "read_address" else held(m, outer))
        restart = held(m, self.restart)

        running = self._running(m)
        begun = Signal()
        with m.If(~self.running | restart):
            m.d.sync += begun.eq(0)
        with m.Elif(dut.m_axi_arvalid):
            m.d.sync += begun.eq(1)
        m.d.comb += [
            self.irq.eq(dut.irq),
            self.running.eq(running),
            memory.restart.eq(~(begun | (running & dut.m_axi_arvalid))),
            block.seed.eq(held(m, self.seed)),
            block.shares.eq(held(m, self.shares)),
            block.restart.eq(restart),
            gates.block.eq(block.block),
            contract.running.eq(running),
            contract.restart.eq(restart),
        ]
        seen = {name: getattr(contract, name) for name in ("broken", "idle", "read_beats", "write_beats", "write_end")}
        if self._second is not None:
            other = self._watched(m, self._second, dut, block, running, restart)
            seen["broken"] |= other.broken
            seen["idle"] &= other.idle
            seen["write_end"] = Mux(other.write_end > contract.write_end, other.write_end, contract.write_end)
        for name, value in seen.items():
            m.d.comb += getattr(self, name).eq(value)
        with m.If(restart):
            m.d.sync += self.memory_broken.eq(0)
        with m.Elif(memory.broken):
            m.d.sync += self.memory_broken.eq(1)
        return m

    def _watched(
        self, m: Module, port: SecondPort, dut, block: RandomBlock, running: Signal, restart: Signal
    ) -> AxiContract:
        """Connect the second port to memory, through gates; return what watches it."""
        bus: dict[str, Any] = {"address_bits": len(self.memory_error_address), "data_bits": port.data_bits}
        m.submodules.second_gates = gates = AxiGates(**bus)
        m.submodules.second_contract = contract = AxiContract(
            **bus, max_burst=port.max_burst, outstanding=port.outstanding
        )
        members = master_members(**bus)
        theirs, memory = _Renamed(dut, "m_axi_", port.prefix), _Renamed(self._memory, "s_axi_", f"{SECOND}s_axi_")
        connect(m, members, theirs, gates, prefix="m_axi_", slave_prefix="m_axi_")
        connect(m, members, _Renamed(gates), memory, prefix="m_axi_", slave_prefix="s_axi_")
        m.d.comb += [getattr(contract, name).eq(getattr(theirs, name)) for name in members]
        m.d.comb += [
            gates.block.eq(block.block),
            contract.running.eq(running),
            contract.restart.eq(restart),
        ]
        return contract

    def _running(self, m: Module) -> Signal:
        """Return whether a start is accepted and has not ended; count its cycles."""
        address, word = Signal(12), Signal(32)
        answered, started, busy, running = Signal(), Signal(), Signal(), Signal()
        with m.If(self.s_axi_awvalid & self.s_axi_awready):
            m.d.sync += address.eq(self.s_axi_awaddr)
        with m.If(self.s_axi_wvalid & self.s_axi_wready):
            m.d.sync += word.eq(self.s_axi_wdata)
        m.d.sync += answered.eq(self.s_axi_bvalid)
        m.d.comb += [
            started.eq(
                self.s_axi_bvalid & ~answered & (self.s_axi_bresp == 0) & (address == self._control) & word[0]
            ),
            running.eq((started | busy) & ~self.irq),
        ]  # fmt: skip
        m.d.sync += busy.eq(running)
        with m.If(started):
            m.d.sync += self.cycles.eq(running)
        with m.Elif(running):
            m.d.sync += self.cycles.eq(self.cycles + 1)
        return running


class _Renamed:
    """Ports by other names: as they are, the memory's side of the gates by the names of a master."""

    def __init__(self, ports: Any, prefix: str = "m_axi_", there: str = "s_axi_"):
        self._ports, self._prefix, self._there = ports, prefix, there

    def __getattr__(self, name: str):
        return getattr(self._ports, name.replace(self._prefix, self._there, 1))
