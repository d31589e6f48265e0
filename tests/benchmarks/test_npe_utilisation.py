"""The NPE's array is busy with products that take no more than a few thousand cycles."""

import pytest

from benchmarks.npe_utilisation import utilisation
from tilewright.sim.config.npe import NpeConfig


@pytest.mark.parametrize("bus_bits", [64, 128])
@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (4, 8), (8, 4)])
@pytest.mark.parametrize("size", [64, 256])
def test_an_array_of_up_to_64_multiplies_a_cycle_is_busy(rows, columns, bus_bits, size):
    _, share = utilisation(NpeConfig(rows=rows, columns=columns, bus_bits=bus_bits), size)
    assert 0.8 <= share <= 1
