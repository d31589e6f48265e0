"""Coverage of programs of the accelerator: commands, errors, queues, signals, banks, loops and reads.

The exact model is watched, not the RTL: benches check that both agree in every cycle and every counter, so that what
happens in a cycle of the model happens in that cycle of the RTL. Values are not computed: nothing here depends on them.
"""

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import numpy as np

from tilewright.bench.program_cases import Case, Run, patched
from tilewright.cocotb_tests.coverage.fields import FieldPoint
from tilewright.cocotb_tests.coverage.passes import PassPoints
from tilewright.cocotb_tests.coverage.points import Coverage
from tilewright.cocotb_tests.harness.axi_contract import CHANNELS
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.commands import COMMANDS, Command, End, Fence, Loop, UnitCommand
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.vector_command import VectorError
from tilewright.sim.isa.widths import COMMAND_BYTES, LOOP_LEVELS
from tilewright.sim.machine.accelerator.jobs import JobsModel
from tilewright.sim.machine.accelerator.program_run import ProgramRun
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

ENDS = "ends of programs"
REFUSALS = "refusals of the vector unit"
NPE_ERRORS = "errors of the NPE in a program"
COUNTERS = "counters above 0"
QUEUES = "queues"
SIGNALS = "signals that are waited for"
BANKS = "banks that are waited for"
SAME_CYCLE = "banks wanted in one cycle"
WAITS = "waits of the command processor"
LOOPS = "loops in one another"
READS = "reads in flight"
FETCHED = "commands read ahead"
CHANNEL_WAITS = "channels that wait at random"
PORTS = ("read", "write")


class ProgramCoverage:
    """Coverage of programs of accelerators of any configuration.

    Members
    -------
    coverage : Coverage
    """

    def __init__(self) -> None:
        self.coverage = coverage = Coverage()
        self.fields = {
            kind.OPCODE: FieldPoint(coverage, kind.OPCODE.name, kind) for kind in COMMANDS.values() if kind.FIELDS
        }
        coverage.declare("commands that end", (kind.OPCODE.name for kind in COMMANDS.values()))
        coverage.declare("commands that are refused", (kind.OPCODE.name for kind in COMMANDS.values()))
        self.passes = PassPoints(coverage, "VECTOR: ")
        coverage.declare(ENDS, (error.name for error in AcceleratorError))
        coverage.declare(REFUSALS, (error.name for error in VectorError if error))
        coverage.declare(NPE_ERRORS, (error.name for error in NpeError if error))
        coverage.declare(COUNTERS, (register.name for register in Register if register.counts))
        units = [unit.label for unit in Unit]
        coverage.declare(QUEUES, (f"{unit}: {state}" for unit in units for state in ("empty again", "full")))
        coverage.declare(SIGNALS, (f"{unit} waits for {giver}" for unit in units for giver in units))
        pairs = [(unit, other) for unit in units for other in units if unit != other]
        coverage.declare(BANKS, (f"{unit} waits for {other}, {port}" for unit, other in pairs for port in PORTS))
        coverage.declare(SAME_CYCLE, PORTS)
        coverage.declare(WAITS, (kind.OPCODE.name for kind in COMMANDS.values()))
        coverage.declare(LOOPS, range(1, LOOP_LEVELS + 1))
        coverage.declare(READS, ("one", "as many as there may be"))
        coverage.declare(FETCHED, ("none when the next one is wanted", "as many as there may be"))
        coverage.declare(CHANNEL_WAITS, CHANNELS)

    def sample(self, config: AcceleratorConfig, case: Case, memory_bytes: int) -> None:
        """Run the programs of a case on the exact model and count what happens."""
        memory = np.zeros(memory_bytes, np.uint8)
        memory[: len(case.memory)] = case.memory
        for run in case.runs:
            patched(memory, run)
            counters = self.run(config, memory, run, AxiMemoryModel(**asdict(case.timing)))
            # Every read command makes `ar` and `r` move, every store the others.
            moved = (bool(counters.get(Register.READ_BEATS)),) * 2 + (bool(counters.get(Register.WRITE_BEATS)),) * 3
            for channel, share, used in zip(CHANNELS, case.shares, moved, strict=True):
                self.coverage.hit(CHANNEL_WAITS, channel, share > 0 and used)

    def run(
        self, config: AcceleratorConfig, memory: np.ndarray, run: Run, timing: AxiMemoryModel
    ) -> dict[Register, int]:  # fmt: skip
        """Run a program on the exact model and count what happens; return its counters."""
        if run.address % COMMAND_BYTES or run.address >> config.address_bits:
            self.coverage.hit(ENDS, AcceleratorError.ADDRESS.name)
            return {}
        ended = WatchedRun(self, config, memory, run, timing).run()
        self.coverage.hit(ENDS, ended.error.name)
        if ended.error is AcceleratorError.VECTOR:
            self.coverage.hit(REFUSALS, VectorError(ended.detail).name)
        if ended.error is AcceleratorError.NPE:
            self.coverage.hit(NPE_ERRORS, NpeError(ended.detail).name)
        for register, value in (ended.counters | {Register.CYCLES: ended.cycles}).items():
            self.coverage.hit(COUNTERS, register.name, value > 0)
        return ended.counters


class _JobTimes(JobsModel):
    """Jobs of the NPE without their results."""

    def finish(self, descriptor: Descriptor) -> None:
        """Leave memory as it is."""


class WatchedRun(ProgramRun):
    """Run of a program that counts what happens in it."""

    def __init__(
        self, to: ProgramCoverage, config: AcceleratorConfig, memory: np.ndarray, run: Run, timing: AxiMemoryModel
    ):
        self.to, self.hit = to, to.coverage.hit
        failure = run.failure
        bad = None if failure is None else failure.bus_address

        def command_at(index: int) -> Command | AcceleratorError:
            begin = run.address + index * COMMAND_BYTES
            try:
                return decode(config, memory[begin : begin + COMMAND_BYTES].tobytes())
            except ValueError:
                return AcceleratorError.OPCODE

        jobs = None
        if config.npe is not None:
            response = 2 if failure is None else failure.bus_response
            second = deepcopy(timing)
            second.share_reads(timing)
            jobs = _JobTimes(config.npe, second, memory=memory, bad_address=bad, bad_response=response)
        super().__init__(config, timing, command_at, None, len(memory), bad, False, jobs)
        self.program = run.address

    def act(self, time: int) -> None:
        """Count a command that ends in the processor, that is refused, or that waits."""
        if self.acting is None or time < self.acting:
            return
        command, errors = self.command, len(self.errors)
        super().act(time)
        if isinstance(command, AcceleratorError):
            return
        name = command.OPCODE.name
        if len(self.errors) > errors:
            self.hit("commands that are refused", name)
        elif self.acting is not None:
            self.hit(WAITS, name)
            if not isinstance(command, Fence | End):
                self.hit(QUEUES, f"{command.UNIT.label}: full")  # type: ignore[union-attr]
        elif not hasattr(command, "UNIT"):
            self._ended(command)
            if isinstance(command, Loop):
                self.hit(LOOPS, len(self.loops))

    def _ended(self, command: Command) -> None:
        self.hit("commands that end", command.OPCODE.name)
        if command.OPCODE in self.to.fields:
            self.to.fields[command.OPCODE].sample(command.to_fields(self.config.vector.lanes))

    def take(self, time: int) -> None:
        """Count how many commands have been read ahead when one is taken."""
        if self.taking is not None and time >= self.taking:
            there = sum(cycle <= time for cycle, _ in self.fetched)
            self.hit(FETCHED, "none when the next one is wanted", there > 0 and time > self.taking)
            self.hit(FETCHED, "as many as there may be", there == self.config.fetch_depth)
        super().take(time)

    def begin(self, time: int) -> None:
        """Count the first commands of queues that cannot begin, and what they wait for."""
        super().begin(time)
        for unit, lane in zip(self.units, self.lanes, strict=True):
            if not lane.waiting or lane.head > time or lane.ready is None or lane.ready > time:
                continue
            entry = lane.waiting[0]
            absent = [
                giver for giver in self.units if entry.command.wait >> giver & 1 and not self.semaphores[giver][unit]
            ]
            for giver in absent:
                self.hit(SIGNALS, f"{unit.label} waits for {giver.label}")
            if absent:
                continue
            for other, holder in zip(self.units, self.lanes, strict=True):
                for held in holder.under_way if holder is not lane else ():
                    mine, theirs = entry.prepared, held.prepared
                    wanted = (mine.reads & theirs.reads, mine.writes & theirs.writes)
                    for port, banks in zip(PORTS, wanted, strict=True):
                        self.hit(BANKS, f"{unit.label} waits for {other.label}, {port}", bool(banks))
                        self.hit(SAME_CYCLE, port, bool(banks) and held.begin == time)

    def _left(self, time: int, lane: Any) -> None:
        super()._left(time, lane)
        self.hit(QUEUES, f"{self.units[self.lanes.index(lane)].label}: empty again", lane.level == 0)

    def _note(self, time: int, last: int, beats: int) -> None:
        super()._note(time, last, beats)
        self.hit(READS, "one", len(self.flight) == 1)
        self.hit(READS, "as many as there may be", len(self.flight) == self.config.outstanding)

    def finish(self, time: int, unit: Unit) -> None:
        """Count a command that has ended."""
        command: UnitCommand = self.lanes[unit].under_way[0].command
        super().finish(time, unit)
        self._ended(command)
        if command.OPCODE.name == "VECTOR":
            self.to.passes.sample(command.command, self.config.vector.lanes)  # type: ignore[union-attr]
