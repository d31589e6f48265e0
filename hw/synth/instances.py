"""Cells of a netlist that Yosys wrote, and what they are connected to."""

import re
from collections.abc import Collection
from dataclasses import dataclass

_INSTANCE = re.compile(r"(?m)^  (\w+) (\S+) +\($((?:\n    \.[^\n]*)*)")
_INSTANCE_TEXT = re.compile(_INSTANCE.pattern + r"\n  \);\n")
_CONNECTION = re.compile(r"(?m)^    \.(\w+)\((.*)\),?$")


@dataclass(frozen=True)
class Instance:
    """A cell of a netlist."""

    cell: str
    name: str
    """Name as Verilog has it; an escaped one begins with a backslash."""
    connections: dict[str, str]
    """Net at each pin."""


def instances(netlist: str) -> list[Instance]:
    """Return the cells of a netlist in their order."""
    return [Instance(cell, name, dict(_CONNECTION.findall(pins))) for cell, name, pins in _INSTANCE.findall(netlist)]


def without(netlist: str, modules: Collection[str]) -> str:
    """Return a netlist without its instances of some modules."""
    return _INSTANCE_TEXT.sub(lambda match: "" if match[1] in modules else match[0], netlist)


def bit_name(net: str) -> str:
    """Return the name of a bit at a pin as files of toggles have it."""
    return net.strip().removeprefix("\\").replace(" ", "")
