"""The cells of a process: one liberty file, or several that belong together, as all tools of the flow read them."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.hw.synth.clock_gates import ClockGate, find_gate
from tilewright.hw.synth.liberty import Group, Level, LibertyFile, read_liberty
from tilewright.hw.synth.macros import LOGIC_BIT, SramMacro, is_memory, ram_blocks, read_macro, usable
from tilewright.hw.synth.units import UNITS, check_common, check_conditions, check_units, unit


@dataclass(frozen=True)
class Cell:
    """A cell of a library."""

    path: Path
    """File that contains it."""
    group: Group

    @cached_property
    def pins(self) -> Mapping[str, Level]:
        """Pins by their names; those of buses are left out."""
        return {group.name: group.level for group in self.group.level.groups if group.kind == "pin"}

    @property
    def inputs(self) -> list[str]:
        """Names of the input pins."""
        return [name for name, pin in self.pins.items() if pin.attributes.get("direction") == "input"]

    @property
    def outputs(self) -> list[str]:
        """Names of the output pins."""
        return [name for name, pin in self.pins.items() if pin.attributes.get("direction") == "output"]

    @property
    def functions(self) -> Mapping[str, str]:
        """Functions of the inputs, by the output pins that have one, without blanks and parentheses."""
        stated = {name: re.sub(r"[\s()]", "", pin.attributes.get("function", "")) for name, pin in self.pins.items()}
        return {} if self.stores else {name: function for name, function in stated.items() if function}

    @property
    def is_flip_flop(self) -> bool:
        """Whether the cell stores a bit at an edge of a clock."""
        return bool(re.search(rb"\bff\s*\(", self.group.body))

    @property
    def stores(self) -> bool:
        """Whether the cell is a flip-flop, a latch or a memory."""
        return bool(re.search(rb"\b(ff|ff_bank|latch|latch_bank|memory|statetable)\s*\(", self.group.body))

    @property
    def is_buffer(self) -> bool:
        """Whether the cell has one input and passes it on."""
        return len(self.inputs) == 1 and [*self.functions.values()] == self.inputs

    @property
    def has_internal_power(self) -> bool:
        """Whether the library states energies of transitions inside the cell."""
        return bool(re.search(rb"\binternal_power\s*\(", self.group.body))

    @property
    def has_leakage(self) -> bool:
        """Whether the library states the leakage of the cell."""
        return bool(re.search(rb"\b(cell_leakage_power\s*:|leakage_power\s*\()", self.group.body))


@dataclass(frozen=True, kw_only=True)
class Library:
    """Cells that all tools of the flow can read."""

    files: tuple[Path, ...]
    names: tuple[str, ...]
    """Name of the library in each file, in the order of the alphabet."""
    content: bytes = field(repr=False)
    """Text of the file, or of all of them as one library; it does not depend on their order."""
    units: Mapping[str, str]
    """Units as the files state them, by their attributes."""
    process: float | None
    voltage_v: float
    temperature_c: float | None
    cells: Mapping[str, "Cell"] = field(repr=False)
    """Cells by their names, without memories."""
    macros: Mapping[str, SramMacro] = field(repr=False, default_factory=dict)
    """SRAM macros by their names."""

    leakage_unit_uw: float = field(repr=False, default=0.0)
    """Unit in which the cells state their leakage; 0 if they state none."""

    @property
    def usable_macros(self) -> list[SramMacro]:
        """Macros that a memory may become, in the order of their numbers in a netlist."""
        return usable(self.macros)

    @cached_property
    def clock_gate(self) -> ClockGate | None:
        """Cell that stops the clock of flip-flops, if there is one."""
        return find_gate(self.cells)

    @property
    def bit_area(self) -> float:
        """Area for which a bit of a memory counts in flip-flops when a macro would take its place."""
        areas = [cell.group.level.number("area") or 0.0 for cell in self.cells.values() if cell.is_flip_flop]
        return LOGIC_BIT * min(areas)

    @property
    def label(self) -> str:
        """Paths of the files, for a message."""
        return ", ".join(map(str, self.files))

    @property
    def digest(self) -> str:
        """Hash of everything that the tools read."""
        blocks = ram_blocks(self.usable_macros).encode()
        return hashlib.sha256(self.content + blocks).hexdigest()

    def to_dict(self) -> dict:
        """Return what ``tilewright synth --json`` says of the library."""
        return {
            "names": list(self.names),
            "cells": len(self.cells),
            **self.units,
            "process": self.process,
            "voltage_v": self.voltage_v,
            "temperature_c": self.temperature_c,
            **({"macros": [macro.to_dict() for macro in self.macros.values()]} if self.macros else {}),
        }


def read_library(paths: Sequence[Path]) -> Library:
    """Return the library that liberty files make up.

    Raises
    ------
    ConfigError
        If a file cannot be read, lacks a unit, the voltage or cells without which nothing can be mapped, or does not
        belong to the others.
    """
    for path in paths:
        if list(paths).count(path) > 1:
            raise ConfigError(f"liberty file {path}: is named twice: each file is allowed once")
    everything = sorted(map(read_liberty, paths), key=lambda file: file.name)
    for file in everything:
        check_units(file)
    # Files of macros alone have units and thresholds of their own: their figures are read here, by no tool.
    files = [file for file in everything if not _is_of_macros(file)]
    label = ", ".join(map(str, paths))
    if not files:
        raise ConfigError(f"{label}: has memories alone: name the liberty files of the cells, too")
    first = files[0]
    for file in files[1:]:
        check_common(first, file)
    for file in everything:
        check_conditions(first, file)
    groups = _cells(everything)
    cells = {name: cell for name, cell in groups.items() if not is_memory(cell.group)}
    _check_cells(label, list(cells.values()))
    by_path = {file.path: file for file in everything}
    macros = {
        name: read_macro(by_path[cell.path], cell.group) for name, cell in groups.items() if is_memory(cell.group)
    }
    stated = first.level.attributes
    return Library(
        files=tuple(paths),
        names=tuple(file.name for file in everything),
        content=_content(files),
        units={name: re.sub(r"[\s,]", "", stated[name]) for name in UNITS if name in stated},
        process=first.level.number("nom_process"),
        voltage_v=unit(first, "voltage_unit") * (first.level.number("nom_voltage") or 0),
        temperature_c=first.level.number("nom_temperature"),
        cells=cells,
        macros=macros,
        leakage_unit_uw=unit(first, "leakage_power_unit") * 1e6 if "leakage_power_unit" in stated else 0.0,
    )


def _is_of_macros(file: LibertyFile) -> bool:
    cells = [group for group in file.level.groups if group.kind == "cell"]
    return bool(cells) and all(map(is_memory, cells))


def _cells(files: Sequence[LibertyFile]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for file in files:
        for group in file.level.groups:
            if group.kind != "cell":
                continue
            if group.name in cells:
                where = cells[group.name].path
                twice = "is there twice" if where == file.path else f"is in {where}, too"
                raise ConfigError(f"{file.path}: cell '{group.name}' {twice}: each cell is allowed once")
            cells[group.name] = Cell(file.path, group)
    return cells


def _check_cells(label: str, cells: Sequence[Cell]) -> None:
    """Check that there are cells to which any design can be mapped."""
    small = sorted(cells, key=lambda cell: len(cell.group.body))
    needed = {
        "flip-flop": lambda cell: cell.is_flip_flop,
        "inverter": lambda cell: len(cell.inputs) == 1 and any(set("!'") & {*f} for f in cell.functions.values()),
        "buffer": lambda cell: cell.is_buffer,
        "gate of two inputs": lambda cell: len(cell.inputs) == 2 and any("^" not in f for f in cell.functions.values()),
    }
    for kind, fits in needed.items():
        found = next(filter(fits, small), None)
        if found is None:
            raise ConfigError(
                f"{label}: no {kind} among {len(cells)} cells: {', '.join(needed)} are needed; "
                "name all liberty files of the process"
            )
        area = found.group.level.number("area")
        if area is None or area < 0:
            stated = "absent" if area is None else f"{area:g}"
            raise ConfigError(f"{found.path}: cell '{found.group.name}': area is {stated}: it must be 0 or more")


def _content(files: Sequence[LibertyFile]) -> bytes:
    """Return one library with everything of the first file, and the cells and templates of the others."""
    first = files[0]
    known = {(group.kind, group.name): (first, group) for group in first.level.groups}
    added = []
    for file in files[1:]:
        for group in file.level.groups:
            where, same = known.setdefault((group.kind, group.name), (file, group))
            if where is file:
                added.append(group.text)
            elif group.kind.endswith("_template") and _blanks_out(group.body) != _blanks_out(same.body):
                raise ConfigError(
                    f"{file.path}: {group.kind} '{group.name}' is not the one in {where.path}: "
                    "files that belong together have the same templates"
                )
    if ("operating_conditions", first.level.attributes.get("default_operating_conditions")) not in known:
        added.append(_nominal_conditions(first.level))  # OpenSTA finds all power to be zero without them
    if not added:
        return first.text
    return b"".join((first.text[: first.end], *added, b"}\n"))


def _nominal_conditions(level: Level) -> bytes:
    stated = "".join(
        f" {name} : {value:.9g};"
        for name in ("process", "voltage", "temperature")
        if (value := level.number(f"nom_{name}")) is not None
    )
    return f"  operating_conditions (nominal) {{{stated} }}\n  default_operating_conditions : nominal;\n".encode()


def _blanks_out(text: bytes) -> bytes:
    return re.sub(rb"\s+", b"", text)
