"""Small accelerators whose parts are synthesised, so that coefficients of area follow from them: the fitted points.

Each point changes something of one accelerator and synthesises the components whose parts this changes, each alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from amaranth.lib import wiring

from tilewright.hw.accelerator.accelerator import Accelerator
from tilewright.hw.accelerator.load import LoadUnit
from tilewright.hw.accelerator.processor import Processor
from tilewright.hw.accelerator.product import ArrayUnit
from tilewright.hw.accelerator.reader import Reader
from tilewright.hw.accelerator.registers import Registers
from tilewright.hw.accelerator.scheduler import Scheduler
from tilewright.hw.accelerator.scratchpad import Scratchpad
from tilewright.hw.accelerator.store import StoreUnit
from tilewright.hw.vector.unit import VectorUnit
from tilewright.sim.config import AcceleratorConfig, System, load_system

Build = Callable[[AcceleratorConfig], wiring.Component]
COMPONENTS: Mapping[str, Build] = {
    "accelerator": lambda config: Accelerator(config=config),
    "array": lambda config: ArrayUnit(config=config),
    "processor": lambda config: Processor(config=config),
    "scheduler": lambda config: Scheduler(config=config),
    "registers": lambda config: Registers(config=config),
    "reader": lambda config: Reader(config=config),
    "load": lambda config: LoadUnit(config=config),
    "store": lambda config: StoreUnit(config=config),
    "scratchpad": lambda config: Scratchpad(config=config, readers=5, writers=3),
    "vector_unit": lambda config: VectorUnit(config=config.vector),
}
"""Components of an accelerator by the names of their modules."""
FABRIC = ("processor", "scheduler", "registers", "reader", "load", "store", "scratchpad")
BASE = "nano"


@dataclass(frozen=True)
class Point:
    """One accelerator, and the components of it that are synthesised."""

    components: tuple[str, ...]
    changes: Mapping[str, object] = field(default_factory=dict)
    base: str = BASE

    @property
    def system(self) -> System:
        """The system that contains the accelerator."""
        return load_system(self.base).with_(self.changes)


def _array(**changes: object) -> Point:
    """Return a point of the array: changes of a tile, and those of its macro, of which each begins with ``macro_``."""
    paths = {
        f"cim.tile.{name.replace('macro_', 'macro.')}" if name != "tiles" else "cim.tiles": value
        for name, value in changes.items()
    }
    return Point(("array",), paths)


WIDE = {"fabric.bus_bits": 64, "cim.tile.weight_bus_bits": 64, "cim.tile.macro.columns": 16}
"""A bus of two words of the base."""
POINTS = (
    _array(),
    _array(macro_rows=16),
    _array(macro_columns=16),
    _array(macro_weight_bits=8),
    _array(macro_input_bits_per_cycle=2, macro_weight_banks=3),
    _array(macro_rows=16, macro_input_bits_per_cycle=4),
    _array(grid_rows=2, grid_columns=2),
    _array(tiles=2),
    _array(tiles=4, accumulator_vectors=32),
    _array(accumulator_vectors=64, input_buffer_vectors=8, result_buffer_vectors=4),
    _array(activation_bus_bits=64, result_bus_bits=64),
    Point(FABRIC),
    Point(("load", "reader", "store", "scheduler"), WIDE),
    Point(
        ("processor", "scheduler", "reader", "store", "load"),
        {"fabric.queue_depth": 4, "fabric.fetch_depth": 4, "fabric.outstanding": 8, "fabric.weight_buffer_beats": 256},
    ),
    Point(("scratchpad", "processor", "scheduler"), {"fabric.banks": 8, "vector.address_bits": 10}),
    Point(("scratchpad", "load", "store", "vector_unit", "array"), {"vector.lanes": 4}),
    _array(macro_rows=32, macro_columns=16, macro_input_bits_per_cycle=2),
    _array(macro_rows=16, macro_columns=16, macro_weight_format="fp4_e2m1"),
    _array(grid_rows=4, group_rows=32, group_scale="e8m0"),
    Point(("load", "vector_unit"), {"vector.lanes": 8, "vector.scalars": 64}),
    Point(("accelerator",)),
    Point(("vector_unit",)),
)
"""Points in the order in which they are synthesised: the most telling first."""


ONLY = {
    "accelerator": {"accelerator", "accelerator_core", "vector_lane", "fp32_adder", "fp32_multiplier"},
    "vector_unit": {"vector_unit"},
}
"""Parts of some components that a fitted point synthesises: what others have, or is always the same, is left out."""


def components(point: Point) -> Iterator[tuple[str, wiring.Component]]:
    """Yield the components of a point with the names of their modules."""
    for name in point.components:
        yield name, COMPONENTS[name](point.system.accelerator)


_WIDE_FABRIC: Mapping[str, object] = {
    "vector.lanes": 8, "vector.address_bits": 10, "fabric.banks": 8, "fabric.bus_bits": 128, "fabric.outstanding": 16,
    "fabric.weight_buffer_beats": 512, "fabric.queue_depth": 8, "fabric.fetch_depth": 8,
    "cim.tile.weight_bus_bits": 128, "cim.tile.activation_bus_bits": 128, "cim.tile.result_bus_bits": 128,
    "cim.tile.accumulator_vectors": 64,
}  # fmt: skip


def _whole(base: str = BASE, fabric: Mapping[str, object] | None = None, **changes: object) -> Point:
    """Return a whole accelerator: a base with other connections between its units, and another array."""
    return Point(("accelerator",), {**(fabric or {}), **_array(**changes).changes}, base)


_QUEUES_OF_3: Mapping[str, object] = {"fabric.queue_depth": 3, "vector.address_bits": 12}
_FOUR = {"grid_rows": 2, "grid_columns": 2}
"""A tile of four macros."""
_ONE = {"grid_rows": 1, "grid_columns": 1}
HELD_OUT: Mapping[str, Point] = {
    "1 x 32x32 INT4 of 16x16, 2 bits a cycle": _whole("tiny", accumulator_vectors=8),
    "2 x 16x16 INT8 of 16x16": _whole(
        fabric=_QUEUES_OF_3, tiles=2, macro_rows=16, macro_columns=16, macro_weight_bits=8
    ),
    "2 x 32x32 INT4 of 32x32": _whole(fabric=_WIDE_FABRIC, tiles=2, macro_rows=32, macro_columns=32),
    "1 x 32x32 INT4 of 32x32": _whole(
        "tiny", **_ONE, macro_rows=32, macro_columns=32, macro_input_bits_per_cycle=1, accumulator_vectors=8
    ),
    "2 x 16x16 INT4 of 8x8, 4 bits a cycle": _whole(
        fabric=_QUEUES_OF_3, tiles=2, **_FOUR, macro_input_bits_per_cycle=4
    ),
    "2 x 32x32 INT8 of 16x16, 4 bits a cycle": _whole(
        fabric=_WIDE_FABRIC, tiles=2, **_FOUR, macro_rows=16, macro_columns=16, macro_weight_bits=8,
        macro_input_bits_per_cycle=4,
    ),
    "1 x 32x32 INT8 of 16x16, 4 bits a cycle": _whole(
        "tiny", accumulator_vectors=8, macro_weight_bits=8, macro_input_bits_per_cycle=4
    ),
    "2 x 32x32 FP4 of 16x16, three banks": _whole(
        fabric=_WIDE_FABRIC, tiles=2, **_FOUR, macro_rows=16, macro_columns=16, macro_weight_format="fp4_e2m1",
        macro_weight_banks=3,
    ),
}  # fmt: skip
"""Whole accelerators that are not fitted, by what they are: the areas of the model are checked with them."""
