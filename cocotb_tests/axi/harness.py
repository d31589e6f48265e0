"""The masters of the bus with their ends in sight, alone or on an ``AxiMemory``, and watched."""

from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.cocotb_tests.harness.axi_contract import CHANNELS, RULES, AxiContract, AxiGates, payload
from tilewright.cocotb_tests.harness.streams import StreamContract
from tilewright.hw.bus.axi import connect, forward, master_members
from tilewright.hw.bus.bursts import request_layout
from tilewright.hw.bus.read_master import ReadMaster, read_word_layout
from tilewright.hw.bus.write_master import WriteMaster, write_word_layout
from tilewright.hw.memory.axi_memory import AxiMemory

TOP = "axi_harness"
"""Name of the top module of either."""


class MastersHarness(wiring.Component):
    """A :class:`ReadMaster` and a :class:`WriteMaster` on one bus, with what watches them.

    Parameters
    ----------
    address_bits, data_bits, outstanding, max_burst : int
        Of both masters.

    Members
    -------
    read_requests, read_words, write_requests, write_words, done, error, stop : In, Out
        Those of the masters.
    read_idle, write_idle : Out(1)
        Likewise.
    broken : Out
        What the masters have broken of ``RULES``, since reset. They run until both are idle.
    m_axi_... : Out, In
        The bus.
    """

    def __init__(self, *, address_bits: int, data_bits: int, outstanding: int, max_burst: int):
        self.bus: dict[str, Any] = {"address_bits": address_bits, "data_bits": data_bits}
        self.limits = {"outstanding": outstanding, "max_burst": max_burst}
        super().__init__({**self.user_members(address_bits, data_bits), **master_members(**self.bus)})

    @staticmethod
    def user_members(address_bits: int, data_bits: int) -> dict:
        """Return the members that are not the bus."""
        return {
            "read_requests": In(stream.Signature(request_layout(address_bits))),
            "read_words": Out(stream.Signature(read_word_layout(data_bits))),
            "write_requests": In(stream.Signature(request_layout(address_bits))),
            "write_words": In(stream.Signature(write_word_layout(data_bits))),
            "done": Out(1),
            "error": Out(2),
            "stop": In(1),
            "read_idle": Out(1),
            "write_idle": Out(1),
            "broken": Out(len(RULES)),
        }

    def elaborate(self, platform):
        m = Module()
        m.submodules.reads = reads = ReadMaster(**self.bus, **self.limits)
        m.submodules.writes = writes = WriteMaster(**self.bus, **self.limits)
        m.submodules.contract = contract = AxiContract(**self.bus, **self.limits)
        wiring.connect(m, wiring.flipped(self.read_requests), reads.requests)
        wiring.connect(m, reads.words, wiring.flipped(self.read_words))
        wiring.connect(m, wiring.flipped(self.write_requests), writes.requests)
        wiring.connect(m, wiring.flipped(self.write_words), writes.words)
        for name, member in master_members(**self.bus).items():
            master = reads if name.startswith(("m_axi_ar", "m_axi_r")) else writes
            forward(m, {name: member}, master, self)
            m.d.comb += getattr(contract, name).eq(getattr(self, name))
        m.d.comb += [
            reads.stop.eq(self.stop),
            writes.stop.eq(self.stop),
            self.done.eq(writes.done),
            self.error.eq(writes.error),
            self.read_idle.eq(reads.idle),
            self.write_idle.eq(writes.idle),
            contract.running.eq(~(reads.idle & writes.idle)),
            self.broken.eq(contract.broken),
        ]
        return m


class MemoryHarness(wiring.Component):
    """The masters on an :class:`AxiMemory`, through gates.

    Parameters
    ----------
    address_bits, data_bits, outstanding, max_burst : int
        Of the masters.
    memory : AxiMemory
        It must have the same bus.

    Members
    -------
    read_requests, ..., broken
        Those of :class:`MastersHarness`.
    block : In
        A bit for each of ``CHANNELS``: nothing new passes.
    changed : Out
        The memory has withdrawn or changed an answer, a bit for R and one for B, in this cycle.
    s_axi_... : Out
        Everything at the memory's port.
    latency, ... : In, Out
        All others are those of :class:`AxiMemory`, ``broken`` is ``memory_broken``.
    """

    def __init__(self, *, address_bits: int, data_bits: int, outstanding: int, max_burst: int, memory: AxiMemory):
        self._memory = memory
        self._bus: dict[str, Any] = {"address_bits": address_bits, "data_bits": data_bits}
        self._masters = MastersHarness(**self._bus, outstanding=outstanding, max_burst=max_burst)
        seen = {name: Out(member.shape) for name, member in master_members(**self._bus, prefix="s_axi_").items()}
        controls = {
            "memory_broken" if name == "broken" else name: member
            for name, member in memory.signature.members.items()
            if name not in seen
        }
        users = MastersHarness.user_members(address_bits, data_bits)
        gates = {"block": In(len(CHANNELS)), "changed": Out(2)}
        super().__init__({**users, **seen, **controls, **gates})

    def elaborate(self, platform):
        m = Module()
        m.submodules.masters, m.submodules.memory = masters, memory = self._masters, self._memory
        m.submodules.gates = gates = AxiGates(**self._bus)
        connect(m, master_members(**self._bus), masters, gates, prefix="m_axi_", slave_prefix="m_axi_")
        connect(m, master_members(**self._bus, prefix="s_axi_"), gates, memory, prefix="s_axi_", slave_prefix="s_axi_")
        m.d.comb += gates.block.eq(self.block)
        for name, member in MastersHarness.user_members(**self._bus).items():
            inner, outer = getattr(masters, name), getattr(self, name)
            if member.is_port:
                forward(m, {name: member}, masters, self)
            elif member.flow == In:
                wiring.connect(m, wiring.flipped(outer), inner)
            else:
                wiring.connect(m, inner, wiring.flipped(outer))
        for name, member in memory.signature.members.items():
            if name.startswith("s_axi_"):
                m.d.comb += getattr(self, name).eq(getattr(memory, name))
            elif name == "broken":
                m.d.comb += self.memory_broken.eq(memory.broken)
            else:
                forward(m, {name: member}, memory, self)
        broken = []
        for channel in ("r", "b"):
            value = payload(memory, "s_axi_", channel)
            m.submodules[f"{channel}_contract"] = contract = StreamContract(len(value))
            m.d.comb += [
                contract.payload.eq(value),
                contract.valid.eq(getattr(memory, f"s_axi_{channel}valid")),
                contract.ready.eq(getattr(memory, f"s_axi_{channel}ready")),
            ]
            broken.append(contract.broken)
        m.d.comb += self.changed.eq(Cat(broken))
        return m
