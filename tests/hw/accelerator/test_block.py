"""The accelerator as a block: ports, what is said of it, lint, synthesis, systems that do not go."""

import pytest

from tests.cli.command_line import refused
from tests.hw.generated import generated
from tilewright.api.blocks import BLOCKS
from tilewright.base.tools import find_synthesis_tools
from tilewright.cocotb_tests import runner
from tilewright.hw.generate import Design, GeneratedBlock
from tilewright.hw.generate import ports as ports_of
from tilewright.hw.synth.run import run_yosys
from tilewright.sim.config import load_system
from tilewright.sim.config.load import PRESETS


@pytest.fixture
def tiny() -> GeneratedBlock:
    return generated("accelerator", system="tiny")


@pytest.fixture(params=["tiny", pytest.param("nano", marks=pytest.mark.slow)])
def small(request) -> GeneratedBlock:
    return generated("accelerator", system=request.param)


def test_ports_are_two_axi_interfaces_and_an_interrupt(tiny):
    ports = {port["name"]: (port["direction"], port["width"]) for port in tiny.ports["ports"]}
    others = {name: port for name, port in ports.items() if not name.startswith(("s_axi_", "m_axi_"))}
    assert others == {"clk": ("input", 1), "rst": ("input", 1), "irq": ("output", 1)}
    config = load_system("tiny").accelerator
    assert ports["m_axi_rdata"] == ("input", config.bus_bits)
    assert ports["m_axi_wstrb"] == ("output", config.bus_bytes)
    assert ports["m_axi_araddr"] == ("output", config.address_bits)
    assert ports["s_axi_wdata"] == ("input", 32)


def test_what_is_said_is_of_the_system(tiny):
    config = load_system("tiny").accelerator
    assert tiny.ports["configuration"] == config.model_dump(mode="json")
    assert tiny.ports["timing"]["macs_per_cycle"] == config.cim.macs_per_cycle
    assert tiny.ports["timing"]["elements_per_cycle"] == config.vector.lanes


def test_equal_structure_is_written_once(tiny):
    for module in ("accelerator_core", "cim_macro", "scratchpad_bank", "vector_lane"):
        assert tiny.verilog.count(f"\nmodule accelerator__{module}(") == 1


@pytest.fixture
def beside(tmp_path_factory) -> Design:
    """Return the accelerator of a system with an NPE, whose bus is wider."""
    file = tmp_path_factory.mktemp("system") / "beside.toml"
    npe = '[npe]\nrows = 4\ncolumns = 2\nbus_bits = 128\nmodes = "int8,bf16"\n'
    file.write_text((PRESETS / "tiny.toml").read_text().replace("[fabric]", npe + "[fabric]"))
    return BLOCKS["accelerator"].design(system=str(file))


def test_a_co_processor_has_a_port_of_its_own(tiny, beside):
    assert not any(port["name"].startswith("npe_") for port in tiny.ports["ports"])
    ports = {port["name"]: (port["direction"], port["width"]) for port in ports_of(beside.component)}
    assert ports["npe_m_axi_rdata"] == ("input", 128)
    assert ports["npe_m_axi_awaddr"] == ("output", 32)
    assert ports["m_axi_rdata"] == ("input", 64)
    assert sorted(name for name in ports if "npe_m_axi_" in name) == sorted(
        name for name in (f"npe_{name}" for name in ports if name.startswith("m_axi_"))
    )


@pytest.mark.slow
@pytest.mark.cosim
def test_verilator_finds_nothing_with_a_co_processor(beside):
    block = beside.generate()
    assert runner.lint(block.verilog, block.name) == ""


def test_yosys_reads_it(tmp_path, small):
    tools = find_synthesis_tools()
    if tools.yosys is None:
        pytest.skip("no Yosys")
    (tmp_path / "block.v").write_text(small.verilog)
    run_yosys(tools.yosys, f"read_verilog block.v; hierarchy -check -top {small.name}; proc; check -assert", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--system'"),
        (["--system", "tinny"], "unknown system 'tinny' (did you mean 'tiny'?"),
        (["--system", "none.toml"], "none.toml: cannot be read: No such file"),
    ],
)
def test_bad_systems_get_one_line(tmp_path, arguments, said):
    assert said in refused("generate", "accelerator", *arguments, cwd=tmp_path)
