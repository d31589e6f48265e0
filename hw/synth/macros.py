"""SRAM macros of a process: cells of liberty files that store words, and how memories of a design become such macros.

This is the one place at which a macro is put: :func:`ram_blocks` describes every macro that has a read port and a write
port to Yosys, which lets the memories of a design become as many of them, side by side and one above the other, as take
the least area; a memory that takes less in flip-flops stays flip-flops. The netlist then contains cells named
``PREFIX`` and the number of the macro. Memories of designs here read at an edge of the clock, through one port, and
write through another; macros that have one port for both are not used.

Two things are assumed, because liberty files do not state them: a word that is read while it is written is the old one,
and a macro has no content after power-up, while registers and memories of a design in simulation have.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.hw.synth.liberty import Group, LibertyFile
from tilewright.hw.synth.units import unit

PREFIX = "$__SRAM_"
"""Beginning of the name of a macro in a netlist of Yosys; its number follows."""
TEST = "BIST"
"""Part of the names of pins that are for the test of the macro alone."""
LOGIC_BIT = 1.75
"""Area of a bit of a memory in flip-flops, multiplexers for writing and reading included, in smallest flip-flops; from
memories of 64 to 1,024 bits in SG13G2."""
MAP = (
    "memory_libmap -lib macros.txt -logic-cost-rom 0 -logic-cost-ram {bit_area:.6g}; tee -q -o macros.json stat -json; "
    "expose -evert t:$__SRAM_*; "
    "expose w:*.PORT_R_ADDR w:*.PORT_R_RD_EN w:*.PORT_W_ADDR w:*.PORT_W_WR_*; setundef -undriven -expose"
)
"""Yosys script that lets memories become macros, counts them in ``macros.json``, and takes them out of the design: its
ports then lead to theirs. Tables that are never written stay logic. It needs what :func:`write_macros` writes."""


@dataclass(frozen=True, kw_only=True)
class SramMacro:
    """A memory of a library."""

    name: str
    path: Path
    words: int
    width: int
    """Number of bits of a word."""
    two_ports: bool
    """Whether a word can be read while another one is written."""
    mask: bool
    """Whether each bit of a word can be written alone: an input other than the data is as wide as a word."""
    area_um2: float
    leakage_uw: float | None
    read_pj: float | None
    """Energy of the edge of the clock at which a word is read, without changes of the other pins; None if the library
    does not state it by pins whose names end with REN and WEN."""
    write_pj: float | None
    """Energy of the edge of the clock at which a word is written."""
    setup_ns: float | None
    """The longest set-up time of an input, at the fastest edges in the library's tables."""
    access_ns: float | None
    """Time from the edge of the clock to the word, at the fastest edge and the smallest load in the tables."""

    def to_dict(self) -> dict:
        """Return the macro for JSON."""
        return {key: value for key, value in asdict(self).items() if key != "path"}


def is_memory(group: Group) -> bool:
    """Return whether a cell of a liberty file is a memory of words."""
    return bool(re.search(rb"\bmemory\s*\(", group.body))


def read_macro(file: LibertyFile, group: Group) -> SramMacro:
    """Return a macro of a liberty file.

    Raises
    ------
    ConfigError
        If it states no size or no area.
    """
    cell = group.level
    where = f"{file.path}: cell '{group.name}'"
    memory = next((each.level for each in cell.groups if each.kind == "memory"), None)
    sizes = {name: memory.number(name) if memory else None for name in ("address_width", "word_width")}
    for name, value in sizes.items():
        if value is None or value != int(value) or not 1 <= value <= (32 if name == "address_width" else 4096):
            raise ConfigError(f"{where}: memory.{name} is {'absent' if value is None else f'{value:g}'}: it must be a "
                              f"whole number from 1 to {32 if name == 'address_width' else 4096}")  # fmt: skip
    width, area = int(sizes["word_width"] or 0), cell.number("area")
    if area is None or area <= 0:
        raise ConfigError(f"{where}: area is {'absent' if area is None else f'{area:g}'}: it must be above 0")
    pins = {pin.name: pin for pin in cell.groups if pin.kind in ("pin", "bus") and TEST not in pin.name}
    written = {name: addresses for name, pin in pins.items() if (addresses := _addresses(pin, "memory_write"))}
    read = {name: addresses for name, pin in pins.items() if (addresses := _addresses(pin, "memory_read"))}
    ports = {address for addresses in read.values() for address in addresses}
    clocks = [pin for pin in pins.values() if pin.level.attributes.get("clock") == "true"]
    inputs = [pin for pin in pins.values() if pin.level.attributes.get("direction") == "input"]
    # Buses are as wide as their type says; the data's type is a word's.
    types = {pins[name].level.attributes.get("bus_type") for name in written}
    leakage = cell.number("cell_leakage_power")
    setups = [
        time
        for pin in inputs
        for timing in _inside(pin, "timing")
        if timing.level.attributes.get("timing_type") == "setup_rising"
        for table in timing.level.groups
        if (time := _first(table)) is not None
    ]
    delays = [
        time
        for name in read
        for timing in _inside(pins[name], "timing")
        for table in timing.level.groups
        if table.kind in ("cell_rise", "cell_fall") and (time := _first(table)) is not None
    ]
    ns = unit(file, "time_unit") * 1e9
    energy_pj = unit(file, "capacitive_load_unit") * unit(file, "voltage_unit") ** 2 * 1e12
    energies = {
        kind: max(
            (pj * energy_pj for clock in clocks if (pj := _edge(clock, enabled)) is not None),
            default=None,
        )
        for kind, enabled in (("read", {"REN"}), ("write", {"WEN"}))
    }
    return SramMacro(
        name=group.name,
        path=file.path,
        words=1 << int(sizes["address_width"] or 0),
        width=width,
        two_ports=any(address not in ports or len(ports) > 1 for found in written.values() for address in found),
        mask=any(pin.name not in written and pin.level.attributes.get("bus_type") in types - {None} for pin in inputs),
        area_um2=area,
        leakage_uw=None if leakage is None else leakage * unit(file, "leakage_power_unit") * 1e6,
        read_pj=energies["read"],
        write_pj=energies["write"],
        setup_ns=max(setups) * ns if setups else None,
        access_ns=max(delays) * ns if delays else None,
    )


def usable(macros: Mapping[str, SramMacro]) -> list[SramMacro]:
    """Return the macros that a memory may become, in the order of their numbers in a netlist."""
    return sorted((macro for macro in macros.values() if macro.two_ports), key=lambda macro: macro.name)


def ram_blocks(macros: Sequence[SramMacro]) -> str:
    """Return the macros as ``memory_libmap`` of Yosys reads them; their cost is their area."""
    return "".join(
        f"ram block {PREFIX}{index} {{\n"
        f"  abits {(macro.words - 1).bit_length()};\n"
        f"  width {macro.width};\n"
        f"  cost {macro.area_um2:.0f};\n"
        "  init any;\n"
        f"{'  byte 1;' if macro.mask else '  # words are written whole'}\n"
        '  port sr "R" { clock posedge; rden; rdinit any; }\n'
        f'  port sw "W" {{ clock posedge; wrtrans all old; {"wrbe_separate; " if macro.mask else ""}}}\n'
        "}\n"
        for index, macro in enumerate(macros)
    )


def write_macros(macros: Sequence[SramMacro], folder: Path) -> None:
    """Write the macros to a folder as the scripts read them: their sizes and areas, and their ports."""
    (folder / "macros.txt").write_text(ram_blocks(macros))
    modules = []
    for index, macro in enumerate(macros):
        address, word = f"[{(macro.words - 1).bit_length() - 1}:0]", f"[{macro.width - 1}:0]"
        mask = f", input {word} PORT_W_WR_BE" if macro.mask else ""
        modules.append(
            f"module \\{PREFIX}{index} (input PORT_R_CLK, input PORT_R_RD_EN, input {address} PORT_R_ADDR, "
            f"output {word} PORT_R_RD_DATA, input PORT_W_CLK, input PORT_W_WR_EN, input {address} PORT_W_ADDR, "
            f"input {word} PORT_W_WR_DATA{mask}); endmodule\n"
        )
    (folder / "macros.v").write_text("".join(modules))


def macro_counts(macros: Sequence[SramMacro], folder: Path) -> dict[str, int]:
    """Return the number of each macro, by its name, that the script counted."""
    cells = json.loads((folder / "macros.json").read_text())["design"]["num_cells_by_type"]
    return {
        macros[int(name.removeprefix(PREFIX))].name: count
        for name, count in sorted(cells.items())
        if name.startswith(PREFIX)
    }


def _inside(group: Group, kind: str) -> list[Group]:
    """Return the groups of a kind in a pin or bus, and in the pins of the bus."""
    own = group.level.groups
    return [each for each in own if each.kind == kind] + [
        each for pin in own if pin.kind == "pin" for each in pin.level.groups if each.kind == kind
    ]


def _addresses(group: Group, kind: str) -> list[str]:
    return [each.level.attributes.get("address", "") for each in _inside(group, kind)]


def _numbers(group: Group) -> list[float]:
    values = group.level.attributes.get("values", "")
    return [float(number) for number in re.findall(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?", values)]


def _first(table: Group) -> float | None:
    """Return the value of a table at the least of its indices."""
    return next(iter(_numbers(table)), None)


def _edge(clock: Group, enabled: set[str]) -> float | None:
    """Return the energy of a rising and a falling edge of a clock while, besides those of the whole macro, only the
    enables are set whose names end with ``enabled``."""
    for group in _inside(clock, "internal_power"):
        literals = re.findall(r"(!?)\s*(\w+)", group.level.attributes.get("when", ""))
        set_to = {name.rpartition("_")[2]: not negated for negated, name in literals}
        if {"REN", "WEN"} <= set_to.keys() and all(
            on == (name in enabled or name == "MEN") for name, on in set_to.items()
        ):
            return sum(_numbers(edge)[0] for edge in group.level.groups if edge.kind in ("rise_power", "fall_power"))
    return None
