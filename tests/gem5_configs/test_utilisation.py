"""How busy levels are: by hand, and that no published run exceeds what there is."""

import pytest

from tilewright.gem5_configs.runs import PUBLISHED, read_runs
from tilewright.gem5_configs.utilisation import utilisation

RUNS = read_runs(PUBLISHED)
MS = RUNS[0].replace(
    sim_seconds=1e-3,
    l1i_accesses=1_000_000,
    l1d_accesses=8_000_000,
    l2_accesses=400_000,
    l3_accesses=40_000,
    dram_reads=15_000,
    dram_writes=5_000,
)


def test_shares_of_a_millisecond_at_4_ghz():
    busy = utilisation(MS)
    assert busy.fetch == pytest.approx(1e6 * 3 * 0.25e-9 / 1e-3)
    assert busy.l1d == pytest.approx(2)  # 4 million cycles
    assert busy.l2 == pytest.approx(400e3 * 3 * 0.25e-9 / 1e-3)
    assert busy.l3 == pytest.approx(0.03)
    assert busy.dram == pytest.approx(20e3 * 5e-9 / 1e-3)
    assert busy.l2_lines == pytest.approx(400 * 16 * 0.25e-3)


def test_a_level_is_busy_in_its_own_clock():
    faster = utilisation(MS.replace(l2_ghz=40))
    assert faster.l2 == pytest.approx(0.03)
    assert faster.l3 == utilisation(MS).l3


def test_nothing_is_busy_for_longer_than_a_published_run():
    for run in RUNS:
        busy = utilisation(run)
        assert max(busy.l2, busy.l3, busy.dram) < 1, run
        assert busy.fetch < 1.01, run
