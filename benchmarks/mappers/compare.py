"""Runs GenZ, ZigZag and SCALE-Sim beside the exact model, on equal work, and prints ratios of time and memory.

    python -m benchmarks.mappers.compare [--folder build/mappers] [--write]

Each peer comes from the package registry, in the version below, into an environment of its own in the folder; a second
run uses the environments that are there. CPU seconds and peak memory are those of the whole process, start included.
"""

import argparse
import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.mappers.products import ZIGZAG, product_cycles
from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
TEMPLATE, PAGE = HERE / "compare.md", ROOT / "docs" / "mappers.md"
PRODUCT = {"m": 1, "n": 512, "k": 2048}
SMALL_PRODUCT = {"m": 1, "n": 512, "k": 512}
"""Product for SCALE-Sim, whose time and memory grow with each weight."""


@dataclass(frozen=True)
class Peer:
    """A peer, and the work that it does."""

    name: str
    requirements: tuple[str, ...]
    script: str
    """File that runs in the peer's environment and prints JSON."""
    ours: str
    """Module that does the same work on the exact model, and prints JSON."""
    work: dict[str, Any]
    about: str
    """Work in words."""


PEERS = (
    Peer(
        "GenZ 0.0.16", ("genz-llm==0.0.16",), "genz.py", "benchmarks.mappers.token",
        {"context": 1024, "gb_per_s": 51.2}, "one token of Llama-3.2-1B, INT4, context 1,024, 51.2 GB/s",
    ),
    Peer(
        "ZigZag 3.9.1", ("zigzag-dse==3.9.1", "six"), "zigzag.py", "benchmarks.mappers.products", PRODUCT,
        "product of 1 x 2048 with 2048 x 512, INT8, 128x128 in memory, 64 bits a cycle",
    ),
    Peer(
        "SCALE-Sim 3.0.0", ("scalesim==3.0.0", "numpy<2"), "scale_sim.py", "benchmarks.mappers.products",
        SMALL_PRODUCT, "product of 1 x 512 with 512 x 512, 128x128, weight-stationary, no traces",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What a process printed, and what it took."""

    result: dict[str, Any]
    cpu_seconds: float
    peak_mb: float

    @property
    def found(self) -> str:
        """Result in words."""
        if "milliseconds" in self.result:
            return f"{self.result['milliseconds']:.2f} ms"
        return f"{self.result['cycles']:,.0f} cycles"


def environment(peer: Peer, folder: Path) -> Path:
    """Return the interpreter of a peer's environment, which is made if it is not there."""
    place = folder / peer.script.removesuffix(".py")
    python = place / "bin" / "python"
    done = place / "requirements.txt"
    wanted = "\n".join(peer.requirements)
    if not done.exists() or done.read_text() != wanted:
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "-q", "install", *peer.requirements], check=True)
        done.write_text(wanted)
    return python


def measured(command: Sequence[str | Path]) -> Measured:
    """Run a process; return the JSON of its last line, its CPU seconds and its peak memory.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: status {process.returncode}")
    return Measured(json.loads(said.splitlines()[-1]), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compared(peer: Peer, folder: Path) -> tuple[Measured, Measured]:
    """Return what a peer and the exact model took for its work."""
    work = json.dumps(peer.work)
    # Isolated: nothing but the peer's environment.
    theirs = measured([environment(peer, folder), "-I", HERE / peer.script, work])
    return theirs, measured([sys.executable, "-m", peer.ours, work])


HEADINGS = (
    "peer", "work", "peer finds", "exact model finds", ">peer, CPU s", ">ours, CPU s", ">ratio of time", ">peer, MB",
    ">ours, MB", ">ratio of memory",
)  # fmt: skip


def row(peer: Peer, theirs: Measured, ours: Measured) -> tuple[str, ...]:
    """Return the row of a peer."""
    return (
        peer.name, peer.about, theirs.found, ours.found, f"{theirs.cpu_seconds:.2f}", f"{ours.cpu_seconds:.2f}",
        f"{theirs.cpu_seconds / ours.cpu_seconds:.2f}", f"{theirs.peak_mb:.0f}", f"{ours.peak_mb:.0f}",
        f"{theirs.peak_mb / ours.peak_mb:.2f}",
    )  # fmt: skip


def main() -> None:
    """Compare, print the table, and write the page if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mappers", help="folder of the environments")
    parser.add_argument("--write", action="store_true", help="write docs/mappers.md")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    table = markdown_table(HEADINGS, [row(peer, *compared(peer, options.folder.resolve())) for peer in PEERS])
    print(table)
    if options.write:
        layers = [(f"{m}", f"{product_cycles(m):,}", f"{zigzag:,}") for m, zigzag in ZIGZAG.items()]
        parts = {"peers": table, "layer": markdown_table(("M", ">exact model, cycles", ">ZigZag, cycles"), layers)}
        write_text(PAGE, filled(TEMPLATE, parts))


if __name__ == "__main__":
    main()
