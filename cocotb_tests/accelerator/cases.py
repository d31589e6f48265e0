"""What benches of the accelerator run: memory, and programs in it one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.cocotb_tests.harness.axi_harness import LINE_BITS
from tilewright.cocotb_tests.npe.cases import Timing
from tilewright.mapping.compile.compiled import PaddedRows
from tilewright.mapping.models.reference import cosine
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command
from tilewright.sim.isa.encoding import encode
from tilewright.sim.isa.errors import AcceleratorError

LINE_BYTES = LINE_BITS // 8
"""Of memory that the bench writes at a time."""
NEAR = Timing()
"""Memory that answers at once."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How a program ends that is to be stopped."""

    error: AcceleratorError
    detail: int = 0
    index: int | None = 0
    """Of the command, from 0; ``None``: whatever the model says."""
    bus_address: int | None = None
    """Byte address at which memory answers with an error."""
    bus_response: int = 2
    """And with which."""
    spared: tuple[tuple[int, int], ...] = ()
    """Begin and end of what may have been written or not."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a program's output comes near to: the same without quantisation."""

    output: PaddedRows
    values: np.ndarray
    """(rows, columns) float64."""
    least: float
    """Cosine of the angle between both."""

    def cosine(self, memory: np.ndarray) -> float:
        """Return the cosine of what is in memory."""
        return cosine(self.output.read(memory), self.values)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A start of the program at an address."""

    name: str
    address: int
    patches: tuple[tuple[int, np.ndarray], ...] = ()
    """Address and bytes, whole lines of the bench's memory, that are written before."""
    failure: Failure | None = None
    errors_ahead: bool = False
    """Memory may answer with an error to commands that are read ahead."""
    expected: tuple[tuple[int, bytes], ...] = ()
    """Address and bytes of what memory must hold behind it, whatever the model says."""
    reference: Reference | None = None
    macs: int = 0
    """Multiply-accumulates of its products, for tables."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Programs that run one after the other on one memory and one scratchpad."""

    name: str
    memory: np.ndarray
    """(bytes,) uint8, from address 0 on; 0 behind it."""
    runs: tuple[Run, ...]
    timing: Timing = NEAR
    shares: tuple[int, ...] = (0, 0, 0, 0, 0)
    """How often the channels ar, r, aw, w, b wait, in sixteenths; cycles are then not compared with the model."""
    seed: int = 1
    """Of these waits."""


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
