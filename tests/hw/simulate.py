"""Amaranth's own simulator for component tests."""

from collections.abc import Callable

from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator


def simulate(component: Elaboratable, *testbenches: Callable) -> None:
    """Run async testbenches side by side on a component until all have ended."""
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.run()
