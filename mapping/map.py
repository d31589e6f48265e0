"""Maps a model onto a system: the whole flow from names to a report."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from tilewright.mapping.compile.chunks import RefusedChunk, chunk_size
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_decoder import compile_decoder
from tilewright.mapping.fit import check_fit, check_memory_map
from tilewright.mapping.host.placement import place
from tilewright.mapping.host.steps import placed_steps
from tilewright.mapping.lower.padding import with_padded_heads
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.llama import check_context
from tilewright.mapping.precision.plans.on_array import HeldPlan
from tilewright.mapping.report import MapResult, PaddedHeads, RunCounts
from tilewright.sim.config import System
from tilewright.sim.config.engine_rule import EngineRule
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.estimate.bounds import bounds
from tilewright.sim.graph.engine_rules import check_rules, with_engines
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel


def map_model(
    name: str,
    model: DecoderConfig,
    system: System,
    *,
    phase: str,
    context: int,
    on_host: Sequence[str] = (),
    engines: Sequence[EngineRule] = (),
    plan: HeldPlan | None = None,
) -> MapResult:
    """Compile one decode step at a context, or the prompt phase of this many tokens, and run it on the exact model.

    The engines decide the precision: on the CIM array weights and cache are what its weights are, unless a plan gives
    some weights a second format of the array. Prompt tokens go through the model in chunks, as many at a time as the
    scratchpad has room for.

    Parameters
    ----------
    on_host : sequence of str
        Kinds of operators that the host runs, of ``PLACEABLE``; what that means for times is told in :mod:`.placement`.
    engines : sequence of EngineRule
        Rules that place products on the CIM array or on the NPE, after those of the system.
    plan : HeldPlan, optional
        Formats of the matrices.

    Raises
    ------
    ConfigError
        If the model has no room for the context, or the accelerator none for a token, or there is no such kind, engine
        or format.
    """
    # The array, and a plan for it, decide in which precision operators compute; rules, in which format jobs do.
    precision = Precision.of_accelerator(system.accelerator)
    precision = plan.of(precision) if plan else precision
    rules = (*system.engine_rules, *engines)
    if rules or system.cim is None:
        # The formats of jobs decide how much memory the model takes: that is checked when it is compiled.
        check_context(model, context)
    else:
        check_fit(model, system, precision, context)

    def placed(graph: Graph) -> Graph:
        """Return a graph whose products have their engines."""
        return with_engines(system.accelerator, graph, rules)

    # A graph of all tokens for the bounds, which move every weight once, and one for each program.
    if phase == "decode":
        graph = placed(llama.decode(model, context, precision))
        chunks: tuple[Graph, ...] = (graph,)
        refused = None
    else:
        graph = placed(llama.prefill(model, context, precision))
        chunks, refused = prompt_chunks(model, system, context, precision, placed)
    check_rules(graph, rules)

    # Operators move to the host before anything is compiled.
    graph, chunks = place(graph, on_host), tuple(place(chunk, on_host) for chunk in chunks)

    # Each graph is lowered to steps and compiled; the programs share weights and cache in memory.
    memory = MemoryMap()
    programs = [compile_decoder(system.accelerator, chunk, memory) for chunk in chunks]
    check_memory_map(system, memory)

    # The exact model runs the programs one after the other; each command is counted for its operator.
    counts = RunCounts(system)
    for program in programs:
        run = run_commands(
            system.accelerator, program.commands, memory_timing(system), npe_timing=npe_memory_timing(system),
            descriptor_at=program.jobs.__getitem__, timeline=True,
        )  # fmt: skip
        if run.error:
            raise RuntimeError(f"{run.error.name} at command {run.index}")
        counts.add(program, run)

    tokens = tuple(chunk.of(Kind.EMBED)[0].m for chunk in chunks)
    return MapResult(
        name=name,
        model=model,
        system=system,
        phase=phase,
        tokens=sum(tokens),
        context=context,
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
        on_host=placed_steps(chunks, on_host),
        engines=rules,
        plan=plan,
    )


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


def memory_timing(system: System) -> AxiMemoryModel:
    """Return the memory timing of a system's main memory as the accelerator sees it."""
    return AxiMemoryModel(**system.memory_timing)


def npe_memory_timing(system: System) -> AxiMemoryModel | None:
    """Return the timing of the same memory as the NPE's port sees it, whose beats may be wider or narrower."""
    npe = system.npe
    if npe is None:
        return None
    rate = min(Fraction(1), system.memory.bytes_per_cycle(system.clock_mhz) / npe.bus_bytes)
    return AxiMemoryModel(**system.memory_timing | {"rate": rate, "write_rate": rate})


def prompt_chunks(
    model: DecoderConfig, system: System, tokens: int, precision: Precision, placed: Callable[[Graph], Graph]
) -> tuple[tuple[Graph, ...], RefusedChunk | None]:
    """Return the graphs of a prompt, each of as many tokens as the accelerator has room for; the last has logits.

    If a larger chunk was tried, the smallest of these and what refused it are returned, too.
    """

    def graph(position: int, size: int) -> Graph:
        end = min(position + size, tokens)
        return placed(
            llama.tokens_graph(
                model, precision, tokens=end - position, position=position, capacity=tokens, logits=end == tokens
            )
        )

    size, refused = chunk_size(system.accelerator, graph, tokens)
    return tuple(graph(position, size) for position in range(0, tokens, size)), refused
