"""The programs of documentation and examples, on the exact model of the accelerator that they are for."""

import re
from pathlib import Path

import numpy as np
import pytest

from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig, VectorConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.assembler import assemble
from tilewright.sim.isa.commands import commands_of
from tilewright.sim.isa.encoding import encode_program
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.cim.matmul import ArrayMatmul
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

ROOT = Path(__file__).parents[3]
TILE = TileConfig(
    macro=MacroConfig(rows=16, columns=16, weight_bits=8, input_bits=8, input_bits_per_cycle=2),
    weight_bus_bits=128, activation_bus_bits=128, result_bus_bits=512, accumulator_vectors=64,
)  # fmt: skip
CONFIG = AcceleratorConfig(
    cim=CIMArrayConfig(tiles=4, tile=TILE), vector=VectorConfig(lanes=16, address_bits=12), bus_bits=128
)
EXAMPLE = (ROOT / "examples" / "product.asm").read_text()
[IN_DOCS] = re.findall(r"(?:^    (?! *tilewright).*\n)+", (ROOT / "docs" / "program.md").read_text(), re.MULTILINE)
PROGRAM = 0x1E000


@pytest.mark.parametrize(
    ("text", "products", "out"), [(EXAMPLE, 1, 0x3000), (IN_DOCS, 12, 0x8000)], ids=["file", "docs"]
)
def test_products_with_relu(text, products, out):
    rng = np.random.default_rng(1)
    a = rng.integers(-128, 128, (16, 32))
    weights = rng.integers(-128, 128, (products, 32, 64))
    memory = np.zeros(1 << 17, np.uint8)
    memory[0x1000:0x1200] = a.astype(np.int8).view(np.uint8).ravel()
    for index, w in enumerate(weights):
        start = 0x2000 + 0x800 * index
        memory[start : start + 0x800] = ArrayMatmul(CONFIG.cim, 16, 32, 64, False).weight_words(w).ravel()
    data = encode_program(CONFIG, assemble(CONFIG, text))
    memory[PROGRAM : PROGRAM + len(data)] = np.frombuffer(data, np.uint8)
    run = AcceleratorModel(CONFIG, memory).run(PROGRAM, AxiMemoryModel(latency=20))
    assert run.error == AcceleratorError.NONE
    results = memory[out : out + 0x1000 * products].view(np.float32).reshape(products, 16, 64)
    assert (results == np.maximum(a @ weights, 0)).all()


def test_the_documentation_shows_every_command():
    assert {command.OPCODE for command in assemble(CONFIG, IN_DOCS)} == set(commands_of(CONFIG))
