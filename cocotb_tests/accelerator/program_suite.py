"""Co-simulation of any program of the accelerator, as it lies in memory."""

from dataclasses import asdict
from functools import partial

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.bench.program_cases import Case, Failure, Run
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite
from tilewright.cocotb_tests.harness.axi_harness import MAX_LATENCY
from tilewright.sim.config import System
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Store
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.footprint import footprint
from tilewright.sim.isa.widths import COMMAND_BYTES
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.accelerator.program_run import CycleLimitError
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

TIMING_BITS = 16
"""Width of the numbers that set the memory's timing."""


def program_suite(
    config: AcceleratorConfig,
    *,
    name: str,
    memory: np.ndarray,
    address: int,
    commands: int,
    timing: Timing,
    max_cycles: int | None = None,
) -> AcceleratorSuite:
    """Return the suite that runs one program.

    Parameters
    ----------
    memory : ndarray of uint8
        All of memory, with the program.
    address, commands : int
        Of the program: its begin and its length.
    max_cycles : int, optional
        Number of cycles that the program may take.

    Raises
    ------
    ConfigError
        If the bench's memory does not have the timing.
    """
    check_timing(config, timing)
    cases = partial(
        program_cases,
        name=name,
        memory=memory,
        address=address,
        commands=commands,
        timing=timing,
        max_cycles=max_cycles,
    )
    return AcceleratorSuite(config=config, make_cases=cases, memory_bytes=len(memory), label=name)


def timing_of(system: System) -> Timing:
    """Return the timing of a system's main memory."""
    return Timing(**system.memory_timing)


def check_timing(config: AcceleratorConfig, timing: Timing) -> None:
    """Refuse a timing that memory of the bench does not have.

    Raises
    ------
    ConfigError
        Names the value and what is allowed.
    """
    if timing.latency > MAX_LATENCY:
        raise ConfigError(
            f"latency = {timing.latency} is not allowed: memory of the bench has 1 to {MAX_LATENCY} cycles"
        )
    for name in ("refresh_period", "turn_period"):
        if getattr(timing, name) >> TIMING_BITS:
            raise ConfigError(
                f"{name} = {getattr(timing, name)} is not allowed: memory of the bench has at most "
                f"{(1 << TIMING_BITS) - 1} cycles"
            )
    if max(timing.rate.as_integer_ratio()) >> TIMING_BITS:
        raise ConfigError(
            f"bandwidth = {timing.rate * config.bus_bytes} is not allowed: it is {timing.rate} beats a cycle, and "
            f"memory of the bench has fractions of numbers of {TIMING_BITS} bits"
        )


def program_cases(
    config: AcceleratorConfig,
    *,
    name: str,
    memory: np.ndarray,
    address: int,
    commands: int,
    timing: Timing,
    max_cycles: int | None = None,
) -> tuple[Case, ...]:
    """Return the program as a case that ends as the model says.

    Of a program that is stopped, what its stores may write is not compared: they may be under way. Nor are its cycles.
    """
    model = AcceleratorModel(config, memory.copy())
    try:
        ending = model.run(address, AxiMemoryModel(**asdict(timing)), max_cycles=max_cycles)
    except CycleLimitError as error:
        raise ConfigError(f"max_cycles = {max_cycles} is not enough: {error}") from error
    failure, how = None, "ends"
    if ending.error:
        spared = _stored(config, memory, address, commands)
        failure = Failure(error=ending.error, detail=ending.detail, index=ending.index, spared=spared)
        how = f"stopped by {ending.error.name} at command {ending.index}"
    run = Run(name=how, address=address, failure=failure, errors_ahead=True)
    return (Case(name=f"{commands} command{'s' if commands > 1 else ''}", memory=memory, runs=(run,), timing=timing),)


def _stored(config: AcceleratorConfig, memory: np.ndarray, address: int, commands: int) -> tuple[tuple[int, int], ...]:
    """Return the bytes of memory to which the stores of a program write; with a register, all of memory."""
    regions: list[tuple[int, int]] = []
    for start in range(address, address + commands * COMMAND_BYTES, COMMAND_BYTES):
        try:
            command = decode(config, memory[start : start + COMMAND_BYTES].tobytes())
        except ValueError:
            continue
        if isinstance(command, Store):
            if command.register:
                return ((0, len(memory)),)
            regions += [(region.start, region.stop) for region in footprint(config, command).memory_writes]
    return tuple(regions)
