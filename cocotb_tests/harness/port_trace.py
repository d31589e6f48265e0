"""Values of ports in each cycle, from a wave file in the form VCD that has these ports alone."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilewright.cocotb_tests.harness.structure import MODULE, parts_of

UNTRACED, TRACED = "/* verilator tracing_off */\n", "/* verilator tracing_on */\n"
_PORT = re.compile(r"(?m)^(  (?:input|output) .*;\n(?:  (?:wire|reg) .*;\n)?)")
_INSTANCE = re.compile(r"(?m)^(  \w+ \w+ \(\n(?:    .*\n)*  \);\n)")
_SCOPE = re.compile(r"\s*\$scope \w+ (\S+) \$end")
_SIGNAL = re.compile(r"\s*\$var \w+ (\d+) (\S+) (\S+)")


def with_traced_ports(verilog: str, modules: Collection[str]) -> str:
    """Return Verilog of which a wave file has the ports of some modules alone."""
    parts = []
    for part in parts_of(verilog):
        match = MODULE.match(part)
        traced = match is not None and match[1] in modules
        part = _PORT.sub(rf"{TRACED}\1{UNTRACED}", part) if traced else part
        # Nothing below an instance is traced unless the instance is.
        parts.append(_INSTANCE.sub(rf"{TRACED}\1{UNTRACED}", part))
    return UNTRACED + "".join(parts)


@dataclass(frozen=True)
class PortTrace:
    """Values of signals in each cycle: those just before the rising edge of the clock that ends it."""

    cycles: int
    widths: dict[str, int]
    """Width of each signal by its path with dots, from the top module on."""
    changes: dict[str, tuple[list[int], list[str]]]
    """Cycles of changes of each signal in ascending order, and its values from then on, in binary."""

    def bits(self, signal: str) -> np.ndarray:
        """Return the bits of a signal in each cycle, (cycles, width) uint8, the least significant bit first."""
        cycles, values = self.changes[signal]
        width = self.widths[signal]
        text = "".join(value.rjust(width, "0") for value in values).replace("x", "0").replace("z", "0")
        rows = np.frombuffer(text.encode(), np.uint8).reshape(-1, width)[:, ::-1] - ord("0")
        return rows[np.searchsorted(np.array(cycles), np.arange(self.cycles), side="right") - 1]


def read_ports(file: Path, clock: str) -> PortTrace:
    """Read a wave file; ``clock`` is the path of the clock in it.

    Raises
    ------
    ValueError
        If the file has no such clock.
    """
    names: dict[str, list[str]] = {}
    widths: dict[str, int] = {}
    path: list[str] = []
    with file.open(encoding="ascii") as lines:
        for line in lines:
            if match := _SCOPE.match(line):
                path.append(match[1])
            elif "$upscope" in line:
                path.pop()
            elif match := _SIGNAL.match(line):
                name = ".".join([*(each for each in path if each != "TOP"), match[3]])
                names.setdefault(match[2], []).append(name)
                widths[name] = int(match[1])
            elif "$enddefinitions" in line:
                break
        codes = [code for code, signals in names.items() if clock in signals]
        if not codes:
            raise ValueError(f"no clock {clock}")
        found: dict[str, tuple[list[int], list[str]]] = {code: ([], []) for code in names}
        cycle, before = 0, "0"
        for changed in _moments(lines):
            level = changed.get(codes[0], before)
            cycle += before == "0" and level == "1"
            before = level
            for code, value in changed.items():
                cycles, values = found[code]
                if cycles and cycles[-1] == cycle:
                    values[-1] = value
                else:
                    cycles.append(cycle)
                    values.append(value)
    changes = {name: found[code] for code, signals in names.items() for name in signals}
    return PortTrace(cycle, widths, changes)


def _moments(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Yield the values that changed at each time, by the codes of their signals."""
    changed: dict[str, str] = {}
    for line in lines:
        if line[0] == "#":
            yield changed
            changed = {}
        elif line[0] == "b":
            value, code = line[1:].split()
            changed[code] = value
        elif line[0] in "01xz":
            changed[line[1:].strip()] = line[0]
    yield changed
