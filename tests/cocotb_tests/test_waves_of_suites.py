"""Every co-simulation writes waves of one case, with all signals that its list names."""

import importlib
from pathlib import Path

import pytest

from tests.wave_reader import WaveReader, listed_names
from tilewright.api.cosims import COSIMS
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.harness.run_options import RunOptions, Waves
from tilewright.cocotb_tests.harness.signal_list import signal_list_of
from tilewright.cocotb_tests.harness.wave_format import wave_format

pytestmark = [pytest.mark.cosim, pytest.mark.slow]


@pytest.mark.parametrize("name", COSIMS)
def test_waves_of_the_smallest_design(name, tmp_path):
    suite = min(importlib.import_module(COSIMS[name].module).SUITES, key=lambda suite: suite.effort)
    case = suite.case_names()[0]
    rows = suite.run(RunOptions(case=case, waves=Waves(tmp_path, name, wave_format())))
    check_rows(rows)
    for waves in {Path(row["waves"]) for row in rows}:
        top = listed_names(signal_list_of(waves))[0].partition(".")[0]
        reader = WaveReader(waves, f"{top}.clk")
        assert set(listed_names(signal_list_of(waves))) <= reader.names
        assert len(reader.edges) >= sum(row["rtl_cycles"] for row in rows if row["waves"] == str(waves)) / len(rows)
