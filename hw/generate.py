"""Writes blocks as Verilog with a description of their ports."""

from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from tilewright.hw.cim.tile import Tile
from tilewright.hw.verilog import convert
from tilewright.sim.config import TileConfig


@dataclass(frozen=True)
class GeneratedBlock:
    """A block as text."""

    name: str
    """Module and file name."""
    verilog: str
    ports: dict
    """Configuration, timing and ports, for JSON."""


def generate_cim_tile(config: TileConfig) -> GeneratedBlock:
    """Return the Verilog of a CIM tile, module ``cim_tile``."""
    tile = Tile(config=config)
    return GeneratedBlock(
        name="cim_tile",
        verilog=convert(tile, "cim_tile"),
        ports={
            "module": "cim_tile",
            "configuration": config.model_dump(),
            "timing": {
                "cycles_per_vector": config.macro.slices,
                "latency_cycles": tile.LATENCY,
                "latency": "from the start of a vector to its first result word",
                "macs_per_cycle": config.macs_per_cycle,
            },
            "ports": [
                {"name": "clk", "direction": "input", "width": 1, "about": "clock, rising edge"},
                {"name": "rst", "direction": "input", "width": 1, "about": "synchronous reset, active high"},
                *ports(tile),
            ],
        },
    )


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
