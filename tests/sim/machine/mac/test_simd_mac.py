"""The exact model of the SIMD MAC, beside the latency that its gateware states."""

import pytest

from tilewright.hw.mac.simd_mac import SimdMac
from tilewright.sim.formats import XR_NPE_MODES
from tilewright.sim.machine.mac import simd_mac as model


@pytest.mark.parametrize("stages", range(len(SimdMac.CUTS) + 1))
def test_the_latency_is_that_of_the_gateware(stages):
    assert model.latency(stages) == SimdMac(XR_NPE_MODES, stages=stages).LATENCY
    # one word a cycle
    assert model.cycles(words=100, stages=stages) == 100 + model.latency(stages)
