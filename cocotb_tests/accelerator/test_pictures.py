"""A network of pictures under Verilator: each kind of operation, ten pictures, products in one format and in many."""

import pytest

from tilewright.cocotb_tests.accelerator.picture_suite import PICTURES, SUITE
from tilewright.cocotb_tests.harness.rows import check_rows

pytestmark = [pytest.mark.cosim, pytest.mark.slow]


def test_pictures():
    rows = SUITE.run()
    check_rows(rows)
    assert len(rows) == PICTURES + 2
