"""The NPE as a block: ports, description, lint, synthesis, options that are refused."""

import pytest

from tests.cli.command_line import refused
from tests.hw.generated import generated
from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.generate import GeneratedBlock
from tilewright.hw.synth.flow import cost

SMALL: dict[str, str | int] = {"rows": 2, "columns": 2, "bus-bits": 64, "depth": 16, "panels": 2, "modes": "int8,bf16"}
LARGE: dict[str, str | int] = {"rows": 8, "columns": 8, "bus-bits": 128}


@pytest.fixture(scope="module")
def small() -> GeneratedBlock:
    return generated("npe", **SMALL)


def test_ports_are_two_axi_interfaces_and_an_interrupt(small):
    ports = {port["name"]: (port["direction"], port["width"]) for port in small.ports["ports"]}
    others = {name: port for name, port in ports.items() if not name.startswith(("s_axi_", "m_axi_"))}
    assert others == {"clk": ("input", 1), "rst": ("input", 1), "irq": ("output", 1)}
    assert ports["m_axi_rdata"] == ("input", 64)
    assert ports["m_axi_wstrb"] == ("output", 8)
    assert ports["s_axi_wdata"] == ("input", 32)


def test_rates_are_of_the_lanes(small):
    assert small.ports["timing"]["macs_per_cycle"] == {"int8": 2 * 4, "bf16": 4}


@pytest.mark.slow
def test_yosys_makes_gates_of_it(small):
    tools = find_synthesis_tools()
    if tools.yosys is None:
        pytest.skip("no Yosys")
    measured = cost(small.verilog, small.name, tools, parts=["fpga"])
    assert (measured.lut or 0) > 4 * 1000
    assert (measured.ff or 0) > 4 * 128


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "0"], "--rows = 0 is not allowed: input should be 2, 4, 8, 16 or 32"),
        (["--bus-bits", "96"], "--bus-bits = 96 is not allowed: input should be 64, 128, 256 or 512"),
        (["--depth", "0"], "--depth = 0 is not allowed: input should be greater than or equal to 2"),
        (["--modes", "fp4"], "--modes = fp4 is not allowed: 'fp4' is none of all, xr-npe, fp4_e2m1"),
    ],
)
def test_bad_options_get_one_line(tmp_path, arguments, said):
    assert said in refused("generate", "npe", *arguments, cwd=tmp_path)
