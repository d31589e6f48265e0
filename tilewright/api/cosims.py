"""Co-simulations by name; their modules are imported on first use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cosim:
    """A co-simulation: what it compares, and the module with the table of its suites, ``SUITES``."""

    about: str
    module: str


COSIMS = {
    "accelerator": Cosim(
        "Accelerator against its exact model, in every byte of memory: layers over arrays, formats and memory timings; "
        "or any --program",
        "tilewright.cocotb_tests.accelerator.layers_suite",
    ),
    "accelerator-random": Cosim(
        "Accelerator against its exact model, in every byte of memory: random programs, several memory timings",
        "tilewright.cocotb_tests.accelerator.suite",
    ),
    "arith": Cosim(
        "Arithmetic units against the exact numbers of sim.formats: values, latency and throughput",
        "tilewright.cocotb_tests.arith.suite",
    ),
    "cim-array": Cosim(
        "CIM array against numpy and its exact model, over tiles, modes, formats and memory timings",
        "tilewright.cocotb_tests.cim.array_suite",
    ),
    "cim-tile": Cosim(
        "CIM tile against numpy and its exact model, over shapes and memory timings",
        "tilewright.cocotb_tests.cim.tile_suite",
    ),
    "decoder-layer": Cosim(
        "A decoder layer on the accelerator against numpy, the exact model and float64: a prompt, then single tokens",
        "tilewright.cocotb_tests.accelerator.decoder_suite",
    ),
    "encoder-layer": Cosim(
        "A layer of MiniLM on the accelerator against numpy, the exact model and float64",
        "tilewright.cocotb_tests.accelerator.encoder_suite",
    ),
    "npe": Cosim(
        "NPE (matrix co-processor) against numpy and its exact model: shapes, formats, epilogues, memory timings",
        "tilewright.cocotb_tests.npe.suite",
    ),
    "npe-layers": Cosim(
        "Layers with products on the NPE against numpy, the exact model and float64: alone in six formats, and beside "
        "the CIM array, operator by operator",
        "tilewright.cocotb_tests.accelerator.npe_layers_suite",
    ),
    "simd-mac": Cosim(
        "SIMD MAC against the exact numbers of sim.formats: pairs of codes, dot products, latency, throughput",
        "tilewright.cocotb_tests.mac.suite",
    ),
    "vector": Cosim(
        "Vector unit against numpy and its exact model: random programs, softmax, norms, rotary embedding",
        "tilewright.cocotb_tests.vector.suite",
    ),
    "whole-decoder": Cosim(
        "A whole decoder on the accelerator, as `map` compiles it, against numpy, the exact model and float64: layers "
        "and parts of the vocabulary in loops, a prompt, then single tokens",
        "tilewright.cocotb_tests.accelerator.whole_decoder_suite",
    ),
}
"""Co-simulations of ``tilewright cosim``."""
