"""How often the bits of a design toggle: counts that a simulation wrote, of registers and of nets.

Registers are what is assigned at a clock edge. Nets are what an expression or an ``always`` block computes; other names
of them, ports, slices and concatenations, do not count again.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

NAME = r"(?:\\\S+ |[A-Za-z_$][\w$]*)"
REGISTERED = re.compile(rf"^ *(?:if \(.*\) |else )?({NAME})(?:\[[\d:]+\])? *<= ", re.MULTILINE)
ASSIGNED = re.compile(rf"^ *assign ({NAME})(?:\[[\d:]+\])? *= (.*);$", re.MULTILINE)
BLOCKING = re.compile(rf"^ *({NAME})(?:\[[\d:]+\])? *= ", re.MULTILINE)
ESCAPED = re.compile(r"\\\S+")
INSTANCE = re.compile(r"( *)\(INSTANCE (\S+)")
# A bit of a name, or a name of one bit.
NET = re.compile(r" *\((\S+?)(?:\\?\[\d+\\?\])? \(T0 .*\(TC (\d+)\)")
OPERATOR = re.compile(r"[-+*/%&|^~?!<>=]")


@dataclass(frozen=True)
class Toggles:
    """Toggles of all bits of one instance and what is in it."""

    registers: int
    nets: int


@dataclass(frozen=True)
class Kinds:
    """Names of a module's registers and nets, as in the Verilog but without backslashes."""

    registers: frozenset[str]
    nets: frozenset[str]


@lru_cache(maxsize=4)
def kinds(verilog: str) -> dict[str, Kinds]:
    """Return what each module of Verilog as Amaranth writes it has."""
    modules = {}
    for text in re.split(r"(?m)^(?=module )", verilog)[1:]:
        name = _plain(re.match(rf"module ({NAME})", text)[1])  # type: ignore[index]
        registers = {_plain(match[1]) for match in REGISTERED.finditer(text)}
        assigned = {_plain(match[1]) for match in ASSIGNED.finditer(text) if OPERATOR.search(ESCAPED.sub("", match[2]))}
        computed = {_plain(match[1]) for match in BLOCKING.finditer(text)}
        modules[name] = Kinds(frozenset(registers), frozenset((assigned | computed) - registers))
    return modules


def _plain(name: str) -> str:
    return name.strip().removeprefix("\\")


def counts(saif: str) -> dict[str, Counter[str]]:
    """Return the toggles of each name in each instance, of a file in the Switching Activity Interchange Format.

    An instance is named by its path, dots between; the bits of a name are added.
    """
    instances: dict[str, Counter[str]] = {}
    path: list[tuple[int, str]] = []
    names: Counter[str] = Counter()
    for line in saif.splitlines():
        if (net := NET.match(line)) is not None:
            names[net[1].replace("\\", "")] += int(net[2])
        elif (instance := INSTANCE.match(line)) is not None:
            depth = len(instance[1])
            path = [*(each for each in path if each[0] < depth), (depth, instance[2].replace("\\", ""))]
            names = instances.setdefault(".".join(name for _, name in path), Counter())
    return instances


def toggles(saif: str, verilog: str, instances: Sequence[str]) -> list[Toggles]:
    """Return how often the registers and nets of some instances, and of the instances in them, toggled.

    Parameters
    ----------
    saif : str
        What the simulation wrote.
    verilog : str
        What was simulated, as Amaranth writes it: a module is named as its instance.
    instances : sequence of str
        Their paths from the top module on, dots between.

    Raises
    ------
    ValueError
        If there is no such instance.
    """
    modules, every = kinds(verilog), counts(saif)
    totals = []
    for instance in instances:
        inside = [path for path in every if path == instance or path.startswith(instance + ".")]
        if not inside:
            raise ValueError(f"no instance {instance}")
        registers, nets = (
            sum(every[path][name] for path in inside for name in getattr(modules[path], kind))
            for kind in ("registers", "nets")
        )
        totals.append(Toggles(registers, nets))
    return totals
