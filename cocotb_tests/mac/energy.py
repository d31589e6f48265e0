"""Energy of a multiply-accumulate of the SIMD MAC, mode by mode: cells of a process run words in a simulation."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.base.cache import remember
from tilewright.base.tools import Tool, find_synthesis_tools
from tilewright.cocotb_tests.arith.harness import TOP
from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.harness.activity import counts, with_netlists
from tilewright.cocotb_tests.mac.dots import dots_vectors
from tilewright.cocotb_tests.mac.suite import MOST_STAGES, MacSuite, build_bench
from tilewright.cocotb_tests.mac.toggles import KINDS, UNITS, saif_of, words
from tilewright.hw.names import module_name
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.work_power import CellNetlist, NetEnergies, cell_netlist, cycles_of, net_energies
from tilewright.sim.formats import ALL_MODES, Mode


@dataclass(frozen=True)
class MacEnergy:
    """Energy of one MAC, with or without idle parts that stand still, for words of one mode and kind."""

    mode: Mode
    kind: str
    gated: bool
    cycle_pj: float
    """Energy of a cycle, in each of which a word is accepted; without leakage."""
    clock_pj: float
    """Part of it that the clock alone takes."""

    @property
    def pj(self) -> float:
        """Energy of a multiply-accumulate."""
        return self.cycle_pj / self.mode.lanes


@dataclass(frozen=True)
class EnergyBench:
    """Cells of a MAC whose idle parts stand still and of one without, in their harness, and their energies."""

    bench: UnitsBench
    energies: tuple[NetEnergies, ...]


def build(
    library: Library,
    sta: Tool,
    modes: Sequence[Mode] = ALL_MODES,
    stages: int = MOST_STAGES,
    *,
    clock_gates: bool = True,
) -> EnergyBench:
    """Return the MACs as cells of a library, with the energies that OpenSTA, ``sta``, states.

    Clocks are gated if the library has a cell for that and ``clock_gates`` is set.

    Raises
    ------
    ConfigError
        If the library lacks a cell.
    ToolError
        If a tool fails.
    """
    yosys = find_synthesis_tools().yosys
    designs = [MacSuite(tuple(modes), stages, gated=gated) for gated in (True, False)]
    netlists: dict[str, CellNetlist] = {}

    def edit(verilog: str) -> str:
        def mapped(text: str, module: str) -> str:
            netlists[module] = cell_netlist(
                text, module, yosys, library, clock_gates=clock_gates, remember=remember("synth")
            )  # fmt: skip
            return netlists[module].netlist

        modules = [module_name(TOP, unit) for unit in UNITS]
        return with_netlists(verilog, modules, mapped) + _models(netlists.values())

    bench = build_bench(designs, alike=True, activity=True, edit=edit)
    return EnergyBench(bench, tuple(net_energies(sta, each, library) for each in netlists.values()))


def _models(netlists: Iterable[CellNetlist]) -> str:
    """Return the models of all cells of some netlists, each once."""
    models: dict[str, str] = {}
    for each in netlists:
        for text in re.split(r"(?m)^(?=module )", each.models)[1:]:
            models[text.split("(")[0]] = text
    return "\n".join(models.values())


def measure(
    energy: EnergyBench,
    modes: Sequence[Mode] = ALL_MODES,
    kinds: Sequence[str] = KINDS,
    *,
    dots: int = 16,
    seed: int = 1,
) -> Iterator[MacEnergy]:
    """Run words of each mode and kind through both MACs; yield the energy of each run, results judged."""
    rng = np.random.default_rng(seed)
    for mode in modes:
        for kind in kinds:
            operands = dots_vectors(words(mode, kind, dots, rng))
            every = counts(saif_of(energy.bench, operands))
            for unit, energies, gated in zip(UNITS, energy.energies, (True, False), strict=True):
                cycle_pj = energies.of(every[unit]) / cycles_of(every[unit])
                yield MacEnergy(mode, kind, gated, cycle_pj, energies.clock_pj)
