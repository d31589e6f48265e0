"""Legality of many systems at once: every rule of :mod:`tilewright.sim.config`, over arrays.

Limits of single fields are read from the descriptions themselves. Rules over several fields are written again here; a
test holds both against the validation of single systems, over random ones.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import numpy as np
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tilewright.base.errors import ConfigError
from tilewright.sim.config import System
from tilewright.sim.config.dram import dram_names
from tilewright.sim.config.problems import model_at
from tilewright.sim.formats import stored_format
from tilewright.sim.formats.minifloat import usual_name
from tilewright.sim.isa.widths import (
    COMMAND_BYTES,
    MAX_ARRAY_SLOTS,
    MAX_BLOCK_COLUMNS,
    MAX_BLOCK_ROWS,
    PAGE_BYTES,
    SCRATCHPAD_ADDRESS_BITS,
)

if TYPE_CHECKING:
    from .designs import Designs

Mask = Any
"""A mask over designs, or one truth value for all of them."""
MACRO, TILE = "cim.tile.macro", "cim.tile"
SIGNIFICAND_BITS = 52
SIGNIFICAND = (1 << SIGNIFICAND_BITS) - 1
EXPONENT_OF_HALF = 1022
"""The exponent field of one half in float64."""
SPECIAL = ("name", "description", "sources", "npe", "host", "process", "energy.macro")
"""Fields, and first keys of fields, that are checked design by design, each combination of values once."""


def legal_designs(designs: "Designs") -> np.ndarray:
    """Return the mask of the designs that are valid systems."""
    legal = np.ones(len(designs), bool)
    for path, values in designs.fields.items():
        if not _is_special(path):
            legal &= _allowed(path, values)
    legal &= _special(designs)
    with np.errstate(all="ignore"):
        for rule in RULES:
            legal &= rule(designs)
    return legal


def divides(divisor: Any, number: Any) -> Mask:
    """Return where a number is a multiple of another, both whole numbers as float64."""
    quotient = number / divisor
    return quotient == np.floor(quotient)


def power_of_two(number: Any) -> Mask:
    """Return where whole numbers from 1 on, as float64, are powers of two: where the significand is 1."""
    return np.asarray(number, np.float64).view(np.int64) & SIGNIFICAND == 0


def bit_length(number: Any) -> Any:
    """Return the number of bits of whole numbers from 0 on, as float64; the exponent of a float64 says it."""
    exponents = np.asarray(number, np.float64).view(np.int64) >> SIGNIFICAND_BITS
    return np.maximum(exponents - EXPONENT_OF_HALF, 0) * 1.0


def up(number: Any, divisor: Any) -> Any:
    """Return the quotient, rounded up."""
    return np.ceil(number / divisor)


# Single fields.


@cache
def _field(path: str) -> FieldInfo:
    keys = path.split(".")
    part = model_at(System, keys[:-1])
    assert part is not None
    return part.model_fields[keys[-1]]


def _allowed(path: str, values: np.ndarray) -> Mask:
    """Return where the values of a field are allowed by the field itself."""
    field = _field(path)
    kind, limits = field.annotation, list(field.metadata)
    choices = [each for each in get_args(kind) if each is not type(None)]
    if len(choices) == 1 and len(get_args(kind)) == 2 and get_origin(choices[0]) is Annotated:
        kind, *more = get_args(choices[0])
        limits += [limit for each in more for limit in getattr(each, "metadata", [each])]
    if kind in (int, float) and values.dtype.kind in "iuf":
        mask = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
        if kind is int and values.dtype.kind == "f":
            mask &= values == np.floor(values)
        for limit in limits:
            for name, holds in (("ge", np.greater_equal), ("gt", np.greater), ("le", np.less_equal)):
                bound = getattr(limit, name, None)
                if bound is not None:
                    mask &= holds(values, bound)
        return mask
    if values.dtype.kind in "bUS" and not any(isinstance(each, str) or each is str for each in (kind, *get_args(kind))):
        return np.zeros(len(values), bool)  # texts and truth values are no numbers
    from .designs import different

    mask = np.zeros(len(values), bool)
    for value, places in different(values):
        if _accepts(path, value):
            mask |= places
    return mask


@cache
def _adapter(path: str) -> TypeAdapter:
    field = _field(path)
    kind: Any = field.annotation
    return TypeAdapter(Annotated[kind, *field.metadata] if field.metadata else kind)


def _accepts(path: str, value: Any) -> bool:
    if path == f"{MACRO}.weight_format" and isinstance(value, str):
        value = usual_name(value)
    try:
        _adapter(path).validate_python(value)
    except ValidationError:
        return False
    return True


def _is_special(path: str) -> bool:
    return path in SPECIAL or path.split(".")[0] in SPECIAL


def _special(designs: "Designs") -> Mask:
    """Return where texts, and fields of the NPE and of the host, are allowed."""
    names = [path for path in designs.fields if _is_special(path)]
    if not names:
        return True
    seen: dict[tuple, bool] = {}
    found = np.zeros(len(designs), bool)
    fabric_bits = "fabric.address_bits"
    for index in range(len(designs)):
        changes = designs.changes(index)
        chosen = {path: changes[path] for path in names}
        # The addresses of the NPE and of the fabric belong together.
        if fabric_bits in changes:
            chosen[fabric_bits] = changes[fabric_bits]
        key = tuple(map(repr, chosen.values()))
        if key not in seen:
            try:
                designs.base.with_(chosen)
                seen[key] = True
            except ConfigError:
                seen[key] = False
        found[index] = seen[key]
    return found


# Rules over several fields, by the class that has them.


def weights_of(designs: "Designs", what: str) -> Any:
    """Return a number of each design's format of weights, an attribute of a stored format."""
    formats = designs.field(f"{MACRO}.weight_format")
    if isinstance(formats, str) and formats == "int" and f"{MACRO}.weight_bits" not in designs.fields:
        return float(getattr(designs.base.cim_array.tile.macro.weights, what))
    fp4 = designs.looked_up(f"{MACRO}.weight_format", lambda name: usual_name(str(name)) != "int")
    of_int = designs.looked_up(
        f"{MACRO}.weight_bits", lambda bits: getattr(stored_format("int8" if bits == 8 else "int4"), what)
    )
    return np.where(fp4, getattr(stored_format("fp4_e2m1"), what), of_int)


def scale_growth_bits(designs: "Designs") -> Any:
    """Return the number of bits by which the scales of groups widen a sum."""
    # The largest uint8 is 255; the largest e8m0 scale is 2**max_shift.
    of_uint8 = designs.looked_up(f"{TILE}.group_scale", lambda name: 8.0 * (name == "uint8"))
    shifts = designs.looked_up(f"{TILE}.group_scale", lambda name: name == "e8m0")
    return of_uint8 + shifts * designs.number(f"{TILE}.max_shift")


def sum_bits(designs: "Designs") -> Any:
    """Return the width of the scaled sum over a tile's rows."""
    rows = designs.number(f"{TILE}.grid_rows") * designs.number(f"{MACRO}.rows")
    dot = weights_of(designs, "count_bits") + designs.number(f"{MACRO}.input_bits") + bit_length(rows - 1)
    return dot + scale_growth_bits(designs)


def _macro(designs: "Designs") -> Mask:
    return designs.number(f"{MACRO}.weight_bits") == weights_of(designs, "bits")


def _narrow(designs: "Designs") -> Mask:
    """Return where narrow weights stand beside INT8."""
    none = designs.looked_up(f"{TILE}.narrow_weights", lambda name: usual_name(str(name)) == "none")
    return np.not_equal(none, 0) | (designs.number(f"{MACRO}.weight_bits") == stored_format("int8").bits)


def _streams(designs: "Designs") -> Mask:
    """Return where each bus of a tile has a power of two of elements, and divides a row of them."""
    number = designs.number
    rows = number(f"{TILE}.grid_rows") * number(f"{MACRO}.rows")
    columns = number(f"{TILE}.grid_columns") * number(f"{MACRO}.columns")
    legal: Mask = True
    for bus, unit, row in (
        (number(f"{TILE}.weight_bus_bits"), number(f"{MACRO}.weight_bits"), columns),
        (number(f"{TILE}.activation_bus_bits"), number(f"{MACRO}.input_bits"), rows),
        (number(f"{TILE}.result_bus_bits"), number(f"{TILE}.accumulator_bits"), columns),
    ):
        elements = bus / unit
        legal = legal & (elements >= 1) & power_of_two(elements) & (elements == np.floor(elements))
        legal = legal & divides(bus, row * unit)
    return legal


def _groups(designs: "Designs") -> Mask:
    """Return where groups of rows have scales if and only if there are groups, and divide macro and tile."""
    number = designs.number
    size, macro = number(f"{TILE}.group_rows"), number(f"{MACRO}.rows")
    rows = number(f"{TILE}.grid_rows") * macro
    none = designs.looked_up(f"{TILE}.group_scale", lambda name: name == "none")
    fits = divides(macro, size) & (divides(size, rows) | divides(rows, size))
    return np.equal(none, size == 0) & ((size == 0) | fits)


def _accumulators(designs: "Designs") -> Mask:
    return designs.number(f"{TILE}.accumulator_bits") >= sum_bits(designs)


def _array(designs: "Designs") -> Mask:
    """Return where one command can address all tiles, and several can be added."""
    number = designs.number
    tiles = number("cim.tiles")
    rows = number(f"{TILE}.grid_rows") * number(f"{MACRO}.rows")
    columns = number(f"{TILE}.grid_columns") * number(f"{MACRO}.columns")
    several = (
        (tiles * columns <= MAX_BLOCK_COLUMNS)
        & (number(f"{TILE}.accumulator_vectors") <= MAX_ARRAY_SLOTS)
        & (number(f"{TILE}.accumulator_bits") >= sum_bits(designs) + bit_length(tiles - 1))
    )
    return (tiles * rows <= MAX_BLOCK_ROWS) & ((tiles == 1) | several)


def _fabric(designs: "Designs") -> Mask:
    """Return where the parts of an accelerator fit together."""
    number = designs.number
    banks, bus, burst = number("fabric.banks"), number("fabric.bus_bits"), number("fabric.max_burst")
    buffer, lanes = number("fabric.weight_buffer_beats"), number("vector.lanes")
    word = 32 * lanes
    activation, result = number(f"{TILE}.activation_bus_bits"), number(f"{TILE}.result_bus_bits")
    columns = number(f"{TILE}.grid_columns") * number(f"{MACRO}.columns")
    legal: Mask = number(f"{TILE}.accumulator_bits") == 32
    for each in (banks, bus, burst, buffer, activation, result, columns, number("vector.scalars")):
        legal = legal & power_of_two(each)
    legal = legal & (bus <= word) & (activation <= word) & (result <= word)
    legal = legal & (burst * bus >= 8 * COMMAND_BYTES)
    legal = legal & (number(f"{TILE}.weight_bus_bits") == bus)
    legal = legal & (buffer >= 2 * np.minimum(burst, 8 * PAGE_BYTES / bus))
    room = np.ldexp(banks * lanes, np.asarray(number("vector.address_bits"), np.int64))
    legal = legal & (room <= 1 << SCRATCHPAD_ADDRESS_BITS)
    npe = designs.field("npe")
    if npe is not None and not any(path.startswith("npe.") for path in designs.fields):
        legal = legal & (number("fabric.address_bits") == npe.address_bits)
    return legal


def _memory(designs: "Designs") -> Mask:
    """Return where the bus takes what memory delivers, and the energy of a bit is known."""
    number = designs.number
    legal: Mask = number("memory.bandwidth_mb_per_s") * 8 <= number("clock_mhz") * number(f"{TILE}.weight_bus_bits")
    if "memory.kind" in designs.fields or "memory.energy_pj_per_bit" in designs.fields:
        known = designs.looked_up("memory.kind", lambda kind: kind in dram_names())
        if "memory.energy_pj_per_bit" in designs.fields:
            stated = designs.looked_up("memory.energy_pj_per_bit", lambda energy: energy is not None)
        else:
            stated = any(True for _ in _energy_fields(designs))
        legal = legal & (np.equal(known, 1) | np.equal(stated, 1))
    return legal


def _energy_fields(designs: "Designs") -> Iterator[str]:
    """Yield what states the energy of a bit of memory."""
    if designs.field("memory.energy_pj_per_bit") is not None:
        yield "memory.energy_pj_per_bit"
    yield from (path for path in designs.fields if path.startswith("memory.energy_pj_per_bit."))


def _levels(designs: "Designs") -> Mask:
    """Return where a low, a middle and a high figure are all there, and ascend."""
    legal: Mask = True
    for part in ("memory.energy_pj_per_bit", "memory.background_mw"):
        given = [path for path in designs.fields if path.startswith(f"{part}.")]
        if not given:
            continue
        figures = [designs.field(f"{part}.{level}") for level in ("low", "mid", "high")]
        if any(each is None for each in figures):
            return False
        low, mid, high = (designs.number(f"{part}.{level}") for level in ("low", "mid", "high"))
        legal = legal & (low <= mid) & (mid <= high)
    return legal


def _refresh(designs: "Designs") -> Mask:
    """Return where a refresh ends before the next one begins."""
    paths = "memory.refresh.interval_ns", "memory.refresh.time_ns"
    if all(designs.field(path) is None for path in paths):
        return True
    if any(designs.field(path) is None for path in paths):
        return False
    period, pause = refresh_cycles(designs)
    interval, time = map(designs.number, paths)
    return (time < interval) & (pause < period)


def refresh_cycles(designs: "Designs") -> tuple[Any, Any]:
    """Return the period of refresh and the length of a refresh in cycles; 1 and 0 without refresh."""
    if designs.field("memory.refresh.interval_ns") is None:
        return 1.0, 0.0
    clock = designs.number("clock_mhz")
    interval, time = designs.number("memory.refresh.interval_ns"), designs.number("memory.refresh.time_ns")
    return np.floor_divide(interval * clock, 1000), -np.floor_divide(-time * clock, 1000)


RULES = (_macro, _narrow, _streams, _groups, _accumulators, _array, _fabric, _memory, _levels, _refresh)
"""Rules over several fields."""
