"""Writes blocks as Verilog with a description of their ports."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from tilewright.base.files import write_json, write_text
from tilewright.hw.cim.array import CIMArray
from tilewright.hw.cim.tile import Tile
from tilewright.hw.function_tables import Tables
from tilewright.hw.names import check_name
from tilewright.hw.verilog import convert
from tilewright.hw.waivers import waivers
from tilewright.sim.config import CIMArrayConfig, TileConfig


@dataclass(frozen=True)
class GeneratedBlock:
    """A block as Verilog text with its description."""

    name: str
    """Name of the module and of its file."""
    verilog: str
    ports: dict
    """Description for JSON: module, configuration, timing and ports."""
    summary: str
    """One line about the block, for people."""

    def to_dict(self) -> dict:
        """Return the description of the block as ``tilewright generate BLOCK --json`` prints it."""
        return self.ports

    def write(self, folder: Path) -> list[Path]:
        """Write MODULE.v, MODULE.ports.json and MODULE.vlt to a folder; return their paths.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        return [
            write_text(folder / f"{self.name}.v", self.verilog),
            write_json(folder / f"{self.name}.ports.json", self.ports),
            write_text(folder / f"{self.name}.vlt", self.waivers),
        ]

    @property
    def waivers(self) -> str:
        """Configuration file with which Verilator finds nothing in the Verilog: in a build, or in a lint with -Wall."""
        return waivers(f"*{self.name}.v", builds=True)  # runners give absolute paths


@dataclass(frozen=True, kw_only=True)
class Design:
    """A component that is not yet elaborated, with its name and description."""

    name: str
    """Name of the module and of its file."""
    component: wiring.Component
    configuration: dict
    timing: dict
    """Latencies and throughput for the JSON description; ``latency_cycles`` is always there."""
    summary: str
    """One line about the design, for people."""
    tables: Tables = "logic"
    """Form of function tables, see :data:`.function_tables.Tables`."""

    def named(self, name: str) -> "Design":
        """Return the design with another name: designs of different names can be in one chip.

        Raises
        ------
        ValueError
            If the name is no identifier of Verilog and SystemVerilog.
        """
        return replace(self, name=check_name(name))

    def with_tables(self, tables: str) -> "Design":
        """Return the design with function tables in another form: ``logic`` or ``memory``.

        Raises
        ------
        ValueError
            If there is no such form.
        """
        if tables not in ("logic", "memory"):
            raise ValueError(f"tables '{tables}' is not allowed: logic or memory")
        return replace(self, tables="memory" if tables == "memory" else "logic")

    def generate(self) -> GeneratedBlock:
        """Return the block; ``clk`` and ``rst`` are among its ports unless it is combinational."""
        verilog = convert(self.component, self.name, tables=self.tables)
        header = re.search(rf"^module {self.name}\((.*?)\);", verilog, re.MULTILINE | re.DOTALL)
        names = re.findall(r"\w+", header.group(1)) if header else []
        described = [*CLOCK_PORTS, *ports(self.component)]
        return GeneratedBlock(
            name=self.name,
            verilog=verilog,
            ports={
                "module": self.name,
                "configuration": self.configuration,
                "timing": self.timing,
                "ports": [port for port in described if port["name"] in names],
            },
            summary=self.summary,
        )


CLOCK_PORTS = (
    {"name": "clk", "direction": "input", "width": 1, "about": "clock, rising edge"},
    {"name": "rst", "direction": "input", "width": 1, "about": "synchronous reset, active high"},
)


def unit(name: str, component: wiring.Component, **configuration: object) -> Design:
    """Return the design of an arithmetic unit: a component with ``LATENCY`` that takes new operands in every cycle.

    ``configuration`` is what it was made from; a format is written as its name.
    """
    written = {key: getattr(value, "name", value) for key, value in configuration.items()}
    latency = component.LATENCY
    chosen = ", ".join(f"{key} {value}" for key, value in written.items())
    return Design(
        name=name,
        component=component,
        configuration=written,
        timing={"latency_cycles": latency, "latency": "from operands taken to the result offered"},
        summary=f"{name}, {chosen}: " + (f"latency {latency}" if latency else "combinational"),
    )


def cim_tile(config: TileConfig) -> Design:
    """Return the design of a CIM tile, module ``cim_tile``."""
    return _cim("cim_tile", Tile(config=config), config, config, "")


def cim_array(config: CIMArrayConfig) -> Design:
    """Return the design of an array of CIM tiles, module ``cim_array``."""
    return _cim("cim_array", CIMArray(config=config), config, config.tile, f"{config.tiles} tiles of ")


def _cim(name: str, array: CIMArray, config: TileConfig | CIMArrayConfig, tile: TileConfig, tiles: str) -> Design:
    macro = tile.macro
    return Design(
        name=name,
        component=array,
        configuration=config.model_dump(),
        timing={
            "cycles_per_vector": macro.slices,
            "latency_cycles": array.LATENCY,
            "latency": "from the start of a vector to its first result word",
            "macs_per_cycle": config.macs_per_cycle,
        },
        summary=(
            f"{tiles}{tile.rows} x {tile.columns} {_weights(tile)} weights in {macro.weight_banks} banks, "
            f"INT{macro.input_bits} activations: {config.macs_per_cycle:,.0f} MAC a cycle, "
            f"one vector every {macro.slices} cycles, latency {array.LATENCY}"
        ),
    )


def _weights(config: TileConfig) -> str:
    """Return the format of weights and their scales, for people."""
    scales = f", {config.group_scale} scales of {config.group_rows} rows," if config.group_rows else ""
    return " or ".join(form.label for form in config.weight_formats) + scales


def generate_cim_tile(config: TileConfig) -> GeneratedBlock:
    """Return the Verilog of a CIM tile, module ``cim_tile``."""
    return cim_tile(config).generate()


def ports(component: wiring.Component) -> list[dict]:
    """Return name, direction, width and, for a structure, the fields of each port of a component."""
    listed = []
    for path, member, value in component.signature.flatten(component):
        port = {
            "name": "__".join(map(str, path)),
            "direction": "input" if member.flow == wiring.In else "output",
            "width": Shape.cast(member.shape).width,
        }
        if isinstance(value, data.View):
            port["fields"] = [
                {"name": name, "offset": field.offset, "width": Shape.cast(field.shape).width}
                for name, field in value.shape()
            ]
        listed.append(port)
    return listed
