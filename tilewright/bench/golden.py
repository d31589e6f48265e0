"""Predictions of the exact models for a start: memory, cycles, counters, errors."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tilewright.bench.accelerator_host import AcceleratorEnding
from tilewright.bench.npe_host import NpeEnding
from tilewright.bench.timing import NEAR, Timing
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa import accelerator_registers, npe_registers
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.npe import values as npe_values
from tilewright.sim.machine.npe.npe import NpeModel

WHATEVER_THE_TIMING = (accelerator_registers.Register.COMMANDS, accelerator_registers.Register.WRITE_BEATS)
"""Counters that do not depend on when memory answers: commands may be fetched that are not reached."""


@dataclass(frozen=True)
class NpePrediction:
    """Prediction of the exact model for a start of the NPE."""

    memory: np.ndarray
    """Content of memory at the end, uint8."""
    error: NpeError
    detail: int
    completed: int
    """Number of jobs that are completed."""
    counters: Mapping[npe_registers.Register, int]
    """Registers that count, if all jobs are completed."""

    @property
    def cycles(self) -> int:
        """Number of cycles of a start without an error."""
        return self.counters[npe_registers.Register.CYCLES]


def predict_npe(
    config: NpeConfig, memory: np.ndarray, address: int, count: int, timing: Timing = NEAR
) -> NpePrediction:
    """Return what a start of ``count`` descriptors from ``address`` on makes of a memory, and in which time.

    The memory stays as it is; it ends where the circuit's memory ends.
    """
    outcome = npe_values.run(config, memory, address, count)
    counters: dict[npe_registers.Register, int] = {}
    if outcome.error is NpeError.NONE:
        starts = range(address, address + count * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES)
        jobs = [Descriptor.decode(memory[start : start + DESCRIPTOR_BYTES].tobytes()) for start in starts]
        run = NpeModel(config, AxiMemoryModel(**asdict(timing))).run(address, jobs)
        counters = {
            npe_registers.Register.CYCLES: run.cycles,
            npe_registers.Register.BUSY: run.busy,
            npe_registers.Register.STALL_LOAD: run.stall_load,
            npe_registers.Register.STALL_STORE: run.stall_store,
            npe_registers.Register.READ_BEATS: run.read_beats,
            npe_registers.Register.WRITE_BEATS: run.write_beats,
        }
    return NpePrediction(outcome.memory, outcome.error, outcome.detail, outcome.completed, counters)


def npe_differences(ended: NpeEnding, predicted: NpePrediction, *, timed: bool = True) -> list[str]:
    """Return the differences between the end of a start and its prediction.

    Parameters
    ----------
    timed : bool
        Whether cycles are compared: random waits of memory are in no model.
    """
    got, wanted = (
        f"{one.error.name}, detail {one.detail}, after {one.completed} jobs" for one in (ended, predicted)
    )  # fmt: skip
    found = [f"ends with {got}, not {wanted}"] if got != wanted else []
    anyhow = (npe_registers.Register.BUSY, npe_registers.Register.READ_BEATS, npe_registers.Register.WRITE_BEATS)
    return found + _counter_differences(ended.counters, predicted.counters, None if timed else anyhow)


def predict_program(
    model: AcceleratorModel,
    address: int,
    timing: Timing = NEAR,
    *,
    bad_address: int | None = None,
    bad_response: int = 2,
    timeline: bool = False,
) -> AcceleratorRun:
    """Run the program at an address on a model, whose memory and scratchpad keep the results.

    Every port of the accelerator sees the memory timing. Memory answers with ``bad_response`` at ``bad_address``.
    """
    main, npe = (AxiMemoryModel(**asdict(timing)) for _ in range(2))
    return model.run(
        address, main, npe_timing=npe, bad_address=bad_address, bad_response=bad_response, timeline=timeline
    )  # fmt: skip


def program_differences(ended: AcceleratorEnding, predicted: AcceleratorRun, *, timed: bool = True) -> list[str]:
    """Return the differences between the end of a program and its prediction.

    Parameters
    ----------
    timed : bool
        Whether cycles are compared: random waits of memory are in no model.
    """
    found = []
    got, wanted = (
        f"{AcceleratorError(one.error).name}, detail {one.detail}, at command {one.index}" for one in (ended, predicted)
    )
    if got != wanted:
        found.append(f"ends with {got}, not {wanted}")
    cycles = ended.counters[accelerator_registers.Register.CYCLES]
    if timed and not predicted.error and cycles != predicted.cycles:
        found.append(f"CYCLES {cycles}, not {predicted.cycles}")
    # The model counts nothing of a program that was stopped.
    return found + _counter_differences(ended.counters, predicted.counters, None if timed else WHATEVER_THE_TIMING)


def _counter_differences(
    got: Mapping[Any, int], wanted: Mapping[Any, int], compared: tuple[Any, ...] | None
) -> list[str]:
    return [
        f"{register.name} {got[register]}, not {value}"
        for register, value in wanted.items()
        if (compared is None or register in compared) and got[register] != value
    ]
