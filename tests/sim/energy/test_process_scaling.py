"""Factors from one process to another, against what the source prints."""

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.energy.process_scaling import NODES, ProcessPoint, scaling, voltage_range

PRINTED = {
    (180, 130): 0.34, (130, 180): 2.9, (130, 90): 0.44, (130, 7): 0.0092, (65, 45): 0.66, (45, 32): 0.46, (32, 45): 2.2,
    (32, 20): 0.46, (20, 16): 0.89, (16, 14): 0.91, (14, 10): 0.59, (10, 7): 0.58, (90, 20): 0.075, (180, 14): 0.0093,
}  # fmt: skip
"""Entries of the source's matrix of areas, from the row to the column, two digits each."""


def point(node_nm: float, voltage_v: float = 1.0) -> ProcessPoint:
    return ProcessPoint(node_nm, voltage_v)


def test_energy_is_that_of_the_authors_corrected_example():
    # The paper's page: 0.4571 fJ over 2.604 fJ, so that 1 pJ in 65 nm at 1.3 V is 0.1755 pJ in 32 nm at 0.9 V.
    assert scaling(point(65, 1.3), point(32, 0.9)).energy == pytest.approx(0.4571 / 2.604, rel=5e-4)


@pytest.mark.parametrize(("nodes", "printed"), PRINTED.items(), ids=str)
def test_areas_are_those_of_the_printed_matrix(nodes, printed):
    first, second = (point(node, 0.9) for node in nodes)
    assert scaling(first, second).area == pytest.approx(printed, rel=0.05)


def test_a_way_there_and_back_or_over_another_process_changes_nothing():
    here, there, between = point(130, 1.2), point(7, 0.7), point(32, 0.97)
    whole, first, second, back = (
        scaling(*pair) for pair in ((here, there), (here, between), (between, there), (there, here))
    )
    for name in ("area", "delay", "energy"):
        factor = getattr(whole, name)
        assert getattr(first, name) * getattr(second, name) == pytest.approx(factor)
        assert getattr(back, name) * factor == pytest.approx(1)
    assert "interpolated" not in whole.remark


def test_a_node_between_two_lies_between_them_and_is_called_interpolated():
    ratios = [scaling(point(130, 1.2), point(node, 0.9)) for node in (32, 28, 22, 20)]
    for name in ("area", "energy"):
        values = [getattr(each, name) for each in ratios]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == len(values)
    assert ratios[1].remark.endswith("28 nm interpolated")
    assert "from 130 nm, 1.2 V to 28 nm, 0.9 V" in ratios[1].remark


@pytest.mark.parametrize("node", NODES)
def test_more_voltage_takes_more_energy_over_the_whole_range(node):
    low, high = voltage_range(node)
    steps = [point(node, low + (high - low) * i / 20) for i in range(21)]
    energies = [scaling(steps[0], each).energy for each in steps]
    assert energies == sorted(energies)
    assert all(scaling(steps[0], each).delay > 0 for each in steps)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (point(5), "node = 5 nm is not allowed: 7 to 180 nm"),
        (point(250), "node = 250 nm is not allowed"),
        (point(float("nan")), "node = nan nm is not allowed"),
        (point(7, 1.5), r"voltage = 1.5 V is not allowed at 7 nm: 0.26 to 1.30 V"),
        (point(28, 0.2), "voltage = 0.2 V is not allowed at 28 nm"),
        (point(32, float("nan")), "voltage = nan V is not allowed"),
        (point(32, -1), "voltage = -1 V is not allowed"),
    ],
    ids=str,
)
def test_what_the_source_does_not_cover_is_refused(to, said):
    with pytest.raises(ConfigError, match=said):
        scaling(point(130, 1.2), to)
