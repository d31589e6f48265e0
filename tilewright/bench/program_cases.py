"""Cases of the accelerator's benches: memory, and programs in it that run one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.bench.timing import NEAR, Timing
from tilewright.mapping.compile.compiled import PaddedRows
from tilewright.mapping.models.reference import cosine
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command
from tilewright.sim.isa.encoding import encode
from tilewright.sim.isa.errors import AcceleratorError

LINE_BYTES = 256
"""Alignment of patches, and their step: a harness with its memory in RTL writes whole lines."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Expected end of a program that must be stopped."""

    error: AcceleratorError
    detail: int = 0
    index: int | None = 0
    """Number of the command, counted from 0; ``None`` accepts the model's number."""
    bus_address: int | None = None
    """Byte address at which memory answers with an error."""
    bus_response: int = 2
    """Response that memory gives at this address."""
    spared: tuple[tuple[int, int], ...] = ()
    """First and last address of bytes that the program may have written or not."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Expected output of a program without quantisation, to which its real output must be close."""

    output: PaddedRows
    values: np.ndarray
    """Expected values, (rows, columns) float64."""
    least: float
    """Least cosine of the angle between output and reference."""

    def cosine(self, memory: np.ndarray) -> float:
        """Return the cosine of the angle between the output in memory and the reference."""
        return cosine(self.output.read(memory), self.values)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A start of the program at an address."""

    name: str
    address: int
    patches: tuple[tuple[int, np.ndarray], ...] = ()
    """Addresses and bytes, in whole lines of the bench's memory, that are written before the run."""
    failure: Failure | None = None
    errors_ahead: bool = False
    """Flag: memory may answer with an error to commands that are read ahead."""
    expected: tuple[tuple[int, bytes], ...] = ()
    """Addresses and bytes that memory must hold after the run, whatever the model computes."""
    reference: Reference | None = None
    macs: int = 0
    """Number of multiply-accumulates of its products, for tables."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Programs that run one after the other on one memory and one scratchpad."""

    name: str
    memory: np.ndarray
    """Content of memory from address 0 on, (bytes,) uint8; zeros follow."""
    runs: tuple[Run, ...]
    timing: Timing = NEAR
    shares: tuple[int, ...] = (0, 0, 0, 0, 0)
    """Number of sixteenths of the cycles in which the channels ar, r, aw, w, b wait; cycles are then not compared with
    the model."""
    seed: int = 1
    """Seed of the random waits."""


def encoded(config: AcceleratorConfig, commands: Sequence[Command]) -> np.ndarray:
    """Return a program's bytes."""
    return np.frombuffer(b"".join(encode(config, command) for command in commands), np.uint8)


def patched(memory: np.ndarray, run: Run) -> None:
    """Write a run's patches into a memory."""
    for address, patch in run.patches:
        memory[address : address + len(patch)] = patch


def patch(memory: np.ndarray, address: int, content: np.ndarray) -> tuple[int, np.ndarray]:
    """Write some bytes into a memory; return the patch of whole lines that does the same."""
    memory[address : address + len(content)] = content
    start = address // LINE_BYTES * LINE_BYTES
    stop = -(-(address + len(content)) // LINE_BYTES) * LINE_BYTES
    return start, memory[start:stop].copy()


def changes(before: np.ndarray, after: np.ndarray) -> tuple[tuple[int, np.ndarray], ...]:
    """Return patches that turn one memory into another one, in whole lines; both have a whole number of lines."""
    changed = (before != after).reshape(-1, LINE_BYTES).any(axis=1)
    # A run of changed lines begins and ends where the flag changes.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], changed, [False]]).astype(np.int8)))
    return tuple((int(first), after[first:end].copy()) for first, end in edges.reshape(-1, 2) * LINE_BYTES)
