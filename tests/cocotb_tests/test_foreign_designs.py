"""Circuits of a user's in the benches: generated text, edited text and netlists after synthesis."""

from pathlib import Path
from typing import Any

import pytest

from tests.wave_reader import WaveReader, listed_names
from tilewright.api.cosim import CosimResult, cosim
from tilewright.api.generate import generate, synth
from tilewright.base.tools import find_synthesis_tools

pytestmark = pytest.mark.cosim

MULTIPLIER: dict[str, Any] = {"design": "Multiplier posit8_0", "case": "3 stages"}


def run(folder: Path, texts: dict[str, str], name: str, **options: Any) -> CosimResult:
    """Write texts into a folder and run them in place of a circuit."""
    files = [folder / file for file in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text)
    result = cosim(name, verilog=files, **options)
    assert result.to_dict()["verilog"] == [str(file) for file in files]
    return result


def test_generated_and_edited_text(tmp_path):
    text = generate("posit-multiplier", stages=3).verilog
    assert run(tmp_path, {"right.v": text}, "arith", **MULTIPLIER).passed
    edited = text.replace("o__payload,", "o__payload, ", 1).replace(" & ", " | ", 1)
    assert edited != text
    [case] = run(tmp_path, {"wrong.v": edited}, "arith", **MULTIPLIER).cases
    assert case["mismatches"] > 0


def test_another_latency_is_detected(tmp_path):
    text = generate("posit-multiplier", stages=2).verilog
    result = run(tmp_path, {"short.v": text}, "arith", **MULTIPLIER)
    assert not result.passed
    [case] = result.cases
    assert case["rtl_cycles"] < case["model_cycles"]
    assert case["mismatches"] == 0


def netlist(block: str, **options: Any) -> dict[str, str]:
    """Return the texts of a block's netlist, which is no generated text any more."""
    result = synth(block, with_netlist=True, **options)
    texts = {f"{result.module}{end}": text for end, text in result.netlist.items()}
    assert len(texts) == 1 + bool(find_synthesis_tools().liberty)
    return texts


@pytest.mark.slow
def test_a_netlist_with_waves(tmp_path):
    texts = netlist("posit-multiplier", stages=3)
    result = run(tmp_path, texts, "arith", waves=tmp_path / "waves", **MULTIPLIER)
    assert result.passed
    waves, signals = result.wave_files
    reader = WaveReader(waves, "arith_harness.clk")
    assert set(listed_names(signals)) <= reader.names
    inside = {name for name in reader.names if name.startswith("arith_harness.channel0.unit.")}
    ports = {"clk", "rst", "i__payload", "i__valid", "i__ready", "o__payload", "o__valid", "o__ready"}
    assert {name.rpartition(".")[2] for name in inside} > ports, "nets with names of their own are there, too"


@pytest.mark.slow
def test_the_netlist_of_the_simd_mac_passes_its_suite(tmp_path):
    result = run(tmp_path, netlist("simd-mac", stages=5), "simd-mac", design="all modes, 5 stages")
    assert result.passed
    assert len(result.cases) == 6


GENERATED = [
    ("npe", {"rows": 2, "columns": 2, "bus_bits": 64, "depth": 8, "panels": 2}, {"design": "2x2", "case": "int8"}),
    ("accelerator", {"system": "nano"}, {"design": "1 x 8x8, 2 lanes", "case": "random, seed 20261125"}),
    ("cim-tile", {"rows": 16, "columns": 16, "weight_bits": 4, "input_bits": 4, "input_bits_per_cycle": 4,
                  "result_bus_bits": 512}, {"design": "16x16 1x1 w4 i4/4", "case": "ragged"}),
    ("vector-unit", {"lanes": 4, "scalars": 64, "address_bits": 13}, {"design": "4 lanes", "case": "softmax"}),
]  # fmt: skip
COSIM_OF = {"accelerator": "accelerator-random", "vector-unit": "vector"}


@pytest.mark.slow
@pytest.mark.parametrize(("block", "options", "chosen"), GENERATED, ids=[block for block, *_ in GENERATED])
def test_blocks_as_generate_writes_them(tmp_path, block, options, chosen):
    text = generate(block, **options).verilog
    assert run(tmp_path, {f"{block}.v": text}, COSIM_OF.get(block, block), **chosen).passed
