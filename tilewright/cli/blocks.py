"""Blocks and co-simulations of the command line; their modules are imported on first use.

A new block is a new entry of :data:`BLOCKS`: what it is, where its design comes from, and its options.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tilewright.hw.generate import Design
    from tilewright.sim.formats import Format


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a block: ``--name VALUE``, given to the builder as ``name=value``, dashes as underscores."""

    name: str
    about: str
    kind: Literal["int", "text", "format"] = "int"
    """Kind of value; ``format`` is a name that ``sim.formats.parse_format`` knows, and the builder gets the format."""
    default: int | str | None = None
    """Default value as it would be typed; ``None`` means that the builder gets ``None``, unless ``required``."""
    required: bool = False
    choices: tuple[int | str, ...] = ()
    """Allowed values, as they would be typed; empty if the builder checks the value."""

    @property
    def keyword(self) -> str:
        """Name of the argument that the builder takes."""
        return self.name.replace("-", "_")

    def parse(self, typed: int | str) -> "int | str | Format":
        """Return the builder's value for a value as typed.

        Raises
        ------
        ValueError
            If it is no number, or no format.
        """
        match self.kind:
            case "int":
                return int(typed)
            case "format":
                from tilewright.sim.formats import parse_format

                return parse_format(str(typed))
        return typed


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block that `generate` and `synth` know.

    ``builder`` and, if they take an import to know, ``options`` are named as ``module:function``. The builder gets
    one keyword for each option; it raises ValueError, with the option's name first, on values that do not go.
    """

    about: str
    builder: str
    example: str
    """Options of an example that works."""
    options: tuple[Option, ...] | str = ()
    notes: str = ""
    """Text of the help that no option covers."""

    def load_options(self) -> tuple[Option, ...]:
        """Return the options."""
        return _load(self.options)() if isinstance(self.options, str) else self.options

    def load_builder(self) -> "Callable[..., Design]":
        """Return the builder."""
        return _load(self.builder)

    def design(self, **typed: int | str) -> "Design":
        """Return the design with some options, named and written as typed, and defaults for the others.

        Raises
        ------
        ValueError
            On values that do not go.
        """
        values = {}
        for option in self.load_options():
            value = typed.get(option.name, option.default)
            values[option.keyword] = None if value is None else option.parse(value)
        return self.load_builder()(**values)


def _load(place: str) -> Callable:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


POSIT = Option(
    name="format",
    kind="format",
    about="Format of the operands: a posit, posit<bits>_<exponent bits>.",
    default="posit8_0",
)
FLOAT = Option(
    name="format",
    kind="format",
    about="Format of the operands: a minifloat, fp<exponent bits>m<mantissa bits> or a name such as bf16.",
    default="fp8_e4m3",
)
STYLE = Option(
    name="style",
    kind="text",
    about="Way to add partial products: a tree for a short path, rows for few look-up tables.",
    default="tree",
    choices=("tree", "rows"),
)
SEGMENT = Option(
    name="segment-bits", about="Length of the longest carry chain of the quire, a divisor of its width.", default=16
)
WIDTHS = (
    Option(name="scale-bits", about="Width of the scale in bits. [default: the width for a product]"),
    Option(name="fraction-bits", about="Width of the fraction in bits. [default: the width for a product]"),
)
STREAMS = (
    Option(name="stages", about="Number of pipeline registers; 0 gives a unit without any.", default=0),
    Option(
        name="back-pressure",
        kind="text",
        about="Whether the streams can stall; if they cannot, registers need no enable.",
        default="yes",
        choices=("yes", "no"),
    ),
)


def _arithmetic(name: str, about: str, example: str, *options: Option) -> Block:
    return Block(
        about=about, builder=f"tilewright.hw.arith.designs:{name}", example=example, options=(*options, *STREAMS)
    )


BLOCKS = {
    "accelerator": Block(
        about="Accelerator: CIM array, vector unit, scratchpad, command processor, AXI4 master, AXI4-Lite registers",
        builder="tilewright.cli.accelerator:build",
        options="tilewright.cli.accelerator:options",
        example="--system tiny",
        notes="Docs: docs/accelerator.md.",
    ),
    "cim-tile": Block(
        about="CIM tile: a grid of bit-serial macros, input buffer, accumulators, streams",
        builder="tilewright.cli.cim_tile:build",
        options="tilewright.cli.cim_tile:options",
        example="--rows 16 --columns 16 --weight-bits 4 --input-bits 4",
        notes="Without --system, rows, columns, weight bits and input bits must be given.",
    ),
    "cim-array": Block(
        about="CIM array: tiles that share activations or add their sums, with the streams of one tile",
        builder="tilewright.cli.cim_array:build",
        options="tilewright.cli.cim_array:options",
        example="--tiles 2 --rows 16 --columns 16 --weight-bits 4 --input-bits 4",
        notes="Without --system, tiles, rows, columns, weight bits and input bits must be given.",
    ),
    "npe": Block(
        about="NPE, the matrix co-processor: an array of SIMD MACs, epilogue, AXI4 master, AXI4-Lite registers",
        builder="tilewright.cli.npe:build",
        options="tilewright.cli.npe:options",
        example="--rows 4 --columns 4 --bus-bits 64",
        notes="Docs: docs/npe.md.",
    ),
    "vector-unit": Block(
        about="Vector unit: FP32 passes over matrices in a scratchpad, functions, row reductions",
        builder="tilewright.cli.vector:build",
        options="tilewright.cli.vector:options",
        example="--lanes 8",
        notes="Docs: docs/vector.md.",
    ),
    "posit-decoder": _arithmetic(
        "posit_decoder", "Decoder from a posit to sign, scale and fraction", "--format posit16_1", POSIT
    ),
    "posit-encoder": _arithmetic(
        "posit_encoder",
        "Encoder from sign, scale and fraction to a rounded posit",
        "--format posit16_1",
        POSIT,
        *WIDTHS,
    ),
    "posit-adder": _arithmetic("posit_adder", "Sum of two posits, rounded once", "--format posit8_0", POSIT),
    "posit-multiplier": _arithmetic(
        "posit_multiplier", "Product of two posits, rounded once", "--format posit8_0", POSIT, STYLE
    ),
    "posit-mac": _arithmetic(
        "posit_mac",
        "Exact dot product of posits in a quire, read out rounded once",
        "--format posit16_1 --stages 6",
        POSIT,
        STYLE,
        SEGMENT,
    ),
    "posit-mac-core": _arithmetic(
        "posit_mac_core",
        "Exact dot product of decoded posits, as it stands in the quire",
        "--format posit8_0 --stages 1 --style rows",
        POSIT,
        STYLE,
        SEGMENT,
    ),
    "float-decoder": _arithmetic(
        "float_decoder", "Decoder from a minifloat to sign, scale and fraction", "--format bf16", FLOAT
    ),
    "float-encoder": _arithmetic(
        "float_encoder", "Encoder from sign, scale and fraction to a rounded minifloat", "--format bf16", FLOAT, *WIDTHS
    ),
    "float-adder": _arithmetic("float_adder", "Sum of two minifloats, rounded once", "--format fp8_e5m2", FLOAT),
    "float-multiplier": _arithmetic(
        "float_multiplier", "Product of two minifloats, rounded once", "--format fp8_e4m3", FLOAT, STYLE
    ),
    "float-mac": _arithmetic(
        "float_mac",
        "Exact dot product of minifloats in a quire, read out rounded once",
        "--format fp8_e4m3 --stages 6",
        FLOAT,
        STYLE,
        SEGMENT,
    ),
    "converter": _arithmetic(
        "converter",
        "Converter from a code of one format to the nearest code of another",
        "--format posit8_0 --to fp8_e4m3",
        Option(name="format", kind="format", about="Format of the codes at the input.", required=True),
        Option(name="to", kind="format", about="Format of the codes at the output.", required=True),
    ),
    "read-out": _arithmetic(
        "read_out",
        "Read-out of a quire: exact sum to a rounded code",
        "--format bf16 --of posit8_0",
        Option(name="format", kind="format", about="Format of the result.", required=True),
        Option(
            name="of",
            kind="format",
            about="Format of the operands, which determines the width of the quire.",
            required=True,
        ),
    ),
    "fp4-unit": _arithmetic(
        "fp4_unit", "Four products of fp4_e2m1 or posit4_1 in each cycle, added to one exact sum", "--stages 1"
    ),
    "simd-mac": Block(
        about="Exact dot products of words of 4-, 8- and 16-bit numbers, rounded when read out",
        builder="tilewright.hw.mac.designs:simd_mac",
        example="--modes xr-npe --stages 5",
        options=(
            Option(
                name="modes",
                kind="text",
                about="Formats, separated by commas: fp4_e2m1, posit4_1, int4, posit8_0, fp8_e4m3, fp8_e5m2, int8, "
                "posit16_1, bf16; or all, or xr-npe for those of XR-NPE.",
                default="all",
            ),
            Option(
                name="gated",
                kind="text",
                about="Whether signals that a word does not need keep still, which saves power.",
                default="yes",
                choices=("yes", "no"),
            ),
            *STREAMS,
        ),
    ),
    "significand-multiplier": _arithmetic(
        "significand_multiplier", "Signed multiplier that is one of 16 bits, two of 8 or four of 4", "--stages 1"
    ),
    "segmented-quire": _arithmetic(
        "segmented_quire", "Accumulator that is one of 128 bits, two of 64 or four of 32", "--stages 1"
    ),
}
"""Blocks of ``tilewright generate`` and ``tilewright synth``."""


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
