"""The NPE as a unit of the accelerator: the cycle in which each of its jobs ends, and the job's results in memory."""

from collections.abc import Callable, Generator

import numpy as np

from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.npe_registers import NpeError, ReadStream
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.npe import values as npe_values
from tilewright.sim.machine.npe.npe import NpeModel

JobRun = Generator[int, None, tuple[int, Descriptor, NpeError]]
"""Run of a job, up to each burst that it reads."""
CHECK_TO_END = 3
"""Cycles from the last beat of a refused descriptor to the end of the NPE's run."""


class JobsModel:
    """Runs jobs one by one, in the cycles of the accelerator's model.

    Parameters
    ----------
    config : NpeConfig
    timing : AxiMemoryModel
        Timing of memory as the NPE's port sees it; its cycle 0 is that of the accelerator's model.
    descriptor_at : callable
        Returns the descriptor at an address; used without ``memory``.
    memory : ndarray of uint8
        All of memory; jobs change it. Without it only times are known.
    bad_address, bad_response : int
        Byte whose beat memory answers with an error, and with which.
    """

    def __init__(
        self,
        config: NpeConfig,
        timing: AxiMemoryModel,
        *,
        descriptor_at: Callable[[int], Descriptor] | None = None,
        memory: np.ndarray | None = None,
        bad_address: int | None = None,
        bad_response: int = 2,
    ):
        self.config, self.memory = config, memory
        self._descriptor_at = descriptor_at
        self._bad = bad_address, bad_response
        self._model = NpeModel(config, timing)

    @property
    def bytes_moved(self) -> int:
        """Number of bytes that the NPE's port has moved."""
        return self._model.beats * self.config.bus_bytes

    def run(self, now: int, address: int) -> JobRun:
        """Run the job whose descriptor is requested in a cycle; yield as :data:`.npe.Requests` do.

        Returns
        -------
        ends : int
            Cycle in which the next descriptor is asked for, or in which the NPE is done. With an error that
            memory answered, of which it is not known when it came, a later one.
        descriptor : Descriptor
        error : NpeError
        """
        there = yield from self._model.fetch(now, address)
        if self.memory is None:
            assert self._descriptor_at is not None
            descriptor = self._descriptor_at(address)
            ends = yield from self._model.job(there, descriptor)
            return ends, descriptor, NpeError.NONE
        content = self.memory[address : address + DESCRIPTOR_BYTES].tobytes()
        descriptor = Descriptor.decode(content.ljust(DESCRIPTOR_BYTES, b"\0"))
        size = len(self.memory)
        problem = npe_values.read_error(address, DESCRIPTOR_BYTES, ReadStream.DESCRIPTOR, size, *self._bad)
        problem = problem or descriptor.check(self.config)
        if problem is not None:
            return there + CHECK_TO_END, descriptor, problem[0]
        ends = yield from self._model.job(there, descriptor)
        problem = npe_values.memory_error(self.config, descriptor, size, *self._bad)
        return ends, descriptor, NpeError.NONE if problem is None else problem[0]

    def finish(self, descriptor: Descriptor) -> None:
        """Write the results of a job."""
        if self.memory is not None:
            npe_values.run_job(self.config, descriptor, self.memory)
