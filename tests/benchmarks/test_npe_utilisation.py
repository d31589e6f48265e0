"""The NPE's array is busy with products that take no more than a few thousand cycles."""

import pytest

from benchmarks.npe_utilisation import share_of_bound, utilisation
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode


@pytest.mark.parametrize("bus_bits", [64, 128])
@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (4, 8), (8, 4)])
@pytest.mark.parametrize("size", [64, 256])
def test_an_array_of_up_to_64_multiplies_a_cycle_is_busy(rows, columns, bus_bits, size):
    _, share = utilisation(NpeConfig(rows=rows, columns=columns, bus_bits=bus_bits), size)
    assert 0.8 <= share <= 1


@pytest.mark.parametrize("mode", [Mode.FP4_E2M1, Mode.INT8, Mode.BF16], ids=lambda mode: mode.label)
@pytest.mark.parametrize(("n", "k"), [(2048, 2048), (512, 8192)])
def test_one_row_takes_weights_at_memorys_rate(mode, n, k):
    for latency in (1, 200):
        assert 0.95 <= share_of_bound(NpeConfig(), mode, n, k, latency) <= 1
