"""Blocks by name, as scripts and the command line name them; their modules are imported on first use.

A new block is a new entry of :data:`BLOCKS`: what it is, where its design comes from, and its options.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tilewright.base.errors import ConfigError, suggest

if TYPE_CHECKING:
    from tilewright.hw.generate import Design


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a block: ``--name VALUE`` on the command line, ``name=value`` in Python with underscores."""

    name: str
    about: str
    kind: Literal["int", "text", "format", "system"] = "int"
    """Kind of value; the builder gets the format or the system that a name stands for."""
    default: int | str | None = None
    """Default value as it would be typed; ``None`` means that the builder gets ``None``, unless ``required``."""
    required: bool = False
    choices: tuple[int | str, ...] = ()
    """Allowed values, as they would be typed; empty if the builder checks the value."""

    @property
    def keyword(self) -> str:
        """Name of the argument that the builder takes."""
        return self.name.replace("-", "_")

    def parse(self, given: object) -> object:
        """Return the builder's value for a value as typed, or for the number, truth value or object itself.

        Raises
        ------
        ValueError
            If it is not allowed; the message does not name the option.
        """
        value = {True: "yes", False: "no"}[given] if isinstance(given, bool) and "yes" in self.choices else given
        match self.kind:
            case "int":
                value = _integer(value)
            case "text" if not isinstance(value, str):
                raise ValueError(f"{value!r} is not allowed: it must be a text")
            case "format" if isinstance(value, str):
                from tilewright.sim.formats import parse_format

                value = parse_format(value)
            case "system":
                from tilewright.api.systems import system_of

                value = system_of(value)
        if self.choices and value not in self.choices:
            raise ValueError(f"{given!r} is not allowed{suggest(str(given), map(str, self.choices))}")
        return value


def _integer(value: object) -> int:
    try:
        if isinstance(value, str | int) and not isinstance(value, bool):
            return int(value)
    except ValueError:
        pass
    raise ValueError(f"{value!r} is not allowed: it must be an integer")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block that ``generate`` and ``synth`` know.

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

    def design(self, **given: object) -> "Design":
        """Return the design with some options, by their names with dashes or underscores, and defaults for the others.

        Values are numbers, texts and objects, or what would be typed for them. None stands for the default.

        Raises
        ------
        ConfigError
            If there is no such option, one is missing, or values do not go; the option's name stands first.
        """
        options = {option.keyword: option for option in self.load_options()}
        typed = {name.replace("-", "_"): value for name, value in given.items() if value is not None}
        for name in typed:
            if name not in options:
                raise ConfigError(f"unknown option '{name}'{suggest(name, options)}")
        values = {}
        for name, option in options.items():
            value = typed.get(name, option.default)
            if value is None and option.required:
                raise ConfigError(f"{name} is missing: {option.about[0].lower()}{option.about[1:]}")
            try:
                values[name] = None if value is None else option.parse(value)
            except ConfigError:
                raise
            except ValueError as error:
                raise ConfigError(f"{name}{_after_name(str(error), value)}") from error
        try:
            return _load(self.builder)(**values)
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(str(error)) from error


def _after_name(problem: str, value: object) -> str:
    """Return what follows an option's name: `` = 3 is not allowed``, or a colon before a message of its own."""
    return f" = {problem}" if problem.startswith(repr(value)) else f": {problem}"


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
MIXED = (
    Option(
        name="weights",
        kind="format",
        about="Format of the widest weights: a posit of 3 to 8 bits, es 0 to 2. Narrower ones are aligned to the left.",
        default="posit5_1",
    ),
    Option(
        name="activations",
        kind="format",
        about="Format of the activations: a minifloat of at most 8 bits without infinities.",
        default="fp8_e4m3",
    ),
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
        builder="tilewright.api.accelerator_block:build",
        options="tilewright.api.accelerator_block:options",
        example="--system tiny",
        notes="Docs: docs/accelerator.md.",
    ),
    "cim-tile": Block(
        about="CIM tile: a grid of bit-serial macros, input buffer, accumulators, streams",
        builder="tilewright.api.cim_tile_block:build",
        options="tilewright.api.cim_tile_block:options",
        example="--rows 16 --columns 16 --weight-bits 4 --input-bits 4",
        notes="Without --system, rows, columns, weight bits and input bits must be given.",
    ),
    "cim-array": Block(
        about="CIM array: tiles that share activations or add their sums, with the streams of one tile",
        builder="tilewright.api.cim_array_block:build",
        options="tilewright.api.cim_array_block:options",
        example="--tiles 2 --rows 16 --columns 16 --weight-bits 4 --input-bits 4",
        notes="Without --system, tiles, rows, columns, weight bits and input bits must be given.",
    ),
    "npe": Block(
        about="NPE, the matrix co-processor: an array of SIMD MACs, epilogue, AXI4 master, AXI4-Lite registers",
        builder="tilewright.api.npe_block:build",
        options="tilewright.api.npe_block:options",
        example="--rows 4 --columns 4 --bus-bits 64",
        notes="Docs: docs/npe.md.",
    ),
    "vector-unit": Block(
        about="Vector unit: FP32 passes over matrices in a scratchpad, functions, row reductions",
        builder="tilewright.api.vector_block:build",
        options="tilewright.api.vector_block:options",
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
    "mixed-mac": _arithmetic(
        "mixed_mac",
        "Exact dot product of posit weights and FP8 activations, as it stands in the accumulator",
        "--weights posit5_1 --stages 1",
        *MIXED,
    ),
    "mixed-read-out": _arithmetic(
        "mixed_read_out",
        "Read-out of the mixed MAC: exact sum times a power of two to a rounded code",
        "--weights posit5_1 --format fp16 --stages 1",
        Option(name="format", kind="format", about="Format of the result.", default="fp32"),
        *MIXED,
        Option(
            name="scale-bits",
            about="Width of the exponent of a power of two that comes with each sum; 0 for none.",
            default=8,
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
