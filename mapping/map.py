"""Maps a model onto a system: the whole flow from names to a report."""

from collections.abc import Sequence
from fractions import Fraction

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiled import InMemory
from tilewright.mapping.compile.compiled_loops import CompiledLoops
from tilewright.mapping.compile.mapping import Mapping
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model, model_loops
from tilewright.mapping.fit import check_memory_map
from tilewright.mapping.host.steps import placed_steps
from tilewright.mapping.lower.padding import with_padded_heads
from tilewright.mapping.models.config import Transformer
from tilewright.mapping.precision.plans.on_array import HeldPlan
from tilewright.mapping.report import MapResult, PaddedHeads, RunCounts
from tilewright.mapping.work import Work
from tilewright.sim.config import System
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.estimate.bounds import bounds
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel


def map_model(
    name: str,
    model: Transformer,
    system: System,
    *,
    phase: str,
    context: int,
    on_host: Sequence[str] = (),
    engines: Sequence[EngineRule] = (),
    plan: HeldPlan | None = None,
    mapping: Mapping | None = None,
) -> MapResult:
    """Compile one decode step at a context, the prompt phase of this many tokens, or an encoder for so many, and run it
    on the exact model.

    Prompt tokens go through the model in chunks, and tokens of an encoder through each layer in blocks of rows, by
    default as few of either as have room.

    Parameters
    ----------
    on_host, engines, plan
        See :class:`.work.Work`.
    mapping : Mapping, optional
        Choices of the compiler; by default its own.

    Raises
    ------
    ConfigError
        If the model does not have the phase or has no room for the context, or the accelerator has none for a token,
        or there is no such kind, engine or format.
    """
    work = Work(
        model=model, system=system, phase=phase, context=context, on_host=tuple(on_host), engines=tuple(engines),
        plan=plan,
    )  # fmt: skip
    return map_work(name, work, mapping)


def map_work(name: str, work: Work, mapping: Mapping | None = None) -> MapResult:
    """Compile what is to be mapped, and run it on the exact model; see :func:`map_model`."""
    work.check()
    mapping, system = mapping or Mapping(), work.system

    # A graph of all tokens for the bounds, which move every weight once, and one for each program.
    graph, refused = work.graph, None
    size = mapping.chunk
    if size is None:
        size, refused = work.default_chunk
    chunks = work.chunks(size)

    # Each graph is lowered to steps and compiled; the programs share weights and cache in memory.
    tokens = work.sizes(size)
    programs = compile_chunks(work, size, mapping)

    # The exact model runs the programs one after the other; each command is counted for its operator.
    counts = RunCounts(system)
    for program in programs:
        counts.add(program, run_program(system, program, timeline=True))

    return MapResult(
        name=name,
        model=work.model,
        system=system,
        phase=work.phase,
        tokens=sum(tokens),
        context=work.context,
        graph=graph,
        rows=counts.rows(),
        cycles=counts.cycles,
        unit_cycles=counts.unit_cycles,
        commands=sum(len(program.commands) for program in programs),
        chunks=tokens,
        refused_chunk=refused,
        padded_heads=_padding(system, graph),
        memory_bytes=counts.events.memory_bytes,
        bounds=bounds(graph, system),
        energy=energy(counts.events, system),
        spans=counts.spans,
        on_host=placed_steps(chunks, work.on_host),
        engines=work.rules,
        plan=work.plan,
        mapping=mapping,
    )


def compile_chunks(work: Work, size: int, mapping: Mapping) -> list[CompiledLoops]:
    """Return the programs of chunks of a size, which share weights and cache in memory; of an encoder the one program,
    for blocks of rows of this size.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step.
    """
    chunks = work.chunks(size)
    check_names(work, chunks, mapping, size)
    memory = MemoryMap()
    programs = [
        compile_model(
            work.system.accelerator,
            chunk,
            memory,
            layout=mapping.layout,
            schedules=mapping.schedules(number),
            rows=work.rows(size),
        )
        for number, chunk in enumerate(chunks)
    ]
    check_memory_map(work.system, memory)
    return programs


def check_names(work: Work, chunks: Sequence[Graph], mapping: Mapping, size: int) -> None:
    """Refuse schedules of programs or loops that there are not.

    Raises
    ------
    ConfigError
        Names the schedule, and the loops that the program has.
    """
    if len(mapping.programs) > len(chunks):
        raise ConfigError(f"programs.{len(chunks)} is not allowed: there are {len(chunks)} programs, from 0 on")
    for number, graph in enumerate(chunks):
        if schedules := mapping.schedules(number):
            loops = model_loops(work.system.accelerator, graph, layout=mapping.layout, rows=work.rows(size))
            names = [loop.name for loop in loops]
            for name in schedules:
                if name not in names:
                    raise ConfigError(f"programs.{number}.{name} is not allowed: the loops are {', '.join(names)}")


def run_program(system: System, program: InMemory, *, timeline: bool = False) -> AcceleratorRun:
    """Run a program on the exact model.

    Raises
    ------
    RuntimeError
        If it stops with an error.
    """
    run = run_commands(
        system.accelerator, program.commands, memory_timing(system), npe_timing=npe_memory_timing(system),
        descriptor_at=program.jobs.__getitem__, timeline=timeline,
    )  # fmt: skip
    if run.error:
        raise RuntimeError(f"{run.error.name} at command {run.index}")
    return run


def _padding(system: System, graph: Graph) -> PaddedHeads | None:
    """Return what the heads of a graph take beyond their size."""
    padded = with_padded_heads(system.accelerator, graph)
    if padded is graph:
        return None
    size = graph.of(Kind.SCORES)[0].k
    return PaddedHeads(
        head_dim=size,
        key_room=padded.of(Kind.SCORES)[0].k,
        value_room=padded.of(Kind.WEIGHTED_SUM)[0].n,
        bytes=padded.dram_bytes - graph.dram_bytes,
        macs=padded.macs - graph.macs,
    )


def memory_timing(system: System, begin: int = 0) -> AxiMemoryModel:
    """Return the memory timing of a system's main memory as the accelerator sees it.

    Parameters
    ----------
    begin : int
        Cycles for which the memory has run before the program begins.
    """
    return AxiMemoryModel(**system.memory_timing, begin=begin)


def npe_memory_timing(system: System, begin: int = 0) -> AxiMemoryModel | None:
    """Return the timing of the same memory as the NPE's port sees it, whose beats may be wider or narrower."""
    npe = system.npe
    if npe is None:
        return None
    rate = min(Fraction(1), system.memory.bytes_per_cycle(system.clock_mhz) / npe.bus_bytes)
    return AxiMemoryModel(**system.memory_timing | {"rate": rate, "write_rate": rate}, begin=begin)
