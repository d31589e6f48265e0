# amaranth: UnusedElaboratable=no
"""No output of a block with AXI ports depends on an input in the same cycle.

The netlist is the one that Amaranth writes as Verilog; only Amaranth's internal modules give access to it.
"""

from amaranth.hdl import Fragment, Module, Value
from amaranth.hdl._ir import build_netlist
from amaranth.hdl._nir import FlipFlop, Instance, Net, SyncReadPort
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.accelerator import Accelerator
from tilewright.hw.definition import definitions
from tilewright.hw.npe.npe import Npe
from tilewright.sim.config import load_system
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode

NANO = load_system("nano").accelerator
NPE = NpeConfig(rows=2, columns=2, bus_bits=64, depth=16, panels=2, modes=(Mode.INT8,))


def inputs_of_outputs(component: wiring.Component) -> dict[str, set[str]]:
    """Return the inputs that each output depends on in the same cycle; ports of instances count as inputs."""
    ports = [
        ("__".join(map(str, path)), Value.cast(value), None)
        for path, _, value in component.signature.flatten(component)
    ]
    netlist = build_netlist(Fragment.get(component, platform=None), ports=ports)
    names = {
        Net.from_cell(0, bit): name
        for name, (start, width) in netlist.top.ports_i.items()
        for bit in range(start, start + width)
    }
    found: dict[str, set[str]] = {}
    for name, value in netlist.top.ports_o.items():
        seen, waiting = set(), list(value)
        found[name] = set()
        while waiting:
            net = waiting.pop()
            if net in seen or net.is_const:
                continue
            seen.add(net)
            cell = netlist.cells[net.cell]
            if net in names:
                found[name].add(names[net])
            elif isinstance(cell, Instance):
                found[name].add(cell.type)
            elif not isinstance(cell, FlipFlop | SyncReadPort):
                waiting += [before for before, _ in cell.comb_edges_to(net.bit)]
    return found


def of_modules(component: wiring.Component, *wanted: str) -> list[dict[str, set[str]]]:
    """Return the inputs of the outputs of a component, then of modules that it instantiates, by their names."""
    parts = {part.module: part.component for part in definitions(component)}
    for name in parts.keys() - set(wanted):
        Fragment.get(parts[name], platform=None)  # Amaranth warns of components that nothing elaborates.
    return [inputs_of_outputs(component), *(inputs_of_outputs(parts[name]) for name in wanted)]


def test_bus_and_interrupt_of_the_npe_come_from_registers():
    [found] = of_modules(Npe(config=NPE))
    assert {"m_axi_rready", "m_axi_wvalid", "s_axi_awready", "irq"} <= set(found)
    assert {name: inputs for name, inputs in found.items() if inputs} == {}


def test_bus_and_interrupt_of_the_accelerator_come_from_registers():
    found, core = of_modules(Accelerator(config=NANO), "accelerator_core")
    assert {"s_axi_awready", "s_axi_rdata", "irq"} <= set(found)
    # The core drives the bus.
    assert {name: inputs for name, inputs in found.items() if inputs and not name.startswith("m_axi_")} == {}
    assert all(inputs <= {"accelerator_core"} for inputs in found.values())
    assert {"m_axi_rready", "m_axi_wvalid"} <= set(core)
    assert {name: inputs for name, inputs in core.items() if inputs and name.startswith("m_axi_")} == {}


def test_a_path_through_a_block_is_found():
    class Passes(wiring.Component):
        i: In(2)
        held: Out(1)
        o: Out(1)

        def elaborate(self, platform):
            m = Module()
            m.d.sync += self.held.eq(self.i[0])
            m.d.comb += self.o.eq(self.held & ~self.i[1])
            return m

    assert inputs_of_outputs(Passes()) == {"held": set(), "o": {"i"}}
