"""Bursts of a master on AXI4, and the times of the master that writes."""

from fractions import Fraction

import numpy as np
import pytest

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.widths import PAGE_BYTES
from tilewright.sim.machine.bus.axi_master import WriteMasterModel, bursts
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

CONFIG = NpeConfig(rows=2, columns=2, bus_bits=64, max_burst=16, outstanding=2)


def test_bursts_cover_a_request_once_and_cross_no_page():
    rng = np.random.default_rng(1)
    for _ in range(200):
        first, beats = int(rng.integers(0, 4096)) * 8, int(rng.integers(1, 700))
        following = first
        for address, length in bursts(CONFIG, first, beats):
            assert address == following
            assert 1 <= length <= CONFIG.burst_beats
            assert address // PAGE_BYTES == (address + 8 * length - 1) // PAGE_BYTES
            following = address + 8 * length
        assert following == first + 8 * beats


@pytest.mark.parametrize("rate", [Fraction(1), Fraction(1, 3)])
def test_long_writes_reach_the_rate_of_memory(rate):
    master = WriteMasterModel(CONFIG, AxiMemoryModel(write_latency=1, write_rate=rate))
    beats = 960
    [*_, (_, _, answered)] = master.request(0, 0, beats)
    assert beats / rate <= answered <= 1.02 * beats / rate + 10
    assert master.idle() == answered + 1


def test_with_a_far_memory_the_bursts_in_flight_limit_the_rate():
    latency = 200
    master = WriteMasterModel(CONFIG, AxiMemoryModel(write_latency=latency))
    done = master.request(0, 0, 20 * CONFIG.burst_beats)
    # no more than ``outstanding`` bursts within one round trip
    for (*_, before), (*_, after) in zip(done, done[CONFIG.outstanding :], strict=False):
        assert after - before >= latency
