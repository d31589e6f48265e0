"""Programs of the accelerator in memory, and their runs on the exact model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.api.systems import system_of
from tilewright.base.errors import ConfigError
from tilewright.base.files import write_bytes, write_json, write_text
from tilewright.sim.config import System
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.assembler import disassemble
from tilewright.sim.isa.commands import Opcode
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.memory_image import Image, fill_memory, parse_address, place_program, read_commands
from tilewright.sim.isa.tables import docstrings
from tilewright.sim.isa.vector_command import VectorError
from tilewright.sim.isa.widths import COMMAND_BYTES
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun, CycleLimitError
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.trace import Span, perfetto_json

MEMORY_BYTES = 4 << 20
"""Default size of memory in bytes; layers in co-simulation have the same size and therefore share builds with
programs."""
MAX_CYCLES = 20_000_000
"""Default number of cycles that a program may take; the exact model takes up to 20 seconds for them."""
REFRESH = ("refresh_period", "refresh_cycles")
"""Parameters of the refresh of a model of memory."""
TURNS = ("turn_period", "read_to_write", "write_cycles", "write_to_read")
"""Parameters of the turns of reads and writes."""
MAX_LATENCY = 65535
"""Largest latency of memory in cycles that can be chosen."""


@dataclass(frozen=True)
class Program:
    """A program in memory, ready to be started; :func:`load_program` makes it."""

    file: Path
    system: System
    memory: np.ndarray
    """Bytes of memory, an array of shape (bytes,) and type uint8."""
    address: int
    """Address of the first command."""
    commands: int
    """Number of commands."""
    latency: int
    """Latency of memory in cycles."""
    rate: Fraction
    """Bandwidth of memory in beats in each cycle, between refreshes."""
    max_cycles: int
    """Number of cycles that the program may take."""

    @property
    def config(self) -> AcceleratorConfig:
        """Parameters of the accelerator."""
        return self.system.accelerator

    @property
    def bytes_per_cycle(self) -> Fraction:
        """Bandwidth of memory in bytes in each cycle."""
        return self.rate * self.config.bus_bytes

    @property
    def memory_timing(self) -> dict[str, Any]:
        """Timing of memory by the names of the parameters of a model of memory; refresh and turns are the
        system's."""
        own = {"latency": self.latency, "rate": self.rate, "write_latency": self.latency, "write_rate": self.rate}
        return self.system.memory_timing | own

    def timing(self) -> AxiMemoryModel:
        """Return a new model of memory with this memory timing, for one run."""
        return AxiMemoryModel(**self.memory_timing)

    def encoded(self, index: int) -> bytes:
        """Return the bytes of a command, by its number."""
        start = self.address + index * COMMAND_BYTES
        return self.memory[start : start + COMMAND_BYTES].tobytes()


def load_program(
    file: str | Path,
    system: str | Path | System,
    *,
    memory: Sequence[str] = (),
    memory_bytes: int | None = None,
    address: str | int | None = None,
    latency: int | None = None,
    bandwidth: str | float | Fraction | None = None,
    max_cycles: int | None = None,
) -> Program:
    """Return a program in memory.

    Parameters
    ----------
    file : str or Path
        Text for ``tilewright program assemble``, or the bytes that it writes.
    system : str, Path or System
        System that runs the program.
    memory : sequence of str
        Files with the bytes of memory from an address, or 0, on: ``FILE[@ADDRESS]``.
    memory_bytes : int, optional
        Size of memory in bytes, in pages of 4 KiB; by default 4 MiB.
    address : int or str, optional
        Address of the program; by default the last page after which all bytes are zero.
    latency : int, optional
        Latency of memory in cycles; by default the system's.
    bandwidth : number or str, optional
        Bandwidth of memory in bytes in each cycle, also ``32/5``; by default the system's.
    max_cycles : int, optional
        Number of cycles that the program may take; by default 20 million.

    Raises
    ------
    ConfigError
        If a file cannot be read or used, or an argument is not allowed.
    """
    chosen = system_of(system)
    config = chosen.accelerator
    size = MEMORY_BYTES if memory_bytes is None else memory_bytes
    place = None if address is None else _parsed("address", str(address), parse_address)
    images = [_parsed("memory", image, Image.parse) for image in memory]
    program = read_commands(config, Path(file))
    filled = fill_memory(config, size, images)
    rate = chosen.memory_beats_per_cycle
    if bandwidth is not None:
        rate = _parsed("bandwidth", str(bandwidth), lambda text: _bandwidth(text, config.bus_bytes)) / config.bus_bytes
    if latency is not None and not 1 <= latency <= MAX_LATENCY:
        raise ConfigError(f"latency = {latency} is not allowed: 1 to {MAX_LATENCY}")
    return Program(
        file=Path(file),
        system=chosen,
        address=place_program(filled, program, place),
        memory=filled,
        commands=len(program) // COMMAND_BYTES,
        latency=chosen.memory_latency_cycles if latency is None else latency,
        rate=rate,
        max_cycles=MAX_CYCLES if max_cycles is None else max_cycles,
    )


def _parsed(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"{name} = {text} is not allowed: {error}") from error


def _bandwidth(text: str, bus_bytes: int) -> Fraction:
    about = f"it must be a number above 0, at most {bus_bytes}, the bytes of a beat"
    # With an exponent, a short text would be an endless number.
    if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?|[0-9]{1,18}/0*[1-9][0-9]{0,17}", text):
        raise ValueError(about)
    value = Fraction(text)
    if not 0 < value <= bus_bytes:
        raise ValueError(about)
    return value


@dataclass(frozen=True)
class ProgramRun:
    """A run of a program on the exact model."""

    program: Program
    """Program, with memory as it was before the run."""
    memory: np.ndarray
    """Bytes of memory after the run."""
    run: AcceleratorRun
    """Cycles, counters, error and spans as the exact model returns them."""

    @property
    def cycles(self) -> int:
        """Cycles from the start to the end of the program."""
        return self.run.cycles

    @property
    def seconds(self) -> float:
        """Time of the run."""
        return self.cycles / (self.program.system.clock_mhz * 1e6)

    @property
    def counters(self) -> dict[str, int]:
        """Values of the accelerator's counters by name."""
        return {register.name: value for register, value in self.run.counters.items()}

    @property
    def error(self) -> dict | None:
        """Error that stopped the program, as in registers ERROR and ERROR_INDEX and in words; None if there is none."""
        return _error(self.program, self.run) if self.run.error else None

    def to_dict(self) -> dict:
        """Return the run as ``tilewright program run --json`` prints it."""
        program = self.program
        return {
            "program": str(program.file),
            "system": program.system.name,
            "address": program.address,
            "commands": program.commands,
            "memory_bytes": len(program.memory),
            "latency": program.latency,
            "bytes_per_cycle": float(program.bytes_per_cycle),
            **({name: program.memory_timing[name] for name in REFRESH} if program.system.memory.refresh else {}),
            **({name: program.memory_timing[name] for name in TURNS} if program.system.memory.turnaround else {}),
            "cycles": self.cycles,
            "seconds": self.seconds,
            "error": self.error,
            "counters": self.counters,
        }

    def write(self, folder: Path) -> list[Path]:
        """Write run.json, memory.bin and run.trace.json (for ui.perfetto.dev) to a folder; return their paths.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        program = self.program
        spans = [
            Span(span.unit.name, f"{span.index} {_mnemonic(program, span.index)}", span.begin, span.end)
            for span in sorted(self.run.spans, key=lambda span: (span.unit, span.begin))
        ]
        title = f"{program.file} on {program.system.name}"
        return [
            write_json(folder / "run.json", self.to_dict()),
            write_bytes(folder / "memory.bin", self.memory.tobytes()),
            write_text(folder / "run.trace.json", perfetto_json(spans, title)),
        ]


def run(program: Program, *, timeline: bool = True) -> ProgramRun:
    """Run a program on the exact model, as ``tilewright program run`` does; the scratchpad holds zeros at the start.

    Parameters
    ----------
    program : Program
        Program in memory, which stays as it is.
    timeline : bool
        Whether the run keeps a span for each command, for the timeline that ``write`` makes.

    Returns
    -------
    ProgramRun
        Its ``error`` tells of a program that the accelerator stopped.

    Raises
    ------
    ConfigError
        If the program takes more than its ``max_cycles``.
    """
    memory = program.memory.copy()
    model = AcceleratorModel(program.config, memory)
    try:
        result = model.run(program.address, program.timing(), timeline=timeline, max_cycles=program.max_cycles)
    except CycleLimitError as error:
        raise ConfigError(f"max_cycles = {program.max_cycles} is not enough: {error}") from error
    return ProgramRun(program, memory, result)


def _error(program: Program, run: AcceleratorRun) -> dict:
    """Return the error that stopped a program, as in registers ERROR and ERROR_INDEX, and in words."""
    assert run.error is not None
    about = docstrings(AcceleratorError)[run.error.name]
    if run.error is AcceleratorError.VECTOR:
        detail = VectorError(run.detail)
        about = f"{about}: {detail.name}: {docstrings(VectorError)[detail.name]}"
    try:
        command = decode(program.config, program.encoded(run.index))
        text = " ".join(disassemble(program.config, [command]).splitlines()[1].split())
    except ValueError as error:
        text = str(error)
    return {
        "code": int(run.error),
        "name": run.error.name,
        "detail": run.detail,
        "index": run.index,
        "about": about,
        "command": text,
    }


def _mnemonic(program: Program, index: int) -> str:
    return Opcode(program.encoded(index)[0]).name.lower()
