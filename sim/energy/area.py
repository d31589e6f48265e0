"""Area, leakage and clock energy of an accelerator by unit, from coefficients fitted to syntheses of its parts.

A file ``area.toml`` in the folder of a process has the coefficients, one for each feature of each part of
:mod:`.structure`, and the SRAM macros that memories become. ``benchmarks/area_table.py`` writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Self

from pydantic import Field, model_validator

from tilewright.base.errors import ConfigError
from tilewright.sim.config import AcceleratorConfig
from tilewright.sim.config.base import Frozen
from tilewright.sim.config.load import load_description
from tilewright.sim.config.process import FOLDER, process_file, process_names

from .structure import UNITS, MemoryShape, Part, parts

FILE = "area.toml"
Amount = Annotated[float, Field(ge=0, le=1e9)]


class Coefficients(Frozen):
    """Cost of one of something: a bit of a register, a bit of an adder, a whole part."""

    area_um2: Amount = 0
    """Area of cells, without wires."""
    leakage_uw: Amount = 0
    """Leakage of cells."""
    flip_flops: Amount = 0
    """Number of flip-flops."""


class MacroFigures(Frozen):
    """One SRAM macro of the process, with a read port and a write port."""

    words: Annotated[int, Field(ge=1)]
    """Number of words."""
    width: Annotated[int, Field(ge=1)]
    """Number of bits of a word."""
    mask: bool
    """Whether each bit of a word can be written alone."""
    area_um2: Amount
    """Area of the macro."""
    leakage_uw: Amount
    """Leakage of the macro."""


class FeatureRange(Frozen):
    """Least and greatest value of a feature among the parts that were synthesised."""

    least: float
    """Least value of the feature in a part."""
    greatest: float
    """Greatest value of the feature in a part."""


class AreaModel(Frozen):
    """Coefficients of one process."""

    tools: dict[str, str]
    """Versions of the tools that made the figures."""
    clock_pj: Amount
    """Energy that a flip-flop takes in a cycle in which nothing but the clock moves, without a clock tree."""
    bit_area_um2: Amount
    """Area for which a bit of memory counts in flip-flops when a macro would take its place."""
    macros: dict[str, MacroFigures] = {}
    """SRAM macros by their names; memories are flip-flops if there are none."""
    parts: dict[str, dict[str, Coefficients]]
    """Coefficients by part and feature; those of the part ``memory`` hold for memories of all parts."""
    ranges: dict[str, dict[str, FeatureRange]]
    """Range of each feature of each part in which the coefficients were fitted or checked."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, features in self.ranges.items():
            for feature, range_ in features.items():
                if range_.greatest < range_.least:
                    raise ValueError(f"ranges.{name}.{feature}: greatest is below least")
        return self


@dataclass(frozen=True)
class PartArea:
    """Cost of one part, once."""

    cells_um2: float
    macros_um2: float
    leakage_uw: float
    flip_flops: float
    macros: Mapping[str, int]
    """Number of each SRAM macro."""


@dataclass(frozen=True)
class UnitArea:
    """Cost of one unit of an accelerator."""

    unit: str
    area_um2: float
    """Area of cells and macros, without wires and free room."""
    macros_um2: float
    """Area of the SRAM macros, a part of ``area_um2``."""
    leakage_uw: float
    """Leakage of cells and macros."""
    flip_flops: int
    """Number of flip-flops."""
    clock_pj: float
    """Energy of the flip-flops in a cycle in which nothing but the clock moves, without a clock tree and macros."""
    extrapolated: tuple[str, ...]
    """Features of parts of the unit that lie outside the range in which the coefficients were fitted or checked."""


def load_area_model(process: str) -> AreaModel:
    """Return the coefficients of a process.

    Raises
    ------
    ConfigError
        If there is no such process, or no area was measured in it.
    """
    if not process_file(process, FILE).is_file():
        known = ", ".join(name for name in process_names() if process_file(name, FILE).is_file())
        raise ConfigError(f"process = {process!r} is not allowed: its area was not measured; that of {known} was")
    return _load(process)


@cache
def _load(process: str) -> AreaModel:
    return load_description(AreaModel, process_file(process, FILE), FOLDER, "file of areas")


def unit_areas(config: AcceleratorConfig, model: AreaModel) -> list[UnitArea]:
    """Return the cost of each unit of an accelerator, without its NPE."""
    units: dict[str, list[Part]] = {unit: [] for unit in UNITS}
    for part in parts(config):
        units[part.unit].append(part)
    return [_unit(unit, inside, model) for unit, inside in units.items()]


def _unit(unit: str, inside: list[Part], model: AreaModel) -> UnitArea:
    costs = [(part.count, part_area(part, model)) for part in inside]
    flip_flops = sum(count * cost.flip_flops for count, cost in costs)
    return UnitArea(
        unit=unit,
        area_um2=sum(count * (cost.cells_um2 + cost.macros_um2) for count, cost in costs),
        macros_um2=sum(count * cost.macros_um2 for count, cost in costs),
        leakage_uw=sum(count * cost.leakage_uw for count, cost in costs),
        flip_flops=round(flip_flops),
        clock_pj=flip_flops * model.clock_pj,
        extrapolated=tuple(name for part in inside for name in outside(part, model)),
    )


def part_area(part: Part, model: AreaModel) -> PartArea:
    """Return the cost of one part."""
    macros: dict[str, int] = {}
    for memory in part.memories:
        name, count = memory_macros(memory, model)
        if name is not None:
            macros[name] = macros.get(name, 0) + count
    own, shared = model.parts.get(part.name, {}), model.parts.get("memory", {})
    terms = [(size, own.get(feature, Coefficients())) for feature, size in part.features.items()]
    terms += [(size, shared.get(feature, Coefficients())) for feature, size in memory_features(part, model).items()]
    return PartArea(
        cells_um2=sum(size * each.area_um2 for size, each in terms),
        macros_um2=sum(count * model.macros[name].area_um2 for name, count in macros.items()),
        leakage_uw=sum(size * each.leakage_uw for size, each in terms)
        + sum(count * model.macros[name].leakage_uw for name, count in macros.items()),
        flip_flops=sum(size * each.flip_flops for size, each in terms),
        macros=macros,
    )


def memory_features(part: Part, model: AreaModel) -> dict[str, float]:
    """Return what the memories of a part are made of besides macros, by the features of the part ``memory``."""
    features = {"bits": 0.0, "words": 0.0, "bypass bits": 0.0, "joined bits": 0.0}
    for memory in part.memories:
        name, _ = memory_macros(memory, model)
        if name is None:
            features["bits"] += memory.bits
            features["words"] += memory.depth
        else:
            rows = -(-memory.depth // model.macros[name].words)
            features["bypass bits"] += memory.width * memory.bypass
            features["joined bits"] += memory.width * memory.copies * (rows - 1)
    return features


def memory_macros(memory: MemoryShape, model: AreaModel) -> tuple[str | None, int]:
    """Return the macro that a memory becomes and how many of it; no macro if flip-flops take less area.

    Where words are written in parts, a macro without a mask holds one part of each word.
    """
    best: tuple[float, str | None, int] = (memory.bits * model.bit_area_um2, None, 0)
    for name, macro in sorted(model.macros.items()):
        whole = macro.mask or not memory.mask_bits
        taken = macro.width if whole else min(macro.width, memory.mask_bits)
        count = -(-memory.width // taken) * -(-memory.depth // macro.words) * memory.copies
        best = min(best, (count * macro.area_um2, name, count), key=lambda each: each[0])
    return best[1:]


def outside(part: Part, model: AreaModel) -> list[str]:
    """Return the features of a part that lie outside the range of the model, each with part and value."""
    ranges = model.ranges.get(part.name, {})
    return [
        f"{part.name}: {feature} = {size:,.0f}"
        for feature, size in part.features.items()
        if feature not in ranges or not ranges[feature].least <= size <= ranges[feature].greatest
    ]
