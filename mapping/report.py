"""The report of a run of a model: counts of each operator, bounds, energy, timeline."""

import math
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tilewright.mapping.compile.chunks import RefusedChunk
from tilewright.mapping.compile.compiled import InMemory
from tilewright.mapping.compile.mapping import DEFAULT_MAPPING, Mapping
from tilewright.mapping.compile.mapping_file import mapping_dict
from tilewright.mapping.host.cost import HostPart
from tilewright.mapping.host.steps import HostStep, host_steps
from tilewright.mapping.models.config import Transformer
from tilewright.mapping.precision.plans.on_array import HeldPlan
from tilewright.mapping.waits import Wait, array_waits
from tilewright.sim.config import System
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.energy.commands import count_command, executions, fetched_commands
from tilewright.sim.energy.events import Counts, EnergyItem, EnergyRange, PerJoule, total
from tilewright.sim.energy.npe import count_job
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.energy.system_area import SystemArea, system_area
from tilewright.sim.estimate.bounds import Bounds, peak_cycles
from tilewright.sim.formats.simd import Mode
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Operator
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.commands import CommandOfUnit, Jobs
from tilewright.sim.isa.units import units_of
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun
from tilewright.sim.trace import Span

START_AND_END = "start and end"
"""Row of what belongs to no operator."""


@dataclass(frozen=True)
class ReportRow:
    """Operators that reports count together, in all layers."""

    name: str
    units: tuple[str, ...]
    commands: int
    """Number of commands that units executed for these operators."""
    cycles: int
    """Cycles that these operators add to the critical path; the cycles of all rows add up to the run."""
    macs: int
    """Number of multiply-accumulates that the array and the NPE carried out, padding included."""
    memory_bytes: int
    """Number of bytes that these operators moved to and from main memory, their commands included; those of all rows
    add up to the run's."""
    energy: EnergyRange
    """Energy of these operators; what depends on time goes by their cycles. The energies of all rows add up to the
    run's."""


@dataclass(frozen=True)
class PaddedHeads:
    """Room that heads take because the units cannot take heads of their size."""

    head_dim: int
    key_room: int
    """Number of elements for which each query head and each key head has room."""
    value_room: int
    """Number of elements for which each value head has room."""
    bytes: int
    """Number of bytes of weights and cache that are zeros, each read or written once."""
    macs: int
    """Number of multiply-accumulates with zeros."""


@dataclass(frozen=True)
class MapResult:
    """Result of a run of a model on a system."""

    name: str
    model: Transformer
    system: System
    phase: str
    tokens: int
    """Number of tokens that went through the model."""
    context: int
    """Number of positions in the cache after the run; of an encoder, the number of tokens."""
    graph: Graph
    """Operator graph of all tokens at once, whatever the chunks."""
    rows: list[ReportRow]
    cycles: int
    unit_cycles: dict[str, int]
    """Cycles in which each unit executed a command."""
    commands: int
    """Number of commands of all programs in memory."""
    chunks: tuple[int, ...]
    """Number of tokens in each chunk of a prompt, which has a program of its own, or in each block of rows of an
    encoder, all of which have one program."""
    refused_chunk: RefusedChunk | None
    """Smallest chunk or block that the accelerator could not take; None if they are as large as they are ever tried."""
    padded_heads: PaddedHeads | None
    """Padding of heads; None if heads have none."""
    memory_bytes: int
    """Number of bytes moved, with commands, padding and repeated loads."""
    bounds: Bounds
    """Cycles that each resource needs, from the graph of all tokens and the system alone."""
    energy: list[EnergyItem]
    spans: list[Span]
    on_host: tuple[HostStep, ...]
    """Operators that were placed on the host; the fields above describe the program without them."""
    host: HostPart | None = None
    """Part of the host, if there is one of which the cost is known."""
    plan: HeldPlan | None = None
    """Formats of the matrices, if a plan gave them."""
    engines: tuple[EngineRule, ...] = ()
    """Rules by which products have their engines."""
    mapping: Mapping = DEFAULT_MAPPING
    """Choices with which the programs were compiled."""
    search: dict[str, Any] | None = None
    """Numbers of the search that found the mapping, if there was one."""

    @property
    def seconds(self) -> float:
        """Time of the run."""
        return self.cycles / (self.system.clock_mhz * 1e6)

    @property
    def tokens_per_s(self) -> float:
        """Number of tokens that go through the model in a second."""
        return self.tokens / self.seconds

    @property
    def seconds_with_host(self) -> float:
        """Time of the run and of the host's part, one after the other; the time of the run alone without a host."""
        return self.seconds + (self.host.seconds if self.host else 0)

    @property
    def tokens_per_s_with_host(self) -> float:
        """Number of tokens that go through model and host in a second."""
        return self.tokens / self.seconds_with_host

    @property
    def dram_bound_cycles(self) -> int:
        """Cycles that main memory needs to move every operand once, refreshes and turns included."""
        return self.bounds.dram

    @property
    def dram_peak_cycles(self) -> int:
        """Cycles that main memory would need to move every operand once without refresh and turns."""
        return math.ceil(peak_cycles(self.graph, self.system))

    @property
    def compute_bound_cycles(self) -> int:
        """Cycles that the busiest of array, its ports and vector unit needs."""
        return self.bounds.compute

    @property
    def bound_fraction(self) -> float:
        """The largest bound as a fraction of the cycles."""
        return self.bounds.largest / self.cycles

    @property
    def waits(self) -> tuple[Wait, ...]:
        """Cycles in which the array has no product, by unit and row that are at work then, the longest first."""
        return array_waits(self.spans, self.cycles)

    @property
    def energy_range_j(self) -> EnergyRange:
        """Energy of the run, in joules: all parts at their low, their middle or their high figures."""
        return total(self.energy)

    @property
    def energy_j(self) -> float:
        """Energy of the run, in joules, by the middle figures."""
        return self.energy_range_j.mid

    @property
    def tokens_per_j(self) -> PerJoule:
        """Number of tokens that go through the model with one joule."""
        return self.energy_range_j.per_joule(self.tokens)

    @property
    def area(self) -> SystemArea | None:
        """Area, leakage and clock power of the accelerator; None if the system names no process."""
        return system_area(self.system)

    @property
    def host_steps(self) -> tuple[HostStep, ...]:
        """Parts of the model that the host runs: embedding, the operators that were placed on it, sampling."""
        before, after = host_steps(self.graph)
        return before, *self.on_host, after

    def write(self, folder: Path) -> list[Path]:
        """Write map.json, map.trace.json (for ui.perfetto.dev) and pictures to a folder; return their paths.

        The pictures are map.png, where time and energy go; map.roofline.png, the operators under the system's roofs;
        and map.area.png, the units drawn to scale, of a system that names its process.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        from tilewright.mapping.report_files import write_report

        return write_report(self, folder)

    def _refused(self, chunk: RefusedChunk) -> dict:
        """Return a refused chunk for JSON, with the cost of the smaller ones: bytes and cycles beyond one pass."""
        moved = self.memory_bytes - self.graph.dram_bytes
        rate = self.system.memory_bytes_per_cycle
        return {
            "tokens": chunk.tokens,
            "cause": chunk.cause,
            "bytes_moved_again": moved,
            "cycles_moving_again": int(moved / rate),
        }

    def to_dict(self) -> dict:
        """Return the result as ``tilewright map --json`` prints it."""
        host = (
            {}
            if self.host is None
            else {
                "host": self.host.to_dict(),
                "seconds_with_host": self.seconds_with_host,
                "tokens_per_s_with_host": self.tokens_per_s_with_host,
            }
        )
        return self._run() | host

    def _run(self) -> dict:
        """Return the accelerator's part of the result, for JSON."""
        return {
            "model": self.name,
            "parameters": self.model.parameters,
            "system": self.system.name,
            "phase": self.phase,
            "tokens": self.tokens,
            "context": self.context,
            **({"plan": self.plan.to_dict()} if self.plan else {}),
            "chunks": list(self.chunks),
            **({"refused_chunk": self._refused(self.refused_chunk)} if self.refused_chunk else {}),
            **({"padded_heads": asdict(self.padded_heads)} if self.padded_heads else {}),
            "clock_mhz": self.system.clock_mhz,
            "cycles": self.cycles,
            "unit_cycles": self.unit_cycles,
            "commands": self.commands,
            "seconds": self.seconds,
            "tokens_per_s": self.tokens_per_s,
            **({"engines": [str(rule) for rule in self.engines]} if self.engines else {}),
            **({"mapping": mapping_dict(self.mapping)} if self.mapping != DEFAULT_MAPPING else {}),
            **({"search": self.search} if self.search else {}),
            "macs": self.graph.macs,
            "dram_bytes": self.memory_bytes,
            "dram_bound_cycles": self.dram_bound_cycles,
            **({"dram_peak_cycles": self.dram_peak_cycles} if self.system.memory_share < 1 else {}),
            "compute_bound_cycles": self.compute_bound_cycles,
            "bounds": self.bounds.cycles,
            "binding": self.bounds.binding,
            "bound_fraction": self.bound_fraction,
            "waits": [asdict(wait) for wait in self.waits],
            **self.energy_range_j.to_dict(self.tokens),
            "energy": [item.to_dict() for item in self.energy],
            **(self.area.to_dict() if self.area else {}),
            "steps": [
                {
                    "step": row.name,
                    "units": list(row.units),
                    "commands": row.commands,
                    "cycles": row.cycles,
                    "macs": row.macs,
                    "dram_bytes": row.memory_bytes,
                    "energy_j": row.energy.mid,
                }
                for row in self.rows
            ],
        }


class RunCounts:
    """Collects what programs that run one after the other take: cycles, events, commands of each operator."""

    def __init__(self, system: System):
        self._system = system
        self.cycles = 0
        self.unit_cycles = {unit.label: 0 for unit in units_of(system.accelerator)}
        self.events = Counts()
        self.spans: list[Span] = []
        self._cycles = defaultdict[str, int](int)
        self._events: dict[str, Counts] = {}
        self._units = defaultdict[str, Counter[str]](Counter)

    def add(self, program: InMemory, run: AcceleratorRun) -> None:
        """Add the run of one more program, with its timeline."""
        self._add_counts(program, run)
        rows = [_row(each.operator) if isinstance(each, CommandOfUnit) else "" for each in program.commands]
        before, last = self.cycles, 0
        for span in sorted(run.spans, key=lambda span: span.end):
            row, name = rows[span.index], span.unit.label
            self._cycles[row] += max(0, span.end - last)
            last = max(last, span.end)
            self._units[row][name] += 1
            self.spans.append(Span(name, row, before + span.begin, before + span.end))
        for unit in units_of(self._system.accelerator):
            self.unit_cycles[unit.label] += run.counters[Register[f"{unit.name}_BUSY"]]
        self._cycles[START_AND_END] += run.cycles - last
        self.cycles += run.cycles
        self.events.cycles += run.cycles

    def _add_counts(self, program: InMemory, run: AcceleratorRun) -> None:
        config, counts, rows = self._system.accelerator, Counts(), defaultdict[str, Counts](Counts)
        for command, times in executions(program.commands):
            of_row = rows[_row(command.operator)]
            count_command(config, command, times, of_row)
            of_row.commands += times
        # Beats that stores wrote depend on addresses: a row's share is that of its elements.
        read, written = run.counters[Register.READ_BEATS], run.counters[Register.WRITE_BEATS]
        elements = sum(each.stored_elements for each in rows.values())
        begin = 0
        for of_row in rows.values():
            end = begin + of_row.stored_elements
            of_row.write_beats = written * end // elements - written * begin // elements if elements else 0
            begin = end
            beats = of_row.load_beats + of_row.weight_beats_in + of_row.write_beats
            of_row.memory_bytes = beats * config.bus_bytes + of_row.commands * config.command_read_bytes
            counts.add(of_row)
        # What is left are commands of no operator: loops, END, and those that were fetched ahead and dropped.
        fetched, moved = fetched_commands(config, counts, read), (read + written) * config.bus_bytes
        rest = Counts(memory_bytes=moved - counts.memory_bytes, commands=fetched - counts.commands)
        counts.add(rest)
        rows[START_AND_END].add(rest)
        self._add_jobs(program, run, rows, counts)
        for row, of_row in rows.items():
            self._events.setdefault(row, Counts()).add(of_row)
        self.events.add(counts)

    def _add_jobs(self, program: InMemory, run: AcceleratorRun, rows: dict[str, Counts], counts: Counts) -> None:
        """Add what jobs multiply and move; of the bytes moved a row has the share of its weights."""
        needed: dict[str, int] = {}
        for command, times in executions(program.commands):
            if not isinstance(command, Jobs):
                continue
            row = _row(command.operator)
            for address in command.addresses:
                # Jobs of other runs of a loop have the same sizes.
                job = program.jobs[address]
                for each in (rows[row], counts):
                    count_job(job, times, each)
                needed[row] = needed.get(row, 0) + times * job.n * job.k * Mode(job.mode).bits
        total_needed, begin = sum(needed.values()), 0
        for row, bits in needed.items():
            end = begin + bits
            rows[row].memory_bytes += run.npe_bytes * end // total_needed - run.npe_bytes * begin // total_needed
            begin = end
        counts.memory_bytes += run.npe_bytes

    def rows(self) -> list[ReportRow]:
        """Return the rows of the report, those that take longest first."""
        rows = []
        for name in sorted(self._cycles, key=lambda name: -self._cycles[name]):
            units, events = self._units[name], self._events.get(name, Counts())
            row_energy = total(energy(replace(events, cycles=self._cycles[name]), self._system))
            rows.append(
                ReportRow(
                    name,
                    tuple(units),
                    sum(units.values()),
                    self._cycles[name],
                    events.macs + sum(events.npe_macs.values()),
                    events.memory_bytes,
                    row_energy,
                )
            )
        return rows


def _row(operator: object) -> str:
    """Return the row that counts an operator."""
    assert isinstance(operator, Operator), operator
    return operator.row
