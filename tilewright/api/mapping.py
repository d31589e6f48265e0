"""Maps models onto systems."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tilewright.api.systems import host_of, system_of, transformer_of
from tilewright.base.errors import ConfigError
from tilewright.gem5_configs.runs import REPEATED, MeasuredRun, may_be_of, read_runs
from tilewright.mapping.compile.mapping import Mapping
from tilewright.mapping.compile.mapping_file import read_mapping
from tilewright.mapping.host.cost import host_part
from tilewright.mapping.map import map_work
from tilewright.mapping.models.config import BertConfig, Transformer
from tilewright.mapping.models.phases import asked, graph_of, phases_of
from tilewright.mapping.precision.plans.on_array import HeldPlan, check_shapes, held_plan
from tilewright.mapping.precision.plans.plan_file import read_plan
from tilewright.mapping.report import MapResult
from tilewright.mapping.search.search import search as search_mapping
from tilewright.mapping.work import Work
from tilewright.sim.config import HostConfig, System
from tilewright.sim.config.engine_rule import parse_rule
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import DEFAULT


def map(
    model: str | Path | Transformer,
    system: str | Path | System = "edge-int4",
    *,
    phase: str | None = None,
    context: int | None = None,
    on_host: Sequence[str] = (),
    engine: str | Sequence[str] = (),
    host: str | Path | HostConfig | None = None,
    host_runs: Sequence[str | Path] = (),
    plan: str | Path | None = None,
    mapping: str | Path | Mapping | None = None,
    search: bool = False,
    name: str | None = None,
) -> MapResult:
    """Compile a transformer for a system and run its program on the exact model, as ``tilewright map`` does.

    Parameters
    ----------
    model : str, Path, DecoderConfig or BertConfig
        Name of a shipped model, ``minilm``, a Hugging Face ``config.json`` or its folder, or a loaded model.
    system : str, Path or System
        Name of a preset, a TOML file, or a loaded system.
    phase : str, optional
        ``decode`` for one token after the others, which is the default of a decoder; ``prefill`` for the prompt;
        ``encode`` for all tokens of an encoder, which has no other phase.
    context : int, optional
        Number of positions attended to (decode), of prompt tokens (prefill), or of tokens of an encoder (encode). By
        default 1,024, and 64 for an encoder.
    on_host : sequence of str
        Kinds of operators that move to the host: ``softmax``, ``norms``.
    engine : str or sequence of str
        Rules that place products on the CIM array or on the NPE, after those of the system: ``npe``, ``npe:bf16``,
        ``mlp.*=cim``, ``attention=npe:posit8_0``; the last rule that matches a product counts.
    host : str, Path or HostConfig, optional
        Host beside the accelerator; by default that of the system, if there are runs of its kernels.
    host_runs : sequence of str or Path
        CSV files of runs of the kernels, from ``tilewright cpu run``; by default the runs of the presets.
    plan : str or Path, optional
        File of a plan of :func:`precision`: its matrices have the formats of the array that hold their storages. A
        matrix that the array does not hold in its storage counts in the format of the macros, and the result says so.
    mapping : str, Path or Mapping, optional
        Choices of the compiler, or a file of them, as ``--out`` writes it after a search; by default its own.
    search : bool
        Whether to search the fastest mapping. The numbers of the search are in ``search`` of the result.
    name : str, optional
        Name of the model in the result; by default as given, or the kind of a loaded model.

    Raises
    ------
    ConfigError
        If an argument is not allowed, a file cannot be used, or the model does not fit.
    """
    chosen, on = transformer_of(model), system_of(system)
    phase, context = asked(chosen, phase, context)
    if isinstance(chosen, BertConfig):
        if host is not None or host_runs or on_host:
            raise ConfigError("host is not allowed for an encoder: what a host does for it has not been measured")
        found = None
    else:
        found = _host_and_runs(None if host is None else host_of(host), on, host_runs)
    if on_host and not found:
        raise ConfigError("on_host needs host, or a host in the system's description of which there are runs")
    held = None if plan is None else plan_on(plan, chosen, on)
    title = name or (str(model) if isinstance(model, str | Path) else chosen.model_type)
    rules = [parse_rule(text) for text in ([engine] if isinstance(engine, str) else engine)]
    work = Work(
        model=chosen, system=on, phase=phase, context=context, on_host=tuple(on_host), engines=tuple(rules), plan=held
    )
    result = _mapped(title, work, mapping, search)
    return with_host(result, *found) if found else result


def _mapped(title: str, work: Work, mapping: str | Path | Mapping | None, searched: bool) -> MapResult:
    """Return the result with a mapping, or with the one that a search finds."""
    if searched:
        if mapping is not None:
            raise ConfigError("search is not allowed beside mapping: both choose the mapping")
        found = search_mapping(work)
        return replace(map_work(title, work, found.mapping), search=found.to_dict())
    if mapping is None or isinstance(mapping, Mapping):
        return map_work(title, work, mapping)
    path = Path(mapping)
    try:
        return map_work(title, work, read_mapping(path))
    except ConfigError as error:
        raise error if str(error).startswith(str(path)) else ConfigError(f"{path}: {error}") from error


def plan_on(plan: str | Path, model: Transformer, system: System) -> HeldPlan:
    """Return the plan of a file as the array of a system holds it.

    Raises
    ------
    ConfigError
        If it cannot be read, or is for another model.
    """
    path = Path(plan)
    read = read_plan(path)
    graph = graph_of(model, DEFAULT, phase=phases_of(model)[0], context=1)
    check_shapes(path, read, {each.name: (each.n, each.k) for each in graph.of(Kind.MATMUL)})
    return held_plan(path, read, system.cim_array.tile)


def with_host(result: MapResult, host: str | Path | HostConfig, runs: Sequence[MeasuredRun]) -> MapResult:
    """Return the result of :func:`map` with another host: no program is run again.

    Parameters
    ----------
    result : MapResult
        Result whose operators ``on_host`` the host runs, besides embedding and sampling.
    host : str, Path or HostConfig
        Host beside the accelerator.
    runs : sequence of MeasuredRun
        Runs of the operators' kernels, from which their costs follow.

    Raises
    ------
    ConfigError
        If the runs lack a kernel.
    """
    return replace(result, host=host_part(result.host_steps, result.system.memory, host_of(host), runs))


def _host_and_runs(
    host: HostConfig | None, system: System, files: Sequence[str | Path]
) -> tuple[HostConfig, list[MeasuredRun]] | None:
    """Return a host, or the system's, and runs of its kernels; None if there is none, or no runs of the system's."""
    named = host is not None
    host = host or system.host
    if host is None:
        if files:
            raise ConfigError("host_runs needs host, or 'host' in the system's description: a core that they are for")
        return None
    runs = [run for file in files or (REPEATED,) for run in read_runs(Path(file))]
    if not named and not files and not any(may_be_of(run, host) for run in runs):
        return None
    return host, runs
