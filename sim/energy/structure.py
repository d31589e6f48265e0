"""The parts of an accelerator, and what each is made of: how many bits of adders, registers and multiplexers.

A part is a module of the RTL that is synthesised alone. Its area is a sum over the features that are counted here, each
with a coefficient that :mod:`.area` reads; the memories in it are macros or flip-flops.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tilewright.sim.config import AcceleratorConfig
from tilewright.sim.isa.units import units_of

from .adder_tree import tree_size

COMMAND_BITS = 512
INDEX_BITS = 24


@dataclass(frozen=True)
class MemoryShape:
    """A memory of a part that reads at an edge of the clock: words that a macro could contain."""

    width: int
    depth: int
    mask_bits: int = 0
    """Number of bits that are written together; 0 if words are written whole."""
    bypass: bool = False
    """Whether a word that is read while it is written is the new one, which takes a register and a multiplexer."""
    copies: int = 1
    """Number of words that are read at once."""

    @property
    def bits(self) -> int:
        return self.width * self.depth


@dataclass(frozen=True)
class Part:
    """A part of an accelerator."""

    name: str
    """Name of the module."""
    unit: str
    """Unit in which reports count it."""
    count: int
    """Number of times that the accelerator contains it."""
    features: Mapping[str, float]
    """Sizes of the part, by names that the coefficients have, too."""
    memories: tuple[MemoryShape, ...] = field(default=())


CIM_MACROS = "CIM macros"
UNITS = (
    CIM_MACROS, "tiles", "array", "accumulators", "array buffers", "weight buffer", "scratchpad", "vector unit",
    "command processor", "DMA and AXI",
)  # fmt: skip
"""Units in the order of reports."""


def parts(config: AcceleratorConfig) -> list[Part]:
    """Return the parts of an accelerator without its NPE."""
    return [*_array_parts(config), *_fabric_parts(config), *_vector_parts(config)]


def _array_parts(config: AcceleratorConfig) -> list[Part]:
    cim, tile, macro = config.cim_array, config.cim_array.tile, config.cim_array.tile.macro
    macros = cim.tiles * tile.grid_rows * tile.grid_columns
    weights = macro.columns * macro.cell_bits * macro.weight_banks
    tree = tree_size(macro)
    planes = macro.input_bits_per_cycle
    groups = tile.groups if tile.group_rows else 0
    several = cim.tiles > 1
    adders = cim.tiles - 1
    input_bits, sums = cim.rows * macro.input_bits, cim.columns * tile.accumulator_bits
    added_rows = (tile.grid_rows - groups if groups else tile.grid_rows - 1) + max(0, groups - 1)
    return [
        Part(
            "cim_word_line",
            CIM_MACROS,
            macros * macro.rows,
            {"weight bits": weights, "gated weight bits": weights * planes},
        ),
        Part(
            "cim_macro",
            CIM_MACROS,
            macros,
            {
                "full adders": macro.columns * tree.full_adders,
                "half adders": macro.columns * tree.half_adders,
                "registers": macro.columns * (tree.registers + macro.result_bits),
                "sum bits": macro.columns * macro.result_bits,
                "lines": macro.rows * macro.weight_banks * (1 + planes),
            },
        ),
        Part(
            "cim_core",
            "tiles",
            cim.tiles,
            {
                "adder bits": tile.columns * added_rows * macro.dot_bits(tile.rows),
                "decoded weights": tile.columns if macro.weight_format != "int" else 0,
                "scale bits": groups * tile.columns * tile.scale_bits * macro.weight_banks,
                "scaled bits": groups * tile.columns * tile.sum_bits * tile.scale_bits,
                "one": 1,
            },
        ),
        Part(
            "cim_array",
            "array",
            1,
            {
                "adder bits": adders * tile.columns * tile.sum_bits,
                "delayed bits": cim.reduce_stages * cim.columns * tile.sum_bits,
                "input bits": input_bits,
                "shared input bits": input_bits if several else 0,
                "stages": cim.sum_latency,
                "one": 1,
            },
        ),
        Part(
            "array",
            "array",
            1,
            {"request bits": 48 * (tile.input_buffer_vectors + 1), "word bits": config.vector.word_bits, "one": 1},
        ),
        Part(
            "cim_array__accumulator",
            "accumulators",
            1,
            {"sum bits": sums},
            (MemoryShape(sums, tile.accumulator_vectors, bypass=True),),
        ),
        Part(
            "cim_array__activation_loader",
            "array buffers",
            1,
            {
                "vector bits": input_bits,
                "bus bits": tile.activation_bus_bits,
                "queue entries": tile.input_buffer_vectors,
                "one": 1,
            },
            (MemoryShape(input_bits, tile.input_buffer_vectors, bypass=True),),
        ),
        Part(
            "cim_array__sender",
            "array buffers",
            1,
            {"sum bits": sums, "buffer bits": sums * tile.result_buffer_vectors, "one": 1},
        ),
        Part(
            "cim_array__weight_loader",
            "array buffers",
            1,
            {
                "row bits": tile.columns * macro.weight_bits,
                "queue entries": macro.weight_banks * cim.tiles,
                "several tiles": several,
                "scales": bool(groups),
                "one": 1,
            },
        ),
    ]


def _fabric_parts(config: AcceleratorConfig) -> list[Part]:
    units, word, bus, banks = len(units_of(config)), config.vector.word_bits, config.bus_bits, config.banks
    entry = COMMAND_BITS + config.address_bits + INDEX_BITS + 2 * banks
    shifter = bus * (bus // 8).bit_length()
    return [
        Part(
            "load__buffer",
            "weight buffer",
            1,
            {"bus bits": bus, "pointer bits": config.weight_buffer_beats.bit_length(), "one": 1},
            (MemoryShape(bus, config.weight_buffer_beats - 1),),
        ),
        Part(
            "scratchpad_bank",
            "scratchpad",
            banks,
            {},
            (MemoryShape(word, 1 << config.vector.address_bits - 2, mask_bits=8),),
        ),
        Part(
            "scratchpad",
            "scratchpad",
            1,
            {"port bits": banks * word, "address bits": banks * config.vector.address_bits},
        ),
        Part(
            "processor",
            "command processor",
            1,
            {"bank bits": banks, "one": 1},
            (MemoryShape(COMMAND_BITS + 1, config.fetch_depth - 1),),
        ),
        Part("processor__check", "command processor", 1, {"bank bits": banks, "one": 1}),
        Part(
            "scheduler",
            "command processor",
            1,
            {"entry bits": entry * units, "bank units": banks * units * units, "one": 1},
            units * (MemoryShape(entry, config.queue_depth - 1),),
        ),
        Part("registers", "command processor", 1, {"one": 1}),
        Part("accelerator_core", "command processor", 1, {"one": 1}),
        Part("accelerator", "command processor", 1, {"one": 1}),
        Part(
            "reader",
            "DMA and AXI",
            1,
            {"queue entries": config.outstanding, "address bits": config.address_bits, "one": 1},
        ),
        Part(
            "load",
            "DMA and AXI",
            1,
            {"address bits": config.address_bits, "word bytes": word // 8, "one": 1},
        ),
        Part(
            "store",
            "DMA and AXI",
            1,
            {
                "bus bits": bus,
                "shifted bits": shifter,
                "word bits": word,
                "address bits": config.address_bits,
                "queue entries": config.outstanding,
                "one": 1,
            },
        ),
    ]


def _vector_parts(config: AcceleratorConfig) -> list[Part]:
    vector = config.vector
    return [
        Part("vector_lane", "vector unit", vector.lanes, {"one": 1}),
        # A tree over the lanes, four that add up its sums, and one of the scalars.
        Part("fp32_adder", "vector unit", vector.lanes + 4, {"one": 1}),
        Part("fp32_multiplier", "vector unit", 1, {"one": 1}),
        Part(
            "vector_unit",
            "vector unit",
            1,
            {"lanes": vector.lanes, "one": 1},
            (MemoryShape(32, vector.scalars, copies=2), MemoryShape(32, vector.scalars)),
        ),
    ]
