"""Maps a model onto a system: the whole flow from names to a report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.loops import CompiledLoops
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_decoder import compile_decoder
from tilewright.mapping.host.placement import placed, without
from tilewright.mapping.host.steps import HostStep
from tilewright.mapping.models import LlamaConfig, Workload, decode, prefill
from tilewright.sim.config import System
from tilewright.sim.energy.events import Counts, EnergyItem, energy
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.commands import Product, Vector, units_of
from tilewright.sim.machine.accelerator.accelerator import AcceleratorRun, run_commands
from tilewright.sim.machine.accelerator.values import in_order
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.trace import Span

PHASES = ("decode", "prefill")
LARGEST_CHUNK = 64
"""Prompt tokens that are tried first to go through the model together."""


@dataclass(frozen=True)
class Step:
    """An operator of the model, all layers together."""

    name: str
    units: tuple[str, ...]
    commands: int
    """That its units ran."""
    cycles: int
    """By which it moved the end of all that came before it; they add up to the whole run."""
    macs: int
    """Multiply-accumulates that the array carried out, padding included."""


@dataclass(frozen=True)
class MapResult:
    """What a run of a model on a system takes."""

    name: str
    system: System
    workload: Workload
    steps: list[Step]
    cycles: int
    unit_cycles: dict[str, int]
    """In which each unit ran a command."""
    commands: int
    """Of all programs in memory."""
    chunks: tuple[int, ...]
    """Tokens that went through the model together, one program each."""
    memory_bytes: int
    """Bytes moved, commands, padding and repeated loads included."""
    dram_bound_cycles: int
    """Cycles that main memory needs to move every operand once."""
    compute_bound_cycles: int
    """Cycles that the busier compute unit needs at its peak."""
    energy: list[EnergyItem]
    spans: list[Span]
    on_host: tuple[HostStep, ...]
    """Operators that were placed on the host; all else here is the program without them."""

    @property
    def seconds(self) -> float:
        """Time of the run."""
        return self.cycles / (self.system.clock_mhz * 1e6)

    @property
    def tokens_per_s(self) -> float:
        """Tokens through the model in a second."""
        return self.workload.tokens / self.seconds

    @property
    def bound_fraction(self) -> float:
        """The larger bound as a fraction of the cycles."""
        return max(self.dram_bound_cycles, self.compute_bound_cycles) / self.cycles

    @property
    def energy_j(self) -> float:
        """Energy of the run."""
        return sum(item.joules for item in self.energy)

    def to_dict(self) -> dict:
        """Return the result for JSON."""
        workload = self.workload
        return {
            "model": self.name,
            "parameters": workload.model.parameters,
            "system": self.system.name,
            "phase": workload.phase,
            "tokens": workload.tokens,
            "context": workload.context,
            "chunks": list(self.chunks),
            "clock_mhz": self.system.clock_mhz,
            "cycles": self.cycles,
            "unit_cycles": self.unit_cycles,
            "commands": self.commands,
            "seconds": self.seconds,
            "tokens_per_s": self.tokens_per_s,
            "macs": workload.macs,
            "dram_bytes": self.memory_bytes,
            "dram_bound_cycles": self.dram_bound_cycles,
            "compute_bound_cycles": self.compute_bound_cycles,
            "bound_fraction": self.bound_fraction,
            "energy_j": self.energy_j,
            "energy": [
                {
                    "name": item.name,
                    "joules": item.joules,
                    "events": item.events,
                    "unit": item.unit,
                    "pj_per_event": item.pj_per_event,
                    "source": item.source,
                }
                for item in self.energy
            ],
            "steps": [
                {
                    "step": step.name,
                    "units": list(step.units),
                    "commands": step.commands,
                    "cycles": step.cycles,
                    "macs": step.macs,
                }
                for step in self.steps
            ],
        }


def map_model(
    name: str, model: LlamaConfig, system: System, *, phase: str, context: int, on_host: Sequence[str] = ()
) -> MapResult:
    """Compile one decode step at a context, or the prompt phase of so many tokens, and run it in the exact cycle model.

    The array decides the precision: weights and cache are what its weights are. Prompt tokens go through the
    model in chunks, as many at a time as the scratchpad has room for.

    Parameters
    ----------
    on_host : sequence of str
        Kinds of operators that the host runs, of ``PLACEABLE``; what that means for times is told in :mod:`.placement`.

    Raises
    ------
    ConfigError
        If the model has no room for the context, or the accelerator none for a token, or there is no such kind.
    """
    precision = Precision.of(system.cim.tile)
    if phase == "decode":
        workload = decode(model, context, precision)
        programs = [_compiled(model, system, 1, context - 1, context, MemoryMap(), logits=True)]
        chunks: tuple[int, ...] = (1,)
    else:
        # The bound moves every weight once, whatever the chunks.
        workload = prefill(model, context, precision, chunk=context)
        programs, chunks = _prompt(model, system, context)
    on_host_steps = placed((program.commands for program in programs), on_host)
    report = _Report(system)
    for program in programs:
        report.add(replace(program, commands=without(program.commands, on_host)))
    dram_bound = workload.dram_bytes / system.memory.bytes_per_cycle(system.clock_mhz)
    compute_bound = max(workload.macs / system.cim.macs_per_cycle, report.counts.vector_elements / system.vector.lanes)
    return MapResult(
        name=name,
        system=system,
        workload=workload,
        steps=report.steps(),
        cycles=report.cycles,
        unit_cycles=report.unit_cycles,
        commands=sum(len(program.commands) for program in programs),
        chunks=chunks,
        memory_bytes=report.counts.memory_bytes,
        dram_bound_cycles=-(-dram_bound.numerator // dram_bound.denominator),
        compute_bound_cycles=int(-(-compute_bound // 1)),
        energy=energy(report.counts, system),
        spans=report.spans,
        on_host=on_host_steps,
    )


def memory_timing(system: System) -> AxiMemoryModel:
    """Return the timing of a system's main memory as the accelerator sees it."""
    config = system.accelerator
    rate = system.memory.bytes_per_cycle(system.clock_mhz) / config.bus_bytes
    latency = system.memory_latency_cycles
    return AxiMemoryModel(latency=latency, rate=rate, write_latency=latency, write_rate=rate)


def _compiled(
    model: LlamaConfig, system: System, tokens: int, position: int, capacity: int, memory: MemoryMap, *, logits: bool
) -> CompiledLoops:
    return compile_decoder(
        system.accelerator,
        model,
        tokens=tokens,
        position=position,
        capacity=capacity,
        precision=Precision.of(system.cim.tile),
        memory=memory,
        logits=logits,
    )


def _prompt(model: LlamaConfig, system: System, tokens: int) -> tuple[list[CompiledLoops], tuple[int, ...]]:
    """Return programs for a prompt, each for as many tokens as there is room for, and their tokens."""
    chunk = min(tokens, LARGEST_CHUNK)
    while True:
        try:
            # The last chunk attends to most.
            _compiled(model, system, chunk, tokens - chunk, tokens, MemoryMap(), logits=False)
            break
        except ConfigError:
            if chunk == 1:
                raise
            chunk //= 2
    memory, programs, chunks = MemoryMap(), [], []
    for position in range(0, tokens, chunk):
        chunks.append(min(chunk, tokens - position))
        last = position + chunks[-1] == tokens
        programs.append(_compiled(model, system, chunks[-1], position, tokens, memory, logits=last))
    return programs, tuple(chunks)


class _Report:
    """What programs that run one after the other take."""

    def __init__(self, system: System):
        self._system = system
        self.cycles = 0
        self.unit_cycles = {unit.label: 0 for unit in units_of(system.accelerator)}
        self.counts = Counts()
        self.spans: list[Span] = []
        self._cycles: dict[str, int] = {}
        self._macs: dict[str, int] = {}
        self._units: dict[str, dict[str, int]] = {}

    def add(self, program: CompiledLoops) -> None:
        """Run one more program."""
        run = run_commands(self._system.accelerator, program.commands, memory_timing(self._system), timeline=True)
        if run.error:
            raise RuntimeError(f"{run.error.name} at command {run.index}")
        self._add_counts(program, run)
        end = 0
        for span in sorted(run.spans, key=lambda span: span.end):
            step, name = step_name(span.label), span.unit.label
            self._cycles[step] = self._cycles.get(step, 0) + max(0, span.end - end)
            end = max(end, span.end)
            units = self._units.setdefault(step, {})
            units[name] = units.get(name, 0) + 1
            self.spans.append(Span(name, step, self.cycles + span.begin, self.cycles + span.end))
        for unit in units_of(self._system.accelerator):
            self.unit_cycles[unit.label] += run.counters[Register[f"{unit.name}_BUSY"]]
        self._cycles["start and end"] = self._cycles.get("start and end", 0) + run.cycles - end
        self.cycles += run.cycles

    def _add_counts(self, program: CompiledLoops, run: AcceleratorRun) -> None:
        tile, counts = self._system.cim.tile, self.counts
        beats = run.counters[Register.READ_BEATS] + run.counters[Register.WRITE_BEATS]
        counts.memory_bytes += beats * self._system.accelerator.bus_bytes
        for command, _ in in_order(program.commands):
            if isinstance(command, Product):
                macs = command.vectors * command.k * command.n
                step = step_name(command.label)
                self._macs[step] = self._macs.get(step, 0) + macs
                counts.macs += macs
                counts.weight_bits += command.k * command.n * tile.macro.weight_bits
                wide = tile.columns if command.reduce else self._system.cim.columns
                blocks = -(-command.n // wide)
                counts.activation_bits += command.vectors * (blocks * command.k * tile.macro.input_bits)
                counts.activation_bits += command.vectors * command.n * tile.accumulator_bits
            elif isinstance(command, Vector):
                counts.vector_elements += command.command.rows * command.command.columns

    def steps(self) -> list[Step]:
        """Return all steps, those that take longest first."""
        names = sorted(self._cycles, key=lambda name: -self._cycles[name])
        return [
            Step(
                name,
                tuple(self._units.get(name, {})),
                sum(self._units.get(name, {}).values()),
                self._cycles[name],
                self._macs.get(name, 0),
            )
            for name in names
        ]


@cache
def step_name(label: str) -> str:
    """Return the operator that a command is part of, by what it fills: all layers and heads have the same."""
    name = re.sub(r"^model\.layers\.\d+\.", "", label)
    if name.startswith("attention."):
        return "attention"
    if name.startswith(("self_attn.", "mlp.")):
        return ".".join(name.split(".")[:2])
    return re.sub(r"\.(weight|columns|int8|sums|new|scales|mean_square|last)\b.*", "", name)
