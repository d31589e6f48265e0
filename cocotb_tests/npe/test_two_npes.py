"""Two NPEs of other formats in one Verilog text: every module of each is its own."""

from dataclasses import dataclass

import pytest

from tilewright.bench.npe_jobs import Job
from tilewright.cocotb_tests import runner
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.npe.cases import Case
from tilewright.cocotb_tests.npe.harness import npe_harness
from tilewright.cocotb_tests.npe.suite import NpeSuite
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.npe.design import npe
from tilewright.hw.verilog import convert
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import parse_modes
from tilewright.sim.isa.descriptor import Activation, Along

pytestmark = [pytest.mark.cosim, pytest.mark.slow]


@dataclass(frozen=True)
class SuiteInText(NpeSuite):
    """An NPE whose harness is a module of a larger text."""

    top: str = ""
    text: str = ""

    def verilog(self) -> str:
        return self.text

    def prepared(self, verilog: str) -> str:
        return verilog


def config(modes: str) -> NpeConfig:
    return NpeConfig(rows=2, columns=2, bus_bits=64, depth=4, panels=2, modes=parse_modes(modes))


SIDES = ("left", "right")
PAIRS = [("int8", "fp8_e4m3"), ("int4,int8", "fp8_e4m3,bf16")]
"""Modes of both."""


@pytest.fixture(scope="module", params=PAIRS, ids=str)
def configs(request) -> dict[str, NpeConfig]:
    """Return the configurations of both by their names."""
    return dict(zip(SIDES, map(config, request.param), strict=True))


@pytest.fixture(scope="module")
def text(configs) -> str:
    """Return both NPEs in their harnesses."""
    harnesses = [convert(npe_harness(config, NpeSuite.memory_bytes), name) for name, config in configs.items()]
    return "".join([*harnesses, AxiMemory.SOURCE.read_text()])


@pytest.mark.parametrize("name", SIDES)
def test_both_are_right(configs, text, name):
    config = configs[name]
    cases = tuple(
        Case(name=mode.label, jobs=(Job(m=5, n=7, k=41, mode=mode, scale=Along.ROW, activation=Activation.SILU),))
        for mode in config.modes
    )
    check_rows(SuiteInText(config, cases, top=name, text=text).run())


def test_both_are_in_a_chip_without_a_message_of_lint(configs):
    blocks = [npe(config).named(name).generate() for name, config in configs.items()]
    lines = ["module chip ();"]
    for block in blocks:
        lines += [f"wire [{port['width'] - 1}:0] {block.name}_{port['name']};" for port in block.ports["ports"]]
        ports = ", ".join(f".{port['name']}({block.name}_{port['name']})" for port in block.ports["ports"])
        lines.append(f"{block.name} {block.name}_npe ({ports});")
    chip = "\n".join([*lines, "endmodule", ""])
    said = runner.lint("\n".join([chip, *(block.verilog for block in blocks)]), "chip")
    # The chip drives no input of theirs.
    assert {line.split(":")[0] for line in said.splitlines() if line.startswith("%Warning")} == {"%Warning-UNDRIVEN"}
    assert "MODDUP" not in said
