"""Energy of the CIM macro as cells of osu018: it grows with the bits of weights and of inputs."""

import pytest

from tilewright.base.tools import OSU018, find_synthesis_tools
from tilewright.cocotb_tests.cim.energy import measure
from tilewright.hw.synth.library import read_library
from tilewright.sim.config import MacroConfig

STA = find_synthesis_tools().sta
pytestmark = [
    pytest.mark.cosim,
    pytest.mark.slow,
    pytest.mark.skipif(STA is None or not OSU018.is_file(), reason="needs opensta and qflow-tech-osu018"),
]


def test_energy_grows_with_bits_of_weights_and_of_inputs():
    library = read_library([OSU018])

    def of(weight_bits: int, input_bits: int, step: int):
        fields = {"rows": 8, "columns": 4, "weight_bits": weight_bits, "input_bits": input_bits}
        assert STA
        return measure(MacroConfig.model_validate({**fields, "input_bits_per_cycle": step}), library, STA)

    usual, fast, wide, short = of(4, 8, 1), of(4, 8, 2), of(8, 8, 1), of(4, 4, 1)
    for each in (usual, fast, wide, short):
        cycles = each.config.slices
        assert 0 < each.clock_pj * cycles / 32 < each.mac_pj
        assert 0 < each.write_pj < each.mac_pj
    # Half of the cycles clock the weights half as often; half of the bits take half of the work.
    assert fast.mac_pj < 0.9 * usual.mac_pj
    assert 1.6 * usual.mac_pj < wide.mac_pj < 2.2 * usual.mac_pj
    assert 0.4 * usual.mac_pj < short.mac_pj < 0.6 * usual.mac_pj
