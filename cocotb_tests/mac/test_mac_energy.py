"""Energy of a multiply-accumulate of the SIMD MAC as cells of osu018, with idle parts that stand still and without."""

import pytest

from tilewright.base.tools import OSU018, find_synthesis_tools
from tilewright.cocotb_tests.mac.energy import build, measure
from tilewright.hw.synth.library import read_library
from tilewright.sim.formats import XR_NPE_MODES, Mode

STA = find_synthesis_tools().sta
pytestmark = [
    pytest.mark.cosim,
    pytest.mark.slow,
    pytest.mark.skipif(STA is None or not OSU018.is_file(), reason="needs opensta and qflow-tech-osu018"),
]


def test_energy_falls_with_the_bits_with_zeros_and_with_parts_that_stand_still():
    assert STA
    bench = build(read_library([OSU018]), STA, XR_NPE_MODES)
    found = {(each.mode, each.kind, each.gated): each for each in measure(bench, XR_NPE_MODES, dots=4)}
    assert len(found) == 4 * 3 * 2
    for (mode, kind, gated), each in found.items():
        assert 0 < each.clock_pj < each.cycle_pj
        if gated and mode.lanes > 1:
            assert each.pj < 0.95 * found[mode, kind, False].pj
    random = {mode: found[mode, "random", True].pj for mode in XR_NPE_MODES}
    assert random[Mode.FP4_E2M1] < 0.6 * random[Mode.POSIT8_0] < 0.36 * random[Mode.POSIT16_1]
    for mode in XR_NPE_MODES:
        assert found[mode, "half zero", True].pj < found[mode, "normal", True].pj
