"""The table of three processes in docs, and a block in each of them against earlier measurements."""

import re

import pytest

from benchmarks.open_processes import PROCESSES
from benchmarks.process_table import ROWS, TABLE, Row, measure
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.synth.library import read_library
from tilewright.hw.synth.power import INTERNAL_FACTOR

WRITTEN = re.findall(r"^\| `(synth [^`]+)` \| (\w+) \| (.+) \|$", TABLE.read_text(), re.MULTILINE)

# fp4-unit with two pipeline stages: area in um2, path in ns and power in uW at 100 MHz by the same flow by hand, on the
# RTL of an earlier day; for ASAP7 on a library merged in another way. The power is OpenSTA's own sum, whose internal part
# is more than the library states.
BY_HAND = {"osu018": (54_575, 3.71, 7_138), "SG13G2": (18_085, 2.86, 1_927), "ASAP7": (141, 0.84, 45)}


def test_the_table_has_every_row_in_every_process():
    assert [(command, process) for command, process, _ in WRITTEN] == [
        (row.command, process) for row in ROWS for process in PROCESSES
    ]


def test_a_smaller_process_takes_less_area_and_power():
    for row in ROWS:
        figures = [rest.replace(",", "").split(" | ") for command, _, rest in WRITTEN if command == row.command]
        area, path, power = ([float(cells[column]) for cells in figures] for column in range(3))
        assert area == sorted(area, reverse=True)
        assert power == sorted(power, reverse=True)
        assert path[-1] < 0.5 * min(path[:-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_a_block_costs_what_was_measured_by_hand(name):
    process, tools = PROCESSES[name], find_synthesis_tools()
    if not process.complete:
        pytest.skip(f"the liberty files of {name} are not here: shared/pdk beside the checkout")
    if not (tools.abc and tools.sta):
        pytest.skip("needs berkeley-abc and opensta")
    found = measure(Row("fp4-unit", {"stages": 2}), read_library(process.files))
    area, path, power = BY_HAND[name]
    assert not found.failed
    assert found.area_um2 == pytest.approx(area, rel=0.01)
    assert found.path_ns == pytest.approx(path, rel=0.01)
    more = (INTERNAL_FACTOR[tools.sta.version] - 1) * found.internal_uw
    assert found.power_uw + more == pytest.approx(power, rel=0.1)
