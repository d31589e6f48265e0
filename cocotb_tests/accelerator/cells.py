"""An accelerator whose parts are simulated as cells of a process: the energy of each part in a run.

Programs run in the bench as on any other accelerator, all of memory and the cycles compared with the exact model, and
the values at the ports of each part are recorded. The cells of each part then get the values at its inputs; the values
at its outputs are compared.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from pathlib import Path

import numpy as np

from tilewright.base.cache import remember
from tilewright.base.tools import Tool, find_synthesis_tools
from tilewright.bench.program_cases import Case
from tilewright.cocotb_tests.accelerator.harness import TOP, harness_verilog
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite
from tilewright.cocotb_tests.harness.port_trace import PortTrace, read_ports, with_traced_ports
from tilewright.cocotb_tests.harness.structure import instances_of, modules_of, parts_of
from tilewright.hw.synth.cell_simulation import CellRun, CellSimulator
from tilewright.hw.synth.clock_gates import gated as gated_cells
from tilewright.hw.synth.instances import bit_name
from tilewright.hw.synth.instances import instances as cells_of
from tilewright.hw.synth.library import Library
from tilewright.hw.synth.netlist_bits import bit_netlist
from tilewright.hw.synth.work_power import SCRIPT, CellNetlist, NetEnergies, cell_netlist, net_energies
from tilewright.sim.config.accelerator import AcceleratorConfig

PARTS: Mapping[str, str] = {
    "reader": "accelerator_core__reader",
    "load": "accelerator_core__load",
    "weight buffer": "accelerator_core__load__buffer",
    "store": "accelerator_core__store",
    "scratchpad": "accelerator_core__scratchpad",
    "array": "accelerator_core__array",
    "weight loader": "cim_array__weight_loader",
    "input buffer": "cim_array__activation_loader",
    "macro": "cim_macro",
    "accumulators": "cim_array__accumulator",
    "result buffer": "cim_array__sender",
    "vector": "vector_unit",
    "lane": "vector_lane",
    "reducer": "vector_unit__reducer",
    "scalars": "vector_unit__scalars",
    "scheduler": "accelerator_core__scheduler",
    "processor": "accelerator_core__processor",
}
"""Modules that are cells, each without those of other parts in it, by the names of the parts."""
MEMORIES = ("scratchpad_bank",)
"""Modules that stay as they are: what a process has memories for."""
ESCAPE = "\\"
"""Beginning of a name in Verilog that has other characters than letters and digits."""
START = f"{TOP}.dut.core.processor.start"
"""Signal that is high in the cycle in which a program begins."""


@dataclass(frozen=True)
class Work:
    """Energy of some parts in a run of a program."""

    event_pj: Mapping[str, float]
    """Energy above that of the idle clock, by part."""
    gated_pj: Mapping[str, float]
    """Energy of the edges that clock gates pass, a part of ``event_pj``, by part."""
    clock_pj: Mapping[str, float]
    """Energy of a cycle in which nothing but the clock moves and no gate passes it, by part."""
    cycles: int
    """Cycles from the begin of the program to the begin of the next one."""


def no_cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return the cases of a suite that makes no table."""
    return ()


@dataclass(frozen=True, kw_only=True)
class PortsSuite(AcceleratorSuite):
    """An accelerator whose parts show the values at their ports in each cycle."""

    make_cases: Callable[[AcceleratorConfig], tuple[Case, ...]] = no_cases
    optimisation: str = "-O0"

    @property
    def modules(self) -> dict[str, str]:
        """Module of each part."""
        return {part: f"{TOP}__{name}" for part, name in PARTS.items()}

    @property
    def boxes(self) -> set[str]:
        """Modules of all parts and of the memories in them."""
        return {*self.modules.values(), *(f"{TOP}__{name}" for name in MEMORIES)}

    def verilog(self) -> str:
        return harness_verilog(self.config, self.memory_bytes)

    def trace(self, cases: Sequence[Case]) -> tuple[PortTrace, np.ndarray]:
        """Run some cases, judged; return the values at all ports, and the number of the program of each cycle.

        Cycles before the first program have number 0.

        Raises
        ------
        BenchError
            If a program does not end as the exact model says.
        """
        with tempfile.TemporaryDirectory(prefix="tilewright-") as folder:
            waves = Path(folder) / "ports.vcd"
            self.simulate("right", cases, edit=lambda verilog: with_traced_ports(verilog, self.boxes), waves=waves)
            trace = read_ports(waves, START.replace(".start", ".clk"))
        return trace, np.cumsum(trace.bits(START)[:, 0])


@dataclass(frozen=True, kw_only=True)
class CellsSuite(PortsSuite):
    """An accelerator of which some parts are simulated as cells, too."""

    library: Library = field(repr=False)
    parts: tuple[str, ...] = tuple(PARTS)
    """Names of these parts."""

    @cached_property
    def netlists(self) -> dict[str, CellNetlist]:
        """Netlist of each part.

        Raises
        ------
        ConfigError
            If the library lacks a cell.
        ToolError
            If Yosys fails.
        """
        yosys, verilog = find_synthesis_tools().yosys, self.verilog()
        found = {}
        for part in self.parts:
            module = self.modules[part]
            inside = {each.name for _, each in instances_of(verilog, module)}
            begins = tuple(f"module {name}(" for name in inside)
            text = "".join(each for each in parts_of(verilog) if each.startswith(begins))
            kept = sorted((inside & self.boxes) - {module})
            found[part] = cell_netlist(text, module, yosys, self.library, kept=kept, remember=remember("synth"))
        return found

    def energies(self, sta: Tool) -> dict[str, NetEnergies]:
        """Return the energies of each part, as OpenSTA states them.

        Raises
        ------
        ToolError
            If OpenSTA fails.
        """
        found = {}
        for part, netlist in self.netlists.items():
            inputs = ["net energies", SCRIPT, netlist.cells, self.library.digest, sta.version]
            found[part] = NetEnergies(**remember("synth")(inputs, partial(self._net_energies, sta, netlist)))
        return found

    def _net_energies(self, sta: Tool, netlist: CellNetlist) -> dict:
        return vars(net_energies(sta, netlist, self.library))

    def work(self, sta: Tool, cases: Sequence[Case]) -> list[Work]:
        """Run some cases; return the energy of each part in each program, of all its instances together.

        Raises
        ------
        BenchError
            If a program does not end as the exact model says.
        AssertionError
            If an output of a part's cells is not that of the RTL, from the second program on.
        """
        trace, segment = self.trace(cases)
        programs = int(segment[-1])
        energies = self.energies(sta)
        events, gated = ([dict.fromkeys(self.parts, 0.0) for _ in range(programs)] for _ in range(2))
        clock = dict.fromkeys(self.parts, 0.0)
        gated_nets = {part: self._gated_nets(netlist) for part, netlist in self.netlists.items()}
        for part, path in self.instances():
            run = self._run(part, path, trace, segment)
            # Registers that no reset reaches begin with other values than in RTL.
            assert not run.wrong[2:].any(), f"{'.'.join(path)}: outputs of cells are not those of the RTL: {run.wrong}"
            for program in range(programs):
                toggles = run.toggles(program + 1)
                events[program][part] += energies[part].changes(toggles)
                gated[program][part] += sum(energies[part].change_pj[net] * toggles[net] for net in gated_nets[part])
            clock[part] += energies[part].clock_pj
        lengths = np.bincount(segment)[1:]
        return [
            Work(each, passed, clock, int(length)) for each, passed, length in zip(events, gated, lengths, strict=True)
        ]

    def _gated_nets(self, netlist: CellNetlist) -> list[str]:
        """Return the nets of gated clocks in a netlist."""
        gate = self.library.clock_gate
        return [bit_name(net) for net in gated_cells(cells_of(netlist.cells), gate)] if gate else []

    def instances(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each instance of the parts: the name of the part, and its path."""
        parts = {self.modules[part]: part for part in self.parts}
        for path, module in instances_of(self.verilog(), TOP):
            if module.name in parts:
                yield parts[module.name], path

    def _run(self, part: str, path: Sequence[str], trace: PortTrace, segment: np.ndarray) -> CellRun:
        """Simulate the cells of an instance with the values that its inputs have in RTL."""
        simulator, given, expected = self._simulators[part]
        inputs, outputs = (
            np.concatenate(
                [trace.bits(".".join((*path, name))) for name in names] or [np.zeros((trace.cycles, 0), np.uint8)],
                axis=1,
            )
            for names in (given, expected)
        )
        return simulator.run(inputs, outputs, segment)

    @cached_property
    def _simulators(self) -> dict[str, tuple[CellSimulator, list[str], list[str]]]:
        """Simulator of each part, with the signals that it gets and those that are compared, by their paths in it."""
        modules, found = modules_of(self.verilog()), {}
        for part, netlist in self.netlists.items():
            bits = bit_netlist(netlist.netlist)
            given, expected = dict(bits.inputs), dict(bits.outputs)
            for each, pins in zip(bits.instances, bits.pins, strict=True):
                if each.cell in netlist.kept:
                    for name, nets in pins.items():
                        there = given if modules[each.cell].ports[name].direction == "output" else expected
                        there[f"{each.name.removeprefix(ESCAPE)}.{name}"] = nets
            nets_of = ([*chain(*nets.values())] for nets in (given, expected))
            found[part] = CellSimulator(bits, self.library, *nets_of), [*given], [*expected]
        return found
