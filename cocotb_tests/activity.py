"""How often the bits of a design toggle: counts that a simulation wrote, of registers and of nets.

Registers are what is assigned at a clock edge. Nets are what an expression or an ``always`` block computes; other names
of them, ports, slices and concatenations, do not count again.
"""

import re
from collections import Counter
from dataclasses import dataclass

NAME = r"(?:\\\S+ |[A-Za-z_$][\w$]*)"
REGISTERED = re.compile(rf"^ *(?:if \(.*\) |else )?({NAME})(?:\[[\d:]+\])? *<= ", re.MULTILINE)
ASSIGNED = re.compile(rf"^ *assign ({NAME})(?:\[[\d:]+\])? *= (.*);$", re.MULTILINE)
BLOCKING = re.compile(rf"^ *({NAME})(?:\[[\d:]+\])? *= ", re.MULTILINE)
ESCAPED = re.compile(r"\\\S+")
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
    for line in saif.splitlines():
        instance = re.match(r"( *)\(INSTANCE (\S+)", line)
        if instance:
            depth = len(instance[1])
            path = [each for each in path if each[0] < depth]
            path.append((depth, instance[2].replace("\\", "")))
            current = instances.setdefault(".".join(name for _, name in path), Counter())
            continue
        net = re.match(r" *\((\S+) \(T0 .*\(TC (\d+)\)", line)
        if net:
            name = re.sub(r"\\?\[\d+\\?\]$", "", net[1]).replace("\\", "")
            current[name] += int(net[2])
    return instances


def toggles(saif: str, verilog: str, instance: str) -> Toggles:
    """Return how often the registers and nets of an instance, and of the instances in it, toggled.

    Parameters
    ----------
    saif : str
        What the simulation wrote.
    verilog : str
        What was simulated, as Amaranth writes it: a module is named as its instance.
    instance : str
        Its path from the top module on, dots between.

    Raises
    ------
    ValueError
        If there is no such instance.
    """
    modules = kinds(verilog)
    registers = nets = 0
    found = False
    for path, names in counts(saif).items():
        module = path.removeprefix("$rootio.")
        if module != instance and not module.startswith(instance + "."):
            continue
        found = True
        kind = modules[module]
        registers += sum(names[name] for name in kind.registers)
        nets += sum(names[name] for name in kind.nets)
    if not found:
        raise ValueError(f"no instance {instance}")
    return Toggles(registers, nets)
