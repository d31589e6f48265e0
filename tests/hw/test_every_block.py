"""The Verilog of every block that `tilewright list` names: its text, Verilator's lint, and Icarus after a reset."""

import re
import shutil
import subprocess

import pytest

from tests.hw.generated import block_of
from tilewright.api.blocks import BLOCKS
from tilewright.cocotb_tests import runner
from tilewright.hw.generate import GeneratedBlock
from tilewright.hw.waivers import WAIVED

EXAMPLES = {name: block.example for name, block in BLOCKS.items()}
"""Options of the example of every block; the accelerator's is the system tiny."""
SMALLER = {
    "vector-unit": "--lanes 2",
    "npe": "--rows 2 --columns 2 --bus-bits 64 --depth 16 --panels 2 --modes int8,bf16",
}
"""Smaller forms of blocks whose examples take long and are in ``MORE``."""
NANO, TINY = "accelerator --system nano", f"accelerator {EXAMPLES['accelerator']}".strip()
EXAMPLE_OF_NPE = f"npe {EXAMPLES['npe']}"
EVERY = [*(f"{name} {options}".strip() for name, options in (EXAMPLES | SMALLER).items()), NANO]
"""Blocks with the options of their examples, or smaller."""
GATED, NOT_GATED = "--stages 5 --gated yes --back-pressure no", "--stages 2 --gated no"
VARIANTS = [
    *(f"{name} {block.example} --back-pressure no" for name, block in BLOCKS.items() if "arith" in block.builder),
    f"simd-mac --modes all {NOT_GATED}",
    f"simd-mac --modes fp4_e2m1 {NOT_GATED}",
    f"simd-mac --modes posit8_0,int8,fp8_e4m3 {GATED}",
    "cim-tile --rows 2 --columns 2 --weight-bits 8 --input-bits 4 --input-bits-per-cycle 4 --weight-bus-bits 16 "
    "--activation-bus-bits 8 --accumulator-vectors 1 --result-buffer-vectors 1 --command-queue-depth 1 "
    "--input-buffer-vectors 2",
    "cim-array --tiles 2 --rows 16 --columns 4 --weight-bits 4 --weight-format fp4_e2m1 --input-bits 8 --grid-rows 2 "
    "--group-scale e8m0 --group-rows 32 --max-shift 7 --weight-bus-bits 16",
]
"""Other options of blocks."""
MORE = [
    "cim-tile --rows 64 --columns 64 --weight-bits 4 --input-bits 8",
    *(f"{name} {EXAMPLES[name]}" for name in SMALLER),
    "npe --rows 8 --columns 8 --bus-bits 128",
    f"simd-mac --modes all {GATED}",
    f"simd-mac --modes fp4_e2m1 {GATED}",
    f"simd-mac --modes posit8_0,int8,fp8_e4m3 {NOT_GATED}",
    *(f"simd-mac --modes {modes} {options}" for modes in ("xr-npe", "int4,bf16") for options in (GATED, NOT_GATED)),
    "cim-array --tiles 3 --rows 16 --columns 16 --weight-bits 4 --weight-format fp4_e2m1 --input-bits 8 --grid-rows 4 "
    "--group-scale e8m0 --group-rows 32 --max-shift 7",
    "accelerator --system small",
    "accelerator --system edge-int4",
]
"""Blocks that take longer; the lint of the last one takes 7 GB of memory."""
CONTROL = re.compile(r"(valid|ready|irq|busy|done|stop|start)$")
"""Names of outputs whose bits are 0 or 1 after a reset, and of inputs that a user drives from the reset on."""
CYCLES = 40
"""Cycles after the reset in which outputs are watched."""

icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="no Icarus Verilog (Debian: `apt install iverilog`)")


@pytest.mark.parametrize("arguments", [*EVERY, pytest.param(EXAMPLE_OF_NPE, marks=pytest.mark.slow)])
def test_names_are_plain_and_private_and_nothing_waits_for_a_change(arguments):
    block = block_of(arguments)
    modules = re.findall(r"(?m)^module (\S+?)\s*\(", block.verilog)
    assert block.name in modules
    assert all(module == block.name or module.startswith(f"{block.name}__") for module in modules)
    assert len(set(modules)) == len(modules)
    assert "\\" not in block.verilog
    # SystemVerilog raises no event for an initial value: such a block would leave X.
    assert not re.search(r"always\s*@\s*(\*|\((?!posedge clk\)))", block.verilog)


@pytest.mark.cosim
@pytest.mark.parametrize(
    "arguments",
    [each for each in (*EVERY, *VARIANTS) if each != TINY]
    + [pytest.param(each, marks=pytest.mark.slow) for each in (TINY, *MORE)],
)
def test_verilator_finds_nothing(arguments):
    block = block_of(arguments)
    assert runner.lint(block.verilog, block.name) == ""


@pytest.mark.cosim
def test_lint_reports_everything_else():
    block = block_of("posit-decoder --format posit16_1")
    broken = block.verilog.replace("assign ", "assign nowhere = ", 1)
    assert "nowhere" in runner.lint(broken, block.name)
    assert sorted(WAIVED) == ["DECLFILENAME", "PROCASSINIT", "UNUSEDSIGNAL", "WIDTHEXPAND", "WIDTHTRUNC"]


@icarus
@pytest.mark.parametrize(
    ("language", "initial"),
    [
        # Each language and each form of the text once a day; the other pairs find something only if both matter at once.
        pytest.param("2005", False, id="2005-no initial values"),
        pytest.param("2012", True, id="2012-initial values"),
        pytest.param("2005", True, id="2005-initial values", marks=pytest.mark.slow),
        pytest.param("2012", False, id="2012-no initial values", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [each for each in EVERY if each != TINY]
    + [pytest.param(each, marks=pytest.mark.slow) for each in (TINY, EXAMPLE_OF_NPE)],
)
def test_no_control_output_is_unknown_after_a_reset(tmp_path, arguments, language, initial):
    assert _unknown(block_of(arguments), tmp_path, language, initial=initial) == ""


@icarus
def test_an_unknown_output_is_found(tmp_path):
    block = block_of("posit-adder --format posit8_0 --stages 2")
    broken = re.sub(r"\brst \?", "1'b0 ?", block.verilog)
    assert broken != block.verilog
    changed = GeneratedBlock(**{**vars(block), "verilog": broken})
    assert "o__valid is unknown" in _unknown(changed, tmp_path, "2012", initial=False)


def _unknown(block: GeneratedBlock, folder, language: str, *, initial: bool) -> str:
    """Return what Icarus says of control outputs with X or Z in a cycle after a reset of four cycles.

    Data inputs are X during the reset and random after it; control inputs are 0, except that `ready` is random later.
    """
    ports = block.ports["ports"]
    lines = ["module bench;", "reg clk = 0, rst = 1;", "always #1 clk = ~clk;"]
    driven, watched = [], []
    for port in ports:
        name, width, is_control = port["name"], port["width"], CONTROL.search(port["name"])
        if port["direction"] == "output":
            lines.append(f"wire [{width - 1}:0] {name};")
            watched += [name] if is_control else []
        elif name not in ("clk", "rst"):
            lines.append(f"reg [{width - 1}:0] {name} = {{{width}{{1'b{0 if is_control else 'x'}}}}};")
            if not is_control:
                driven.append(f"{name} = {{{-(-width // 32)}{{$random}}}};")
            elif name.endswith("ready"):
                driven.append(f"if (cycle > {CYCLES // 2}) {name} = $random;")
    connections = ", ".join(f".{port['name']}({port['name']})" for port in ports)
    lines += [f"{block.name} dut ({connections});"]
    lines += ["integer cycle;", "initial begin", "repeat (4) @(negedge clk);", "rst = 0;"]
    lines += [f"for (cycle = 0; cycle < {CYCLES}; cycle = cycle + 1) begin", *driven, "@(negedge clk);"]
    lines += [f'if (^{name} === 1\'bx) $display("{name} is unknown in cycle %0d", cycle);' for name in watched]
    lines += ["end", "$finish;", "end", "endmodule", ""]
    verilog = block.verilog
    if not initial:
        verilog = re.sub(r"(?m)^(  reg (?:\[\d+:0\] )?\w+) = [^;]+;$", r"\1;", verilog)
    (folder / "bench.v").write_text("\n".join(lines))
    (folder / "block.v").write_text(verilog)
    return _run(folder, "iverilog", f"-g{language}", "-o", "bench", "bench.v", "block.v") + _run(folder, "vvp", "bench")


def _run(folder, *command: str) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr
