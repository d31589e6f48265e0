"""The SIMD MAC by the options of the command line: options as typed become a design."""

from tilewright.hw.generate import Design, unit
from tilewright.hw.mac.simd_mac import SimdMac
from tilewright.sim.formats import parse_modes


def simd_mac(*, modes: str, stages: int, gated: str, back_pressure: str) -> Design:
    """Return the design of a SIMD MAC.

    Raises
    ------
    ValueError
        The option's name first, on what does not go.
    """
    component = SimdMac(parse_modes(modes), stages=stages, gated=gated == "yes", back_pressure=back_pressure == "yes")
    listed = ",".join(mode.label for mode in component.modes)
    return unit("simd_mac", component, modes=listed, stages=stages, gated=gated, back_pressure=back_pressure)
