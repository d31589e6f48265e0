"""A program in place of gem5 that writes what gem5 writes, and does as its program's arguments say.

``wait``: until there is a file ``go`` beside it; ``fail``: as a program with a wrong result; ``fatal``: as gem5 on an
error of its own; ``cut``: half a file of statistics; ``other-machine``: a cache of another size.
"""

import json
import os
import stat
import struct
import sys
import time
from pathlib import Path

from tests.gem5_configs.gem5_statistics import CORE, statistics
from tests.gem5_configs.machine_json import machine
from tilewright.base.tools import Tool

ROOT = Path(__file__).parents[2]


def install(folder: Path) -> Tool:
    """Write the program into a new folder."""
    folder.mkdir()
    program = folder / "gem5.opt"
    program.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        f"from tests.gem5_configs.fake_gem5 import main\nmain({str(folder)!r}, sys.argv[1:])\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Tool("gem5", (str(program),), "24.0", "system")


def elf(machine: int = 243, segment: int = 1) -> bytes:
    """Return the head of an ELF file with one segment of a type."""
    head = b"\x7fELF\2\1" + bytes(12) + struct.pack("<HIQQQIHHH", machine, 1, 0, 64, 0, 0, 64, 56, 1)
    return head.ljust(64, b"\0") + struct.pack("<I", segment)


def started(gem5: Tool) -> list[tuple[int, str]]:
    """Return the process and the program's arguments of each run that was started."""
    file = Path(gem5.command[0]).with_name("started")
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in lines]


def let_go(gem5: Tool) -> None:
    """Let runs that wait go on."""
    Path(gem5.command[0]).with_name("go").touch()


def main(here: str, arguments: list[str]) -> None:
    folder = Path(arguments[arguments.index("-d") + 1])
    if "-c" in arguments:
        print("gem5 version 24.0.0.1\n\nversion 24.0.0.1 riscv 1")
        return
    host_file, _, *given = arguments[arguments.index("--host") + 1 :]
    host = json.loads(Path(host_file).read_text())
    with Path(here, "started").open("a") as file:
        file.write(f"{os.getpid()} {' '.join(given)}\n")
    (folder / "stats.txt").write_text("")  # as gem5 does when it starts
    (folder / "config.json").write_text(json.dumps(_machine(host, given)))
    while "wait" in given and not Path(here, "go").exists():
        time.sleep(0.02)
    if "fail" in given:
        (folder / "program.err").write_text("gemv: wrong result: y is 1, expected 2\n")
        sys.exit(3)
    if "fatal" in given:
        print("warn: something\nsrc/a.cc:1: fatal: no such thing\nmore")
        sys.exit(1)
    cycles = int(1000 * host["clocks"]["core_ghz"]) + len(given)
    text = statistics(host["core"], **{f"{CORE}.numCycles": cycles})
    (folder / "stats.txt").write_text(text[:300] if "cut" in given else text)


def _machine(host: dict, given: list[str]) -> dict:
    """Return the machine with the host's clocks."""
    config, clocks = machine(host["core"]), host["clocks"]
    caches = config["board"]["cache_hierarchy"]
    for level in ("l1", "l2", "l3"):
        caches[f"{level}_domain"]["clock"] = [round(1000 / clocks[f"{level}_ghz"])]
    # The second core is in the domain of the first.
    config["board"]["processor"]["cores"][0]["core"]["clk_domain"]["clock"] = [round(1000 / clocks["core_ghz"])]
    if "other-machine" in given:
        caches["l3cache"]["size"] = 1
    return config
