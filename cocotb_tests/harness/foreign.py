"""Circuits in Verilog of a user's that take the place of the generated one in a harness: mutants, netlists."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.base.processes import Processes
from tilewright.base.reading import read_text
from tilewright.base.tool_runs import time_limit
from tilewright.base.tools import find_verilator
from tilewright.cocotb_tests.harness.structure import MODULE, Port, modules_of, parts_of

MAX_BYTES = 256 << 20
"""Size of the largest file of Verilog."""
QUIET = ("-Wno-fatal", "-Wno-lint", "-Wno-style")
_ERROR = re.compile(r"%Error(?:-\w+)?: (?:(\S+?):(\d+):(?:\d+:)? )?(.*)")


@dataclass(frozen=True, kw_only=True)
class ForeignDesign:
    """A circuit in Verilog with the ports of a generated one.

    Parameters
    ----------
    files : tuple of Path
        Files from which it comes.
    text : str
        Their text, after Verilog's preprocessor.
    module : str
        Name of the module that is the circuit.
    ports : mapping of str to Port
        Its ports; a width that is not known is 0.
    """

    files: tuple[Path, ...]
    text: str
    module: str
    ports: Mapping[str, Port]

    def check(self, expected: Mapping[str, Port]) -> None:
        """Check that the ports are those of the generated circuit.

        Raises
        ------
        ConfigError
            If one differs; the message names the first such port and what is expected.
        """
        problems = []
        for name, port in expected.items():
            own = self.ports.get(name)
            if own is None:
                problems.append(f"{name} is missing: it must be {port}")
            elif own.direction != port.direction or own.width not in (0, port.width):
                problems.append(f"{name} is {own}: it must be {port}")
        problems += [
            f"{name} is {port}: the generated circuit has no such port"
            for name, port in self.ports.items()
            if name not in expected
        ]
        if problems:
            more = f", and {len(problems) - 1} other ports differ" if len(problems) > 1 else ""
            raise ConfigError(f"verilog: module {self.module} of {_names(self.files)}: port {problems[0]}{more}")

    def put_in(self, verilog: str, subject: str) -> str:
        """Return the text of a harness in which this circuit stands for the module ``subject`` and all parts of it.

        Raises
        ------
        ConfigError
            If both texts have a module of the same name.
        """
        ports = modules_of(verilog)[subject].ports
        before, *parts = parts_of(verilog)
        texts = {match[1]: part for part in parts if (match := MODULE.match(part))}
        instance = re.compile(rf"(?m)^  {subject} (\w+) \(\n((?:    \.\w+\(.*\),?\n)+)  \);$")
        needed: dict[str, str] = {}
        # The harness is all that is reached from its top, which comes first, without the circuit.
        waiting = [next(iter(texts))]
        while waiting:
            name = waiting.pop()
            needed[name] = text = instance.sub(lambda found: self._instance(found, ports), texts[name])
            used = set(re.findall(r"\w+", text)) & texts.keys()
            waiting += [other for other in used if other not in needed and other not in waiting]
        own = set(_modules(self.text))
        for name in needed:
            if name in own:
                raise ConfigError(
                    f"verilog: module {name} of {_names(self.files)} has the name of a part of the bench: rename it"
                )
        return "".join([before, *(needed[name] for name in texts if name in needed), self.text])

    def _instance(self, found: re.Match, ports: Mapping[str, Port]) -> str:
        # A circuit without registers has no clock.
        pins = [line.rstrip(",") for line in found[2].splitlines() if line.split("(")[0].strip(" .") in ports]
        return f"  {self.module} {found[1]} (\n" + ",\n".join(pins) + "\n  );"


def read_foreign(files: Sequence[Path], usual: str = "") -> ForeignDesign:
    """Read a circuit from files of Verilog or SystemVerilog.

    The circuit is the module named ``usual``, or else the only module that no other one instantiates.

    Raises
    ------
    ConfigError
        If a file cannot be read, or Verilator refuses it, or no module stands out.
    """
    texts = [read_text(file, MAX_BYTES) for file in files]
    with TemporaryDirectory(prefix="tilewright-") as name:
        folder = Path(name)
        text = "\n".join(texts) + "\n"
        if "`" in text:
            where = [f"-I{file.absolute().parent}" for file in files]
            text = _verilator(["-E", "-P", *where, *(str(file.absolute()) for file in files)], folder, files)
        names = _modules(text)
        if not names:
            raise ConfigError(f"verilog: {_names(files)}: there is no module")
        if twice := next((each for each in names if names.count(each) > 1), None):
            raise ConfigError(f"verilog: {_names(files)}: module {twice} is there twice")
        # Verilator tells the place of an error in the files themselves.
        sources = files
        if "`" in "".join(texts):
            (folder / "foreign.v").write_text(text)
            sources = [folder / "foreign.v"]
        top = ["--top-module", usual] if usual in names else []
        tree = folder / "tree.json"
        arguments = ["--json-only", "--json-only-output", str(tree), "--Mdir", str(folder / "obj"), *QUIET, *top]
        _verilator([*arguments, *(str(file.absolute()) for file in sources)], folder, files)
        module, ports = _top(json.loads(tree.read_text()), usual, files)
    return ForeignDesign(files=tuple(files), text=text, module=module, ports=ports)


def _verilator(arguments: list[str], folder: Path, files: Sequence[Path]) -> str:
    """Return what Verilator prints.

    Raises
    ------
    ConfigError
        If it refuses a file.
    """
    verilator = find_verilator()
    ended = Processes().run(
        [*verilator.command, *arguments], folder=folder, env=verilator.env(), seconds=time_limit()
    )  # fmt: skip
    if not ended.status:
        return ended.output
    found = _ERROR.search(ended.output)
    where = _names(files)
    if found and found[1] and Path(found[1]).name in {file.name for file in files}:
        where = f"{Path(found[1]).name}:{found[2]}"
    raise ConfigError(f"verilog: {where}: {found[3] if found else ended.output.strip().splitlines()[-1:]}")


def _modules(text: str) -> list[str]:
    """Return the names of the modules of a text."""
    plain = re.sub(r"/\*.*?\*/|//[^\n]*|\(\*.*?\*\)", " ", text, flags=re.DOTALL)
    return re.findall(r"(?m)(?:^|[;\s])(?:macro)?module\s+(?:automatic\s+|static\s+)?(\\\S+|\w+)", plain)


def _top(tree: dict, usual: str, files: Sequence[Path]) -> tuple[str, dict[str, Port]]:
    modules = {module["addr"]: module for module in tree["modulesp"] if module["type"] == "MODULE"}
    inside = {cell.get("modp") for cell in _nodes(list(modules.values()), "CELL")}
    tops = [module for address, module in modules.items() if address not in inside]
    named = [module for module in tops if module["origName"] == usual] or tops
    if len(named) != 1:
        names = ", ".join(sorted(module["origName"] for module in named))
        what = f"one of them must be named {usual}" if usual else "only one may be"
        raise ConfigError(f"verilog: {_names(files)}: modules {names} are not instantiated: {what}")
    types = {node["addr"]: node for node in tree["miscsp"][0].get("typesp", ())} if tree.get("miscsp") else {}
    ports = {
        node["name"]: Port(node["direction"].lower(), _width(types, node["dtypep"]))
        for node in named[0]["stmtsp"]
        if node["type"] == "VAR" and node.get("direction", "NONE") != "NONE"
    }
    return named[0]["origName"], ports


def _nodes(tree: Any, kind: str) -> list[dict]:
    """Return all nodes of a type."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if node.get("type") == kind:
                found.append(node)
            waiting += [value for value in node.values() if isinstance(value, list)]
        elif isinstance(node, list):
            waiting += node
    return found


def _width(types: Mapping[str, dict], address: str) -> int:
    """Return the width of a type in bits; 0 if it is one that a port of generated Verilog never has."""
    node = types.get(address, {})
    if node.get("type") == "REFDTYPE":
        return _width(types, node.get("refDTypep", ""))
    if node.get("type") != "BASICDTYPE":
        return 0
    bounds = [int(each) for each in re.findall(r"-?\d+", node.get("range", "0:0"))]
    return abs(bounds[0] - bounds[-1]) + 1


def _names(files: Sequence[Path]) -> str:
    return shlex.join(map(str, files))
