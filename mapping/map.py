"""Maps a model onto a system: the whole flow from names to a report."""

from collections.abc import Sequence
from dataclasses import dataclass

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.loops import CompiledLoops
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_decoder import compile_decoder
from tilewright.mapping.host.placement import place
from tilewright.mapping.host.steps import HostStep, placed_steps
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config import System
from tilewright.sim.energy.events import Counts, EnergyItem, energy
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.commands import Product, Vector
from tilewright.sim.isa.units import units_of
from tilewright.sim.machine.accelerator.accelerator import AcceleratorRun, run_commands
from tilewright.sim.machine.accelerator.values import in_order
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.trace import Span

PHASES = ("decode", "prefill")
LARGEST_CHUNK = 64
"""Number of prompt tokens in a chunk that is tried first."""


@dataclass(frozen=True)
class Step:
    """An operator of the model, with all layers together."""

    name: str
    units: tuple[str, ...]
    commands: int
    """Number of commands that its units executed."""
    cycles: int
    """Cycles that this operator adds to the critical path; the cycles of all operators add up to the run."""
    macs: int
    """Number of multiply-accumulates that the array carried out, padding included."""


@dataclass(frozen=True)
class MapResult:
    """Result of a run of a model on a system."""

    name: str
    model: LlamaConfig
    system: System
    phase: str
    tokens: int
    """Number of tokens that went through the model."""
    context: int
    """Number of positions in the cache after the run."""
    graph: Graph
    """Operator graph of all tokens at once, whatever the chunks."""
    steps: list[Step]
    cycles: int
    unit_cycles: dict[str, int]
    """Cycles in which each unit executed a command."""
    commands: int
    """Number of commands of all programs in memory."""
    chunks: tuple[int, ...]
    """Number of tokens in each chunk; a chunk has a program of its own."""
    memory_bytes: int
    """Number of bytes moved, with commands, padding and repeated loads."""
    dram_bound_cycles: int
    """Cycles that main memory needs to move every operand once."""
    compute_bound_cycles: int
    """Cycles that the busier compute unit needs at its peak."""
    energy: list[EnergyItem]
    spans: list[Span]
    on_host: tuple[HostStep, ...]
    """Operators that were placed on the host; all other fields describe the program without them."""

    @property
    def seconds(self) -> float:
        """Time of the run."""
        return self.cycles / (self.system.clock_mhz * 1e6)

    @property
    def tokens_per_s(self) -> float:
        """Number of tokens that go through the model in a second."""
        return self.tokens / self.seconds

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
        return {
            "model": self.name,
            "parameters": self.model.parameters,
            "system": self.system.name,
            "phase": self.phase,
            "tokens": self.tokens,
            "context": self.context,
            "chunks": list(self.chunks),
            "clock_mhz": self.system.clock_mhz,
            "cycles": self.cycles,
            "unit_cycles": self.unit_cycles,
            "commands": self.commands,
            "seconds": self.seconds,
            "tokens_per_s": self.tokens_per_s,
            "macs": self.graph.macs,
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
    """Compile one decode step at a context, or the prompt phase of this many tokens, and run it on the exact model.

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
        graph = llama.decode(model, context, precision)
        chunks: tuple[Graph, ...] = (graph,)
    else:
        # The bound moves every weight once, whatever the chunks.
        graph = llama.prefill(model, context, precision)
        chunks = _chunks(model, system, context, precision)
    graph, chunks = place(graph, on_host), tuple(place(chunk, on_host) for chunk in chunks)
    memory = MemoryMap()
    programs = [compile_decoder(system.accelerator, chunk, memory) for chunk in chunks]
    tokens = tuple(chunk.of(Kind.EMBED)[0].m for chunk in chunks)
    report = _Report(system)
    for program in programs:
        report.add(program)
    dram_bound = graph.dram_bytes / system.memory.bytes_per_cycle(system.clock_mhz)
    compute_bound = max(graph.macs / system.cim.macs_per_cycle, report.counts.vector_elements / system.vector.lanes)
    return MapResult(
        name=name,
        model=model,
        system=system,
        phase=phase,
        tokens=sum(tokens),
        context=context,
        graph=graph,
        steps=report.steps(),
        cycles=report.cycles,
        unit_cycles=report.unit_cycles,
        commands=sum(len(program.commands) for program in programs),
        chunks=tokens,
        memory_bytes=report.counts.memory_bytes,
        dram_bound_cycles=-(-dram_bound.numerator // dram_bound.denominator),
        compute_bound_cycles=int(-(-compute_bound // 1)),
        energy=energy(report.counts, system),
        spans=report.spans,
        on_host=placed_steps(chunks, on_host),
    )


def memory_timing(system: System) -> AxiMemoryModel:
    """Return the memory timing of a system's main memory as the accelerator sees it."""
    config = system.accelerator
    rate = system.memory.bytes_per_cycle(system.clock_mhz) / config.bus_bytes
    latency = system.memory_latency_cycles
    return AxiMemoryModel(latency=latency, rate=rate, write_latency=latency, write_rate=rate)


def _chunks(model: LlamaConfig, system: System, tokens: int, precision: Precision) -> tuple[Graph, ...]:
    """Return the graphs of a prompt, each of as many tokens as the accelerator has room for; the last has logits."""

    def graph(position: int, size: int) -> Graph:
        end = min(position + size, tokens)
        return llama.tokens_graph(
            model, precision, tokens=end - position, position=position, capacity=tokens, logits=end == tokens
        )

    size = min(tokens, LARGEST_CHUNK)
    while True:
        try:
            # The last chunk attends to most.
            compile_decoder(system.accelerator, graph(tokens - size, size))
            break
        except ConfigError:
            if size == 1:
                raise
            size //= 2
    return tuple(graph(position, size) for position in range(0, tokens, size))


class _Report:
    """Collects the results of programs that run one after the other."""

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
            step, name = _row(span.operator), span.unit.label
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
                step = _row(command.operator)
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
        """Return all operators, those that take longest first."""
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


def _row(operator: object) -> str:
    """Return the row that counts an operator."""
    assert isinstance(operator, Operator), operator
    return operator.row
