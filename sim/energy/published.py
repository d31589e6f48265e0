"""Energy of a multiply-accumulate in a published custom CIM macro."""

from tilewright.sim.config import System
from tilewright.sim.config.figures import FigureRange
from tilewright.sim.config.published_macro import load_published_macro


def multiply_energy(system: System) -> FigureRange | None:
    """Return the energy of a multiply-accumulate in the published macro that a system names, None if it names none.

    It is scaled by the bits of weights and inputs, which the sources say, and with them process and voltage: a system
    of another process is a mixture, and no figure is scaled between processes.
    """
    if system.energy.macro is None:
        return None
    published, macro = load_published_macro(system.energy.macro), system.cim_array.tile.macro
    volts = "voltage not stated" if published.voltage_v is None else f"{published.voltage_v:g} V"
    remark = f"; macro of {published.node_nm:g} nm, {volts}"
    if system.process:
        remark += f", beside {system.process}"
    remark += f"; guess: times {macro.cell_bits} bits of a weight and {macro.input_bits} of an input"
    return published.pj_per_bit_pair.times(macro.cell_bits * macro.input_bits, remark)
