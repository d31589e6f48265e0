"""Energy of the CIM macro: cells of a process that write weights and multiply vectors in a simulation."""

from dataclasses import dataclass

from tilewright.base.cache import remember
from tilewright.base.tools import Tool, find_synthesis_tools
from tilewright.cocotb_tests.cim.macro_suite import MacroBench
from tilewright.cocotb_tests.harness.activity import counts, recorded
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.work_power import NetEnergies, cell_netlist, net_energies
from tilewright.sim.config import MacroConfig

VECTORS = 64
"""Number of vectors of a measurement."""


@dataclass(frozen=True)
class CellsBench(MacroBench):
    """A macro of cells of a process, alone."""

    text: str = ""
    activity = True

    def verilog(self) -> str:
        return self.text


@dataclass(frozen=True)
class MacroEnergy:
    """Energies of a macro in pJ, without leakage; its weights are flip-flops."""

    config: MacroConfig
    mac_pj: float
    """Energy of a multiply-accumulate of a weight with all bits of an input, while vectors follow one another."""
    write_pj: float
    """Energy of writing a bit of a weight, the clock of all other bits in this cycle included."""
    clock_pj: float
    """Energy of a cycle in which nothing but the clock moves; clock gates pass nothing."""


def measure(
    config: MacroConfig, library: Library, sta: Tool, *, clock_gates: bool = True, seed: int = 1
) -> MacroEnergy:
    """Return the energies of a macro as cells of a library, with clock gates if it has a cell for them.

    Differences of simulations with and without vectors leave out what comes before and after them.

    Raises
    ------
    ConfigError
        If the library lacks a cell.
    ToolError
        If a tool fails.
    """
    yosys = find_synthesis_tools().yosys
    text = MacroBench(config).verilog()
    netlist = cell_netlist(
        text, MacroBench.top, yosys, library, clock_gates=clock_gates, remember=remember("synth")
    )  # fmt: skip
    energies = net_energies(sta, netlist, library)
    bench = CellsBench(config, netlist.netlist + netlist.models)
    none, some = (_total_pj(bench, energies, vectors, seed) for vectors in (0, VECTORS))
    macs = VECTORS * config.rows * config.columns
    return MacroEnergy(
        config,
        mac_pj=(some - none) / macs,
        write_pj=none / (config.rows * config.columns * config.cell_bits),
        clock_pj=energies.clock_pj,
    )


def _total_pj(bench: CellsBench, energies: NetEnergies, vectors: int, seed: int) -> float:
    """Return the energy of a run with some vectors."""
    saif = recorded(lambda file: bench.simulate("work", seed=seed, toggles=file, vectors=vectors))
    return energies.of(counts(saif)[bench.top])
