"""The vector unit as a block: ports, the rate that it states, lint of the unit and of its functions."""

import pytest

from tests.hw.generated import generated


@pytest.fixture(scope="module")
def block():
    return generated("vector-unit", lanes=2)


def test_each_operand_and_the_result_have_a_port_of_all_lanes(block):
    ports = {port["name"]: (port["direction"], port["width"]) for port in block.ports["ports"]}
    assert ports["clk"] == ports["rst"] == ("input", 1)
    assert [ports[f"{matrix}_data"] for matrix in "abcd"] == [*[("input", 2 * 32)] * 3, ("output", 2 * 32)]
    assert ports["d_mask"] == ("output", 2 * 4)
    assert block.ports["timing"]["elements_per_cycle"] == 2
