"""Modules of a Verilog text in the form in which Yosys writes it: signals, names of values, instances."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

MODULE = re.compile(r"(?m)^module (\w+)\s*[(#;]")
_ATTRIBUTE = re.compile(r'^  \(\* enum_value_([01]+) = "([^"]*)" \*\)$')
_DECLARED = re.compile(r"^  (input |output )?(?:wire |reg )?(?:signed )?(?:\[(\d+):0\] )?(\w+)(?: = [^;]*)?;$")
_INSTANCE = re.compile(r"^  (\w+) (\w+) \($")
_WITH_PARAMETERS = re.compile(r"^  (\w+) #\($")
_AFTER_PARAMETERS = re.compile(r"^  \) (\w+) \($")


@dataclass(frozen=True)
class Port:
    """A port of a module; as text, its direction and width."""

    direction: str
    """``input``, ``output`` or ``inout``."""
    width: int
    """Number of bits."""

    def __str__(self) -> str:
        return f"an {self.direction} of {self.width} bit{'s' if self.width != 1 else ''}"


@dataclass(frozen=True)
class ModuleText:
    """Signals and instances of a module."""

    name: str
    widths: Mapping[str, int] = field(default_factory=dict)
    """Width of each signal in bits, in the order of the text."""
    values: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """Names of the values of each signal that is an enumeration or the state of a machine."""
    instances: Mapping[str, str] = field(default_factory=dict)
    """Module of each instance."""
    ports: Mapping[str, Port] = field(default_factory=dict)
    """Ports by name."""


def parts_of(verilog: str) -> list[str]:
    """Return the text cut before each module."""
    return re.split(r"(?m)^(?=module )", verilog)


@lru_cache(maxsize=8)
def modules_of(verilog: str) -> dict[str, ModuleText]:
    """Return the modules of a text; lines in another form than that of Yosys are skipped."""
    return {match[1]: _module(match[1], part) for part in parts_of(verilog) if (match := MODULE.match(part))}


def _module(module: str, text: str) -> ModuleText:
    widths: dict[str, int] = {}
    values: dict[str, dict[int, str]] = {}
    instances: dict[str, str] = {}
    ports: dict[str, Port] = {}
    named: dict[int, str] = {}
    parametrised = ""
    for line in text.splitlines():
        if match := _ATTRIBUTE.match(line):
            named[int(match[1], 2)] = match[2]
        elif match := _DECLARED.match(line):
            name, width = match[3], int(match[2] or 0) + 1
            widths[name] = width
            if match[1]:
                ports[name] = Port(match[1].strip(), width)
            if named:
                values[name] = named
                named = {}
        elif match := _INSTANCE.match(line):
            instances[match[2]] = match[1]
        elif match := _WITH_PARAMETERS.match(line):
            parametrised = match[1]
        elif parametrised and (match := _AFTER_PARAMETERS.match(line)):
            instances[match[1]] = parametrised
            parametrised = ""
    return ModuleText(module, widths, values, instances, ports)


def instances_of(verilog: str, top: str) -> Iterator[tuple[tuple[str, ...], ModuleText]]:
    """Yield the path of each instance below module ``top``, beginning with that of ``top``, and its module."""
    modules = modules_of(verilog)

    def below(path: tuple[str, ...], module: ModuleText) -> Iterator[tuple[tuple[str, ...], ModuleText]]:
        yield path, module
        for name, kind in module.instances.items():
            if kind in modules:
                yield from below((*path, name), modules[kind])

    yield from below((top,), modules[top])
