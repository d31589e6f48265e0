"""Toggles of a design that is made of gates: netlists to simulate, and the counts that a simulation wrote.

RTL as it is generated has an expression as often as it is used, so that what toggles there says little. Here every
net is the output of one gate, or a register.
"""

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tilewright.base.tools import find_synthesis_tools
from tilewright.hw.names import module_name
from tilewright.hw.synth.run import run_yosys

NAME = r"(?:\\\S+ |[A-Za-z_$][\w$]*)"
BIT = rf"({NAME})(\[\d+\])?"
MODULE = re.compile(rf"module ({NAME})")
REGISTERED = re.compile(rf"^ *(?:else )?(?:if \(.*?\) )?{BIT} *<= ", re.MULTILINE)
ASSIGNED = re.compile(rf"^ *assign {BIT} *= (.*);$", re.MULTILINE)
ESCAPED = re.compile(r"\\\S+")
OPERATOR = re.compile(r"[&|^~?]")
INSTANCE = re.compile(r"( *)\(INSTANCE (\S+)")
NET = re.compile(r" *\((\S+) \(T0 .*\(TC (\d+)\)")
SCRIPT = "read_verilog design.v; synth -flatten; opt_clean -purge; write_verilog -noattr netlist.v"


@dataclass(frozen=True)
class Toggles:
    """Number of toggles of all bits of a module."""

    registers: int
    gates: int
    """Number of toggles of the gates' outputs. The simulation is cycle-based: glitches do not count."""


@dataclass(frozen=True)
class Bits:
    """Names of the bits of a module's registers and of its gates' outputs."""

    registers: frozenset[str]
    gates: frozenset[str]


def with_gates(verilog: str, modules: Sequence[str]) -> str:
    """Return Verilog in which some modules, without instances in them, are netlists of gates of two inputs."""
    yosys = find_synthesis_tools().yosys

    def gates(text: str, module: str) -> str:
        with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
            folder = Path(name)
            (folder / "design.v").write_text(text)
            run_yosys(yosys, SCRIPT, folder)
            return (folder / "netlist.v").read_text()

    return with_netlists(verilog, modules, gates)


def with_netlists(verilog: str, modules: Sequence[str], netlist_of: Callable[[str, str], str]) -> str:
    """Return Verilog in which some modules are what a function makes of their text and their name."""
    parts = re.split(r"(?m)^(?=module )", verilog)
    names = [_plain(match[1]) if (match := MODULE.match(part)) else "" for part in parts]
    for module in modules:
        index = names.index(module)
        netlist = netlist_of(parts[index], module)
        parts[index] = netlist[netlist.index("module ") :] + "\n"
    return "".join(parts)


@lru_cache(maxsize=4)
def netlists(verilog: str) -> dict[str, Bits]:
    """Return the registers and gates of each module that :func:`with_gates` has made."""
    modules = {}
    for text in re.split(r"(?m)^(?=module )", verilog)[1:]:
        registers = {_bit(match) for match in REGISTERED.finditer(text)}
        # Other assignments are names of the same net.
        gates = {_bit(match) for match in ASSIGNED.finditer(text) if OPERATOR.search(ESCAPED.sub("", match[3]))}
        modules[_plain(MODULE.match(text)[1])] = Bits(frozenset(registers), frozenset(gates))  # type: ignore[index]
    return modules


def _bit(match: re.Match) -> str:
    return _plain(match[1]) + (match[2] or "")


def _plain(name: str) -> str:
    return name.strip().removeprefix("\\")


def recorded(run: Callable[[Path], object]) -> str:
    """Return what a simulation writes of its toggles; ``run`` gets the path of the file to write."""
    with tempfile.TemporaryDirectory(prefix="tilewright-") as folder:
        file = Path(folder) / "toggles.saif"
        run(file)
        return file.read_text()


def counts(saif: str) -> dict[str, dict[str, int]]:
    """Return the toggles of each bit in each instance, from a file in the Switching Activity Interchange Format.

    An instance is named by its path, dots between.
    """
    instances: dict[str, dict[str, int]] = {}
    path: list[tuple[int, str]] = []
    bits: dict[str, int] = {}
    for line in saif.splitlines():
        if (net := NET.match(line)) is not None:
            bits[net[1].replace("\\", "")] = int(net[2])
        elif (instance := INSTANCE.match(line)) is not None:
            depth = len(instance[1])
            path = [*(each for each in path if each[0] < depth), (depth, instance[2].replace("\\", ""))]
            bits = instances.setdefault(".".join(name for _, name in path), {})
    return instances


def toggles(saif: str, verilog: str, instances: Sequence[str]) -> list[Toggles]:
    """Return the numbers of toggles of the registers and the gates of some instances.

    Parameters
    ----------
    saif : str
        What the simulation wrote.
    verilog : str
        What was simulated: the instances' modules are of :func:`with_gates`.
    instances : sequence of str
        Their paths from the top module on, dots between.

    Raises
    ------
    ValueError
        If there is no such instance.
    """
    modules, every = netlists(verilog), counts(saif)
    totals = []
    for instance in instances:
        if instance not in every:
            raise ValueError(f"no instance {instance}")
        bits, names = every[instance], modules[module_name(instance, instance)]
        totals.append(Toggles(*(sum(bits[bit] for bit in group) for group in (names.registers, names.gates))))
    return totals
