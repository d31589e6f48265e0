"""Options of commands that run a program of the accelerator, and the program that they define."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tilewright.base.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from tilewright.sim.config import System
    from tilewright.sim.config.accelerator import AcceleratorConfig
    from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

MAX_CYCLES = 20_000_000
"""Default number of cycles that a program may take; the exact model takes up to 20 seconds for them."""
F = TypeVar("F", bound=Callable[..., Any])
MEMORY_BYTES = 4 << 20
"""Default size of memory in bytes; layers in co-simulation have the same size and therefore share builds with
programs."""

_OPTIONS = (
    click.option("--system", "system_name", help="Preset or TOML file of the system that runs the program."),
    click.option("--memory", "images", multiple=True, metavar="FILE[@ADDRESS]",
                 help="File with the bytes of memory from an address, or 0, on; can be given several times."),
    click.option("--memory-bytes", type=int,
                 help=f"Size of memory in bytes, in pages of 4 KiB. [default: {MEMORY_BYTES}]"),
    click.option("--address", metavar="ADDRESS",
                 help="Address of the program. [default: the last page after which all bytes are zero]"),
    click.option("--latency", type=click.IntRange(1, 65535),
                 help="Latency of memory in cycles. [default: the system's]"),
    click.option("--max-cycles", type=click.IntRange(1, 10**15),
                 help=f"Number of cycles that the program may take. [default: {MAX_CYCLES}]"),
    click.option("--bandwidth",
                 help="Bandwidth of memory in bytes in each cycle: 8, 6.4 or 32/5. [default: the system's]"),
)  # fmt: skip


def program_options(command: F) -> F:
    """Add the options to a command, which hands what it gets for them to :func:`load_program`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class ProgramInMemory:
    """A program in memory, ready to be started."""

    file: Path
    system: "System"
    memory: "np.ndarray"
    """Bytes of memory, an array of shape (bytes,) and type uint8."""
    address: int
    """Address of the first command."""
    commands: int
    latency: int
    rate: Fraction
    """Bandwidth of memory in beats in each cycle."""
    max_cycles: int
    """Number of cycles that the program may take."""

    @property
    def config(self) -> "AcceleratorConfig":
        """Parameters of the accelerator."""
        return self.system.accelerator

    @property
    def bytes_per_cycle(self) -> Fraction:
        """Bandwidth of memory."""
        return self.rate * self.config.bus_bytes

    def timing(self) -> "AxiMemoryModel":
        """Return a new model of memory with this memory timing, for one run."""
        from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

        return AxiMemoryModel(
            latency=self.latency, rate=self.rate, write_latency=self.latency, write_rate=self.rate
        )  # fmt: skip

    def encoded(self, index: int) -> bytes:
        """Return the bytes of a command, by its number."""
        from tilewright.sim.isa.widths import COMMAND_BYTES

        start = self.address + index * COMMAND_BYTES
        return self.memory[start : start + COMMAND_BYTES].tobytes()


def load_program(
    file: Path,
    *,
    system_name: str | None,
    images: tuple[str, ...],
    memory_bytes: int | None,
    address: str | None,
    latency: int | None,
    bandwidth: str | None,
    max_cycles: int | None,
) -> ProgramInMemory:
    """Return a program in memory.

    Raises
    ------
    ConfigError
        If a file cannot be read or used, or an option is not allowed.
    """
    from tilewright.sim.config import load_system
    from tilewright.sim.isa.memory_image import Image, fill_memory, parse_address, place_program, read_commands
    from tilewright.sim.isa.widths import COMMAND_BYTES

    if system_name is None:
        raise ConfigError("--system is missing: name the preset or TOML file that the program is for")
    system = load_system(system_name)
    config = system.accelerator
    size = MEMORY_BYTES if memory_bytes is None else memory_bytes
    place = None if address is None else _parsed("--address", address, parse_address)
    parsed = [_parsed("--memory", image, Image.parse) for image in images]
    program = read_commands(config, file)
    memory = fill_memory(config, size, parsed)
    rate = system.memory.bytes_per_cycle(system.clock_mhz) / config.bus_bytes
    if bandwidth is not None:
        rate = _parsed("--bandwidth", bandwidth, lambda text: _bandwidth(text, config.bus_bytes)) / config.bus_bytes
    return ProgramInMemory(
        file=file,
        system=system,
        address=place_program(memory, program, place),
        memory=memory,
        commands=len(program) // COMMAND_BYTES,
        latency=system.memory_latency_cycles if latency is None else latency,
        rate=rate,
        max_cycles=MAX_CYCLES if max_cycles is None else max_cycles,
    )


def _parsed(option: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"{option} = {text} is not allowed: {error}") from error


def _bandwidth(text: str, bus_bytes: int) -> Fraction:
    about = f"it must be a number above 0, at most {bus_bytes}, the bytes of a beat"
    # With an exponent, a short text would be an endless number.
    if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?|[0-9]{1,18}/0*[1-9][0-9]{0,17}", text):
        raise ValueError(about)
    value = Fraction(text)
    if not 0 < value <= bus_bytes:
        raise ValueError(about)
    return value
