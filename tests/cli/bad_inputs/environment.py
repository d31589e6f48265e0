"""Environments that lack what a command needs: the line names the variable or the folder, and the cure."""

from collections.abc import Callable
from pathlib import Path

from tests.cli.bad_inputs.case import case
from tests.gem5_configs.fake_gem5 import elf

SYNTH = "synth posit-decoder"
COSIM = "cosim cim-tile"
GEM5 = "cpu run --program program"
CURE = "name another in TILEWRIGHT_CACHE"
FILE = {"file": ""}
PROGRAM = {"program": elf()}
SECONDS = "it must be a number of seconds above 0"


def script(*lines: str, name: str = "tool") -> Callable[[Path], object]:
    """Return a function that writes a program into a folder."""

    def write(folder: Path) -> None:
        (folder / name).write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
        (folder / name).chmod(0o755)

    return write


def loop(folder: Path) -> None:
    """Make a link that leads to itself."""
    (folder / "loop").symlink_to("loop")


def programs(*names: str) -> Callable[[Path], object]:
    """Return a function that writes programs that do nothing, by their names."""

    def write(folder: Path) -> None:
        for name in names:
            script("exit 0", name=name)(folder)

    return write


def cache(value: str) -> dict[str, str | None]:
    """Return an environment with this folder as the cache."""
    return {"TILEWRIGHT_CACHE": value}


CASES = (
    # The cache.
    case("a cache that is a file", SYNTH, "/file", "it is no folder", CURE, files=FILE, environment=cache("{folder}/file")),
    case("a cache in a file", SYNTH, "/file/x", "Not a directory", CURE, files=FILE, environment=cache("{folder}/file/x")),
    case("a cache in /proc", SYNTH, "/proc/tilewright", "No such file", CURE, environment=cache("/proc/tilewright")),
    case("a cache that is a device", SYNTH, "/dev/null", "it is no folder", CURE, environment=cache("/dev/null")),
    case("a cache with a name too long", SYNTH, "nnn", "File name too long", CURE, environment=cache("{folder}/" + "n" * 256)),
    case("a cache that is a loop", SYNTH, "/loop", CURE, prepare=loop, environment=cache("{folder}/loop/x")),
    case("a cache that is a file, for cosim", COSIM, "/file", CURE, files=FILE, environment=cache("{folder}/file")),
    case("a cache in a file, for cosim", COSIM, "/file/x", CURE, files=FILE, environment=cache("{folder}/file/x")),
    case("a cache that is a device, for cosim", COSIM, "/dev/full", CURE, environment=cache("/dev/full")),
    case("a cache in a user's cache that is a file", SYNTH, "/file/tilewright", CURE, files=FILE,
         environment={"TILEWRIGHT_CACHE": None, "XDG_CACHE_HOME": "{folder}/file"}),
    case("a cache in a home that is a file", SYNTH, "/file/.cache/tilewright", CURE, files=FILE,
         environment={"TILEWRIGHT_CACHE": None, "XDG_CACHE_HOME": None, "HOME": "{folder}/file"}),
    case("a cache in a home that is a device", COSIM, "/dev/null/.cache/tilewright", CURE,
         environment={"TILEWRIGHT_CACHE": None, "XDG_CACHE_HOME": None, "HOME": "/dev/null"}),
    case("a folder for Yosys that is a file", SYNTH, "YOWASP_CACHE_DIR = ", "/file", "cannot be written", files=FILE,
         environment={"YOWASP_CACHE_DIR": "{folder}/file"}),
    case("a folder for Yosys in /proc", SYNTH, "YOWASP_CACHE_DIR = /proc/x", "cannot be written",
         environment={"YOWASP_CACHE_DIR": "/proc/x"}),
    # Time limits.
    *(
        case(f"a time limit of {text}", command, f"TILEWRIGHT_TOOL_SECONDS = '{text}'", SECONDS,
             environment={"TILEWRIGHT_TOOL_SECONDS": text})
        for command, text in ((SYNTH, "0"), (SYNTH, "-1"), (SYNTH, "nan"), (COSIM, "inf"), (COSIM, "1 h"), (COSIM, "1e12"))
    ),
    # Tools.
    case("a liberty file that is not there", SYNTH, "TILEWRIGHT_LIBERTY = none.lib", "there is no such file",
         environment={"TILEWRIGHT_LIBERTY": "none.lib"}),
    case("a liberty file that is a folder", SYNTH, "TILEWRIGHT_LIBERTY = /tmp", "there is no such file",
         environment={"TILEWRIGHT_LIBERTY": "/tmp"}),
    case("a liberty file that is empty", SYNTH, "file: not a liberty file", "must start with 'library", files=FILE,
         environment={"TILEWRIGHT_LIBERTY": "{folder}/file"}),
    case("no C++ compiler", COSIM, "no C++ compiler found", "apt install g++", environment={"PATH": "{folder}", "CXX": None}),
    case("no make", COSIM, "no make found", "apt install make", prepare=programs("g++"),
         environment={"PATH": "{folder}", "CXX": None, "MAKE": None}),
    case("a compiler that is not there", COSIM, "CXX = g+++", "there is no such program", environment={"CXX": "g+++"}),
    case("a compiler that is a folder", COSIM, "CXX = /tmp -O2", "there is no such program", environment={"CXX": "/tmp -O2"}),
    case("a compiler that hangs", COSIM, "tool does not answer `--version` in 10 s", "repair or remove it",
         prepare=script("exec sleep 1000"), environment={"CXX": "{folder}/tool"}),
    case("a make that is not there", COSIM, "MAKE = maek", "there is no such program", environment={"MAKE": "maek"}),
    # Simulators for cocotb's own runner.
    case("a simulator that is none", "env questa", "unknown simulator 'questa'", "icarus, verilator"),
    case("a simulator that SIM names and that is none", "env", "unknown simulator 'vcs' in SIM", "icarus, verilator",
         environment={"SIM": "vcs"}),
    case("no Icarus", "env icarus", "no Icarus Verilog found", "apt install iverilog", environment={"PATH": "{folder}"}),
    case("an Icarus that is too old", "env icarus", "/iverilog is version 10.3", "11.0 is needed",
         prepare=script("echo 'Icarus Verilog version 10.3 (stable) ()'", name="iverilog"), environment={"PATH": "{folder}"}),
    case("an Icarus that is another program", "env icarus", "/iverilog does not say its version", "11.0 is needed",
         prepare=script("exit 1", name="iverilog"), environment={"PATH": "{folder}"}),
    case("an Icarus without vvp", "env icarus", "no vvp found", "install all of Icarus",
         prepare=script("echo 'Icarus Verilog version 11.0 (stable) ()'", name="iverilog"), environment={"PATH": "{folder}"}),
    case("Verilator without a compiler", "env verilator", "no C++ compiler found", "apt install g++",
         environment={"PATH": "{folder}", "CXX": None}),
    case("Verilator without make", "env verilator", "no make found", "apt install make", prepare=programs("g++"),
         environment={"PATH": "{folder}", "CXX": None, "MAKE": None}),
    case("Verilator with a cache in which it cannot be", "env verilator", "cache folder", "has a space in its path", CURE,
         environment=cache("{folder}/a cache"), prepare=script("echo Verilator 5.006", name="verilator")),
    case("no gem5", GEM5, "no gem5 found", "scons build/RISCV/gem5.opt", files=PROGRAM,
         environment={"PATH": "{folder}", "GEM5": None}),
    case("a gem5 that is not there", GEM5, "GEM5 = gem6", "there is no such program", files=PROGRAM, environment={"GEM5": "gem6"}),
    case("a gem5 that is a folder", GEM5, "GEM5 = /tmp", "there is no such program", files=PROGRAM, environment={"GEM5": "/tmp"}),
    case("a gem5 that says nothing", GEM5, "does not say its version", "24.0 is needed", files=PROGRAM,
         prepare=script("exit 0"), environment={"GEM5": "{folder}/tool"}),
    case("a gem5 that is too old", GEM5, "is version 23.1", "24.0 is needed", files=PROGRAM,
         prepare=script("echo version 23.1.0.0 riscv 1"), environment={"GEM5": "{folder}/tool"}),
    case("a gem5 for another processor", GEM5, "is not built for RISC-V", "scons build/RISCV", files=PROGRAM,
         prepare=script("echo version 24.0.0.1 riscv 0"), environment={"GEM5": "{folder}/tool"}),
    case("a gem5 that is killed", GEM5, "does not say its version", files=PROGRAM,
         prepare=script("kill -9 $$"), environment={"GEM5": "{folder}/tool"}),
    case("no compiler for RISC-V", "cpu run --workload gemv", "no RISC-V C compiler found", "apt install gcc-riscv64",
         prepare=script("echo version 24.0.0.1 riscv 1"),
         environment={"GEM5": "{folder}/tool", "PATH": "{folder}", "RISCV_CC": None}),
    case("a compiler for RISC-V that is not there", "cpu run --workload gemv", "RISCV_CC = rcc", "there is no such program",
         prepare=script("echo version 24.0.0.1 riscv 1"), environment={"GEM5": "{folder}/tool", "RISCV_CC": "rcc"}),
)  # fmt: skip
