"""A CIM macro alone, under test."""

from dataclasses import dataclass
from functools import cache

from tilewright.cocotb_tests.cim.cb_cim_macro import BENCH
from tilewright.cocotb_tests.harness.suite import Bench
from tilewright.hw.cim.macro import Macro
from tilewright.hw.verilog import convert
from tilewright.sim.config import MacroConfig


@dataclass(frozen=True)
class MacroBench(Bench):
    """A macro alone."""

    config: MacroConfig
    top = "cim_macro"
    coroutines = BENCH

    def verilog(self) -> str:
        return _verilog(self.config)


@cache
def _verilog(config: MacroConfig) -> str:
    return convert(Macro(config=config), MacroBench.top)
