"""Bus parts that are simulated, and how one cocotb test is run on them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tilewright.cocotb_tests.axi import cb_axi, cb_axi_memory, cb_axi_slaves
from tilewright.cocotb_tests.axi.harness import TOP, MastersHarness, MemoryHarness
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.cocotb_tests.harness.suite import Bench
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.npe.registers import Registers
from tilewright.hw.verilog import convert

MASTERS = [
    {"address_bits": 32, "data_bits": 64, "outstanding": 4, "max_burst": 16},
    {"address_bits": 40, "data_bits": 512, "outstanding": 1, "max_burst": 256},
]
"""Buses of the masters."""
MEMORIES = [
    {**MASTERS[0], "words": 6144, "line_words": 8, "requests": 4, "max_latency": 20},
    {**MASTERS[1], "words": 768, "line_words": 1, "requests": 16, "max_latency": 3},
]
"""Memories and the masters on them."""


@dataclass(frozen=True)
class BusBench(Bench):
    """Parts of the bus; their cocotb tests make the transfers themselves and have the option ``rounds``."""

    config: dict[str, Any]
    top: str
    coroutines: str
    make_verilog: Callable[[dict[str, Any]], str]
    rounds: int = 6

    def verilog(self) -> str:
        # Top and coroutines tell the parts; each of many planted faults asks for the text twice.
        return kept_verilog(
            lambda: self.make_verilog(self.config), self.top, self.coroutines, sorted(self.config.items())
        )

    def options(self) -> dict[str, Any]:
        return {"rounds": self.rounds}


def masters_bench(bus: dict[str, Any]) -> BusBench:
    """Return the masters of a bus."""
    return BusBench(bus, TOP, cb_axi.BENCH, lambda config: convert(MastersHarness(**config), TOP))


def memory_bench(config: dict[str, Any]) -> BusBench:
    """Return masters on a memory."""
    return BusBench(config, TOP, cb_axi_memory.BENCH, _masters_on_memory, rounds=20)


def memory_alone_bench(config: dict[str, Any]) -> BusBench:
    """Return a memory without masters."""
    return BusBench(
        config, "axi_memory", cb_axi_slaves.BENCH,
        lambda config: convert(_memory(config), "axi_memory") + AxiMemory.SOURCE.read_text(),
    )  # fmt: skip


def registers_bench() -> BusBench:
    """Return the registers of an NPE."""
    rows, columns, bus_bytes, modes = 32, 2, 64, 0x1FF
    # the contents of GEOMETRY and MODES that follow
    content = {"geometry": rows | columns << 8 | (bus_bytes.bit_length() - 1) << 16, "modes": modes}

    def verilog(_: dict[str, Any]) -> str:
        registers = Registers(rows=rows, columns=columns, bus_bytes=bus_bytes, modes_mask=modes)
        return convert(registers, "registers")

    return BusBench(content, "registers", cb_axi_slaves.BENCH, verilog, rounds=15)


def _memory(config: dict[str, Any]) -> AxiMemory:
    names = ("address_bits", "data_bits", "words", "line_words", "requests", "max_latency")
    return AxiMemory(**{name: config[name] for name in names})


def _masters_on_memory(config: dict[str, Any]) -> str:
    masters = {name: config[name] for name in ("address_bits", "data_bits", "outstanding", "max_burst")}
    return convert(MemoryHarness(**masters, memory=_memory(config)), TOP) + AxiMemory.SOURCE.read_text()
