"""The cases of the benches have everything that their layouts, enumerations and formats have, but for what is explained."""

import pytest

from benchmarks.coverage import PAGE, section
from tilewright.cocotb_tests.coverage.collect import BENCHES


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.name)
def test_every_hole_has_a_reason_and_every_reason_a_hole(bench):
    coverage = bench.collect()
    explained = bench.explained(coverage)
    assert [str(hole) for hole in explained.open] == []
    assert [each.holes for each in explained.unused] == []
    assert section(bench, coverage, explained) in PAGE.read_text(), "python -m benchmarks.coverage writes the page"
