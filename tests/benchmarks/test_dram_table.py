"""The page docs/energy.md is what its command writes."""

import pytest

from benchmarks.dram_table import CLAIM, CLAIMED, PAGE, TEMPLATE, energy_table, needed_pj_per_bit, parts
from benchmarks.pages import filled
from tilewright.sim.config.dram import dram_names


def test_the_page_is_current():
    assert PAGE.read_text() == filled(TEMPLATE, parts()), "python -m benchmarks.dram_table writes it"


def test_every_kind_has_three_figures_with_a_source():
    rows = [line.split(" | ") for line in energy_table().splitlines()[2:]]
    assert [row[0].removeprefix("| ") for row in rows] == [name for name in dram_names() for _ in range(3)]
    assert all(len(row[-1]) > 20 for row in rows)


def test_the_energy_of_a_bit_that_the_claim_needs():
    # 12 models of 251 to 2,053 MB a token: the average of 1 / (8 x bytes) is 1 / 5.68 Gbit.
    assert len(CLAIMED) == 12
    assert 1e12 / CLAIM / needed_pj_per_bit(1024) == pytest.approx(5.68e9, rel=1e-3)
