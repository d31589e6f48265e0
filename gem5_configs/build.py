"""Builds the host workloads in C as static programs, which are kept in the cache."""

from pathlib import Path
from typing import Literal, get_args

from tilewright.base.cache import content_hash, keep
from tilewright.base.errors import ConfigError, suggest
from tilewright.base.tool_runs import run_tool
from tilewright.base.tools import Tool

SOURCES = Path(__file__).parent / "workloads"
WORKLOADS = tuple(sorted(path.stem for path in SOURCES.glob("*.c")))
"""Names of the host workloads."""

Size = Literal["l1", "l2", "l3", "memory"]
"""Smallest cache level of the host of arXiv 2408.03308 that holds the data of a kernel; ``memory`` means that none
does."""
SIZES: tuple[Size, ...] = get_args(Size)


def about(name: str) -> str:
    """Return the first sentence of a workload's source, which says what the workload does."""
    text = (SOURCES / f"{name}.c").read_text().removeprefix("/* ")
    return " ".join(text.split(". ")[0].split(".\n")[0].replace("\n *", " ").split())


FLAGS = ("-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-Wno-sign-compare", "-Werror")
RISCV_FLAGS = ("-march=rv64gc", "-mabi=lp64d")
"""Flags for the RISC-V compiler; vectors are off because the hosts have none."""


def build(name: str, compiler: Tool, flags: tuple[str, ...] = RISCV_FLAGS) -> Path:
    """Return the program of a workload; it is built unless it has been built with this compiler and these flags.

    Raises
    ------
    ConfigError
        If there is no such workload, or the cache cannot be written.
    ToolError
        If the compiler fails.
    """
    if name not in WORKLOADS:
        raise ConfigError(f"unknown workload '{name}'{suggest(name, WORKLOADS)}")
    source, header = SOURCES / f"{name}.c", SOURCES / "workload.h"
    texts = [source.read_text(), header.read_text()]
    key = content_hash([*texts, *compiler.command, compiler.version, *FLAGS, *flags])

    def make(folder: Path) -> None:
        arguments = [*FLAGS, *flags, "-o", str(folder.absolute() / name), str(source), "-lm"]
        run_tool(compiler, arguments, SOURCES)

    return keep("workloads", f"{name}-{key}", make) / name
