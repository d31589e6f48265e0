"""Exact model of the accelerator: the state that a program leaves, and its times."""

from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command, Jobs
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.widths import COMMAND_BYTES
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

from .jobs import JobsModel
from .program_run import AcceleratorRun, ProgramRun
from .recurrence import Recurrence
from .values import AcceleratorValues


class AcceleratorModel:
    """An accelerator with its memory.

    Parameters
    ----------
    config : AcceleratorConfig
    memory : ndarray of uint8
        All of memory, from address 0; programs change it. What lies behind it answers with an error.
    """

    def __init__(self, config: AcceleratorConfig, memory: np.ndarray):
        self.config = config
        self.values = AcceleratorValues(config, memory)

    @property
    def memory(self) -> np.ndarray:
        """Content of memory, as it is now."""
        return self.values.memory

    def run(
        self,
        address: int,
        timing: AxiMemoryModel,
        *,
        npe_timing: AxiMemoryModel | None = None,
        bad_address: int | None = None,
        bad_response: int = 2,
        timeline: bool = False,
        max_cycles: int | None = None,
    ) -> AcceleratorRun:
        """Run the program at an address; the state on chip stays for the next program.

        Parameters
        ----------
        timing : AxiMemoryModel
            Timing of memory, new for each program.
        npe_timing : AxiMemoryModel
            Timing of memory as the NPE's port sees it, if there is one; by default, it is like ``timing``. Reads of
            both ports come out of one bandwidth, in the order of their bursts.
        bad_address, bad_response : int
            Address of a byte whose beat memory answers with an error, and the response: 2 SLVERR, 3 DECERR.
        timeline : bool
            Whether to note what ran when.
        max_cycles : int, optional
            Number of cycles that the program may take.

        Raises
        ------
        CycleLimitError
            If the program takes more than ``max_cycles``.
        ConfigError
            If a command has so many elements that their values would take too much memory.
        """
        config, memory = self.config, self.values.memory
        if address % COMMAND_BYTES or address >> config.address_bits:
            return AcceleratorRun(0, AcceleratorError.ADDRESS)

        def command_at(index: int) -> Command | AcceleratorError:
            begin = address + index * COMMAND_BYTES
            try:
                return decode(config, memory[begin : begin + COMMAND_BYTES].tobytes())
            except ValueError:
                return AcceleratorError.OPCODE

        self.values.weights.clear()
        jobs = None
        if config.npe is not None:
            jobs = JobsModel(
                config.npe, _beside(timing, npe_timing), memory=memory, bad_address=bad_address,
                bad_response=bad_response,
            )  # fmt: skip
        run = ProgramRun(
            config, timing, command_at, self.values.execute, len(memory), bad_address, timeline, jobs, max_cycles
        )
        run.program = address
        return run.run()


def run_commands(
    config: AcceleratorConfig,
    commands: Sequence[Command],
    timing: AxiMemoryModel,
    *,
    npe_timing: AxiMemoryModel | None = None,
    descriptor_at: Callable[[int], Descriptor] | None = None,
    timeline: bool = False,
    every_event: bool = False,
) -> AcceleratorRun:
    """Return the times of a program, without its values and without memory.

    Iterations of loops that go as those before are counted, not computed, see :mod:`.recurrence`.

    Parameters
    ----------
    commands : sequence of Command
        With an END.
    npe_timing : AxiMemoryModel
        The same as in :meth:`AcceleratorModel.run`.
    descriptor_at : callable
        Returns the descriptor at an address, for jobs of the NPE.
    every_event : bool
        Whether to compute all iterations, as those of programs with jobs, of programs that are stopped, and of systems
        without a CIM array are always computed.
    """
    if every_event or config.cim is None or any(isinstance(command, Jobs) for command in commands):
        jobs = None
        if config.npe is not None:
            jobs = JobsModel(config.npe, _beside(timing, npe_timing), descriptor_at=descriptor_at)
        return ProgramRun(config, timing, commands.__getitem__, None, None, None, timeline, jobs).run()
    unused = deepcopy(timing)
    run = ProgramRun(config, timing, commands.__getitem__, None, None, None, timeline, None)
    run.recurrence = Recurrence()
    ended = run.run()
    if ended.error and run.skipped:
        return run_commands(config, commands, unused, timeline=timeline, every_event=True)
    return ended


def _beside(timing: AxiMemoryModel, npe_timing: AxiMemoryModel | None) -> AxiMemoryModel:
    """Return the timing of memory as the NPE's port sees it, beside the other port."""
    second = npe_timing or deepcopy(timing)
    second.share_reads(timing)
    return second
