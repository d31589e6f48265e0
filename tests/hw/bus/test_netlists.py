"""Promises about the edges of blocks with AXI ports that hold for every input: paths, clock and unused inputs.

The netlist is the one that Amaranth writes as Verilog; only Amaranth's internal modules give access to it.
"""

from collections.abc import Mapping

import pytest
from amaranth.hdl import Fragment, Module, Value
from amaranth.hdl._ir import build_netlist
from amaranth.hdl._nir import FlipFlop, Instance, Net, Netlist, SyncReadPort, SyncWritePort
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.accelerator import Accelerator
from tilewright.hw.arith.adder import Adder
from tilewright.hw.definition import definitions
from tilewright.hw.npe.npe import Npe
from tilewright.sim.config import load_system
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats import Posit
from tilewright.sim.formats.simd import Mode

NANO = load_system("nano").accelerator
NPE = NpeConfig(rows=2, columns=2, bus_bits=64, depth=16, panels=2, modes=(Mode.INT8,))


def netlist_of(component: wiring.Component) -> Netlist:
    """Return the netlist of a component."""
    ports = [
        ("__".join(map(str, path)), Value.cast(value), None)
        for path, _, value in component.signature.flatten(component)
    ]
    return build_netlist(Fragment.get(component, platform=None), ports=ports)


def netlists(component: wiring.Component, *wanted: str) -> dict[str, Netlist]:
    """Return the netlists of a component, as ``top``, and of modules that it instantiates, by their names."""
    parts = {part.module: part.component for part in definitions(component)}
    for name in parts.keys() - set(wanted):
        Fragment.get(parts[name], platform=None)  # Amaranth warns of components that nothing elaborates.
    return {"top": netlist_of(component)} | {name: netlist_of(parts[name]) for name in wanted}


@pytest.fixture(scope="module")
def npe() -> Mapping[str, Netlist]:
    return netlists(Npe(config=NPE), "simd_mac_core")


@pytest.fixture(scope="module")
def accelerator() -> Mapping[str, Netlist]:
    return netlists(Accelerator(config=NANO), "accelerator_core")


def input_names(netlist: Netlist) -> dict[Net, str]:
    """Return the name of the port that each bit of an input belongs to."""
    return {
        Net.from_cell(0, bit): name
        for name, (start, width) in netlist.top.ports_i.items()
        for bit in range(start, start + width)
    }


def inputs_of_outputs(netlist: Netlist) -> dict[str, set[str]]:
    """Return the inputs that each output depends on in the same cycle; ports of instances count as inputs."""
    names = input_names(netlist)
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


def unused_inputs(netlist: Netlist) -> set[str]:
    """Return the inputs of which no cell uses any bit."""
    names = input_names(netlist)
    used = {names[net] for cell in netlist.cells for net in cell.input_nets() if net in names}
    return set(names.values()) - used


def clocks(netlist: Netlist) -> set[tuple[str, str]]:
    """Return the clock and the edge of all registers and synchronous memory ports; a register that is reset
    asynchronously adds its reset."""
    names = input_names(netlist)
    found = set()
    for cell in netlist.cells:
        if isinstance(cell, FlipFlop | SyncReadPort | SyncWritePort):
            found.add((names.get(cell.clk, "another clock"), cell.clk_edge))
        if isinstance(cell, FlipFlop) and not cell.arst.is_const:
            found.add((names.get(cell.arst, "another reset"), "asynchronous"))
    return found


def test_bus_and_interrupt_of_the_npe_come_from_registers(npe):
    found = inputs_of_outputs(npe["top"])
    assert {"m_axi_rready", "m_axi_wvalid", "s_axi_awready", "irq"} <= set(found)
    assert {name: inputs for name, inputs in found.items() if inputs} == {}


def test_bus_and_interrupt_of_the_accelerator_come_from_registers(accelerator):
    found, core = inputs_of_outputs(accelerator["top"]), inputs_of_outputs(accelerator["accelerator_core"])
    assert {"s_axi_awready", "s_axi_rdata", "irq"} <= set(found)
    # The core drives the bus.
    assert {name: inputs for name, inputs in found.items() if inputs and not name.startswith("m_axi_")} == {}
    assert all(inputs <= {"accelerator_core"} for inputs in found.values())
    assert {"m_axi_rready", "m_axi_wvalid"} <= set(core)
    assert {name: inputs for name, inputs in core.items() if inputs and name.startswith("m_axi_")} == {}


def test_all_registers_have_one_clock_and_no_asynchronous_reset(npe, accelerator):
    for netlist in (*npe.values(), *accelerator.values()):
        assert clocks(netlist) == {("clk", "pos")}


def test_protection_bits_and_ids_of_answers_are_ignored(npe, accelerator):
    assert unused_inputs(npe["top"]) == {"s_axi_awprot", "s_axi_arprot", "m_axi_rid", "m_axi_bid"}
    assert unused_inputs(accelerator["top"]) == {"s_axi_awprot", "s_axi_arprot"}
    assert {"m_axi_rid", "m_axi_bid"} <= unused_inputs(accelerator["accelerator_core"])


@pytest.mark.parametrize(("stages", "valid"), [(0, {"i__valid"}), (2, set())])
def test_ready_passes_through_an_arithmetic_unit(stages, valid):
    found = inputs_of_outputs(netlist_of(Adder(Posit(8, 0), stages=stages)))
    assert (found["i__ready"], found["o__valid"]) == ({"o__ready"}, valid)


class Passes(wiring.Component):
    """A register and a path through it, and an input that nothing uses."""

    i: In(2)
    idle: In(1)
    held: Out(1)
    o: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.held.eq(self.i[0])
        m.d.comb += self.o.eq(self.held & ~self.i[1])
        return m


def test_paths_clocks_and_unused_inputs_are_found():
    netlist = netlist_of(Passes())
    assert inputs_of_outputs(netlist) == {"held": set(), "o": {"i"}}
    assert unused_inputs(netlist) == {"idle"}
    assert clocks(netlist) == {("clk", "pos")}
