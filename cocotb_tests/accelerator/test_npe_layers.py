"""Layers whose products run on the NPE, under Verilator: alone in INT8, in all formats, and beside the array."""

import pytest

from tilewright.cocotb_tests.accelerator.npe_layers_suite import INT8, SUITES
from tilewright.cocotb_tests.harness.rows import check_rows

pytestmark = [pytest.mark.cosim, pytest.mark.slow]


def test_a_decoder_layer_on_the_npe_alone():
    rows = INT8.run()
    check_rows(rows)
    assert [row["cosine"] >= 0.999 for row in rows] == [True, True]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_layers(suite):
    rows = suite.run()
    check_rows(rows)
    assert len(rows) >= 4
