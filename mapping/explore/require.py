"""Works backwards: what a system needs for a rate and an energy, and the smallest change that gives them.

A target that no description reaches is refused by its bound before anything is searched: bounds follow from the
operator graph and the most that a description allows.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.space import ModelRun, base_value
from tilewright.mapping.map import map_model
from tilewright.mapping.models.phases import graph_of
from tilewright.mapping.models.workload import workload
from tilewright.mapping.report import MapResult
from tilewright.sim.config import System
from tilewright.sim.config.accelerator import FabricConfig
from tilewright.sim.config.base import Frozen
from tilewright.sim.config.cim_array import CIMArrayConfig
from tilewright.sim.config.dram import dram_names
from tilewright.sim.energy.memory import bit_energy
from tilewright.sim.estimate.bounds import Bounds, bounds
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.estimate import estimate
from tilewright.sim.estimate.measured import measured_error
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.widths import MAX_BLOCK_COLUMNS, MAX_BLOCK_ROWS

BANDWIDTH_STEPS = 64
"""Number of bandwidths that are tried, from the one that the bound asks for to the widest bus."""
MOST_RUNS = 12
"""Number of designs that are run before the search gives up."""
LANES = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Need:
    """Rate that a target asks of one resource."""

    resource: str
    factor: float
    """Rate that the target asks for, as a multiple of what the system has: at most 1 if the system has enough."""
    most: float
    """Rate that a description may have at this clock, as a multiple of what the system has."""


@dataclass(frozen=True)
class Requirement:
    """The smallest change of a system that reaches a target, run on the exact model."""

    needs: tuple[Need, ...]
    """Rates that the target asks of each resource by its bound, the scarcest first."""
    changes: dict[str, object]
    """Fields that change; empty if the system reaches the target."""
    result: MapResult
    """Exact run of the changed system."""
    searched: int
    """Number of designs that were estimated."""
    search_seconds: float
    """CPU-seconds from the target to the first design to run."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as ``tilewright require --json`` prints it."""
        return {
            "model": self.result.name,
            "phase": self.result.phase,
            "context": self.result.context,
            "needs": [vars(need) for need in self.needs],
            "system": self.changes,
            "tokens_per_s": self.result.tokens_per_s,
            "joules_per_token": self.result.energy_j / self.result.tokens,
            "binding": self.result.bounds.binding,
            "bound_fraction": self.result.bound_fraction,
            "searched": self.searched,
            "search_cpu_seconds": self.search_seconds,
        }


def require(
    run: ModelRun, system: System, *, tokens_per_s: float, joules_per_token: float | None = None
) -> Requirement:
    """Return the smallest change of a system with which a model reaches a rate, and needs no more energy.

    Raises
    ------
    ConfigError
        If no description reaches the target: names the resource, its bound and what it allows at most.
    """
    begin = time.process_time()
    precision = Precision.of_accelerator(system.accelerator)
    graph = graph_of(run.model, precision, phase=run.phase, context=run.context)
    tokens = run.tokens
    found = bounds(graph, system)
    needs = _needs(found, system, system.clock_mhz * 1e6 * tokens / tokens_per_s)
    _check_rate(needs, tokens_per_s, system)
    kinds = _kinds(graph, system, tokens, joules_per_token)

    # Every combination of the changes that a target may ask for, by the sum of their doublings.
    designs = _designs(system, needs, kinds)
    estimates = estimate(workload(run.model, phase=run.phase, context=run.context), designs)
    cost, left = _doublings(designs, system), estimates.fits.copy()
    rate = tokens / estimates.seconds
    joules = np.zeros(len(designs)) if joules_per_token is None else estimates.energy_at("mid") * 1e-12 / tokens
    # Estimates may be off either way: the cheapest design that may be good enough comes first, and a run that is not
    # good enough says how much more the next one must promise.
    rate_slack = joules_slack = 1 + measured_error(run.phase).worst
    enough = np.inf if joules_per_token is None else joules_per_token
    seconds = time.process_time() - begin
    for _ in range(MOST_RUNS):
        good = left & (rate * rate_slack >= tokens_per_s) & (joules <= enough * joules_slack)
        if not good.any():
            break
        at = int(np.argmin(np.where(good, cost, np.inf)))
        left[at] = False
        changes = {path: value for path, value in designs.changes(at).items() if value != base_value(system, path)}
        try:
            result = map_model(run.name, run.model, system.with_(changes), phase=run.phase, context=run.context)
        except ConfigError:
            continue
        if result.tokens_per_s >= tokens_per_s and result.energy_j / tokens <= enough:
            return Requirement(needs, changes, result, len(designs), seconds)
        rate_slack = min(rate_slack, result.tokens_per_s / rate[at])
        if joules_per_token is not None:
            joules_slack = min(joules_slack, joules[at] * tokens / result.energy_j)
    raise ConfigError(
        f"tokens_per_s = {tokens_per_s:g} is within the bounds of '{system.name}', and none of {len(designs):,} "
        f"changes that were estimated reaches it on the exact model{_and(joules_per_token)}"
    )


def _and(joules: float | None) -> str:
    return "" if joules is None else f" with joules_per_token = {joules:g}"


def _needs(found: Bounds, system: System, cycles: float) -> tuple[Need, ...]:
    """Return what a number of cycles asks of each resource, the scarcest first."""
    most = _most(system)
    needs = (Need(name, bound / cycles, most[name]) for name, bound in found.cycles.items())
    return tuple(sorted(needs, key=lambda need: -need.factor / need.most))


def _most(system: System) -> dict[str, float]:
    """Return the rate that a description may have of each resource, as a multiple of what the system has."""
    tile, word = system.cim_array.tile, 32 * LANES[-1]
    tiles = min(_largest(CIMArrayConfig, "tiles"), MAX_BLOCK_ROWS // tile.rows, MAX_BLOCK_COLUMNS // tile.columns)
    more = max(1.0, tiles / system.cim_array.tiles)
    rate = system.memory_bytes_per_cycle
    return {
        "main memory": float(_largest(FabricConfig, "bus_bits") / 8 / rate),
        "requests": float("inf"),  # latency is a property of the memory, and may be any
        "array": more,
        "activation port": more * word / tile.activation_bus_bits,
        "result port": word / tile.result_bus_bits,
        "vector unit": LANES[-1] / system.vector.lanes,
    }


def _largest(model: type[Frozen], field: str) -> int:
    """Return the largest value that a description allows for a field."""
    return next(int(limit.le) for limit in model.model_fields[field].metadata if hasattr(limit, "le"))


def _check_rate(needs: Sequence[Need], rate: float, system: System) -> None:
    """Refuse a rate for which a resource would have to be faster than a description allows."""
    scarcest = needs[0]
    if scarcest.factor > scarcest.most:
        raise ConfigError(
            f"tokens_per_s = {rate:g} is not allowed: {scarcest.resource} would have to be {scarcest.factor:.3g} times "
            f"as fast as that of '{system.name}', and may be {scarcest.most:.3g} times as fast at {system.clock_mhz} "
            f"MHz: at most {rate * scarcest.most / scarcest.factor:.4g} tokens/s"
        )


def _kinds(graph: Graph, system: System, tokens: int, joules: float | None) -> list[str]:
    """Return the kinds of memory to try for an energy; refuse one below that of moving every operand once."""
    own = system.memory.kind
    if joules is None:
        return [own]
    kinds = (
        [own] if system.memory.energy_pj_per_bit is not None else [own, *(each for each in dram_names() if each != own)]
    )
    lowest = {kind: bit_energy(system.with_({"memory.kind": kind})).low.value for kind in kinds}
    kind = min(lowest, key=lowest.__getitem__)
    bits = 8 * graph.dram_bytes / tokens
    if bits * lowest[kind] * 1e-12 > joules:
        raise ConfigError(
            f"joules_per_token = {joules:g} is not allowed: a token moves {bits / 8e6:,.1f} MB, so a bit may take "
            f"{joules / bits * 1e12:.3g} pJ, and the lowest figure, of {kind}, is {lowest[kind]:g}: at least "
            f"{bits * lowest[kind] * 1e-12:.4g} J"
        )
    return kinds


def _designs(system: System, needs: Sequence[Need], kinds: Sequence[str]) -> Designs:
    """Return the combinations of changes: bandwidth from its bound on, and doublings of what is on chip."""
    factor = next(need.factor for need in needs if need.resource == "main memory")
    tile, fabric = system.cim_array.tile, system.fabric
    least = factor * system.memory.bandwidth_mb_per_s
    widest = _largest(FabricConfig, "bus_bits") // 8 * system.clock_mhz
    bandwidths = np.unique(
        np.append(
            np.ceil(np.geomspace(least, max(least, widest), BANDWIDTH_STEPS)),
            min(widest, max(least, system.memory.bandwidth_mb_per_s)),
        )
    ).astype(np.int64)
    buses = [bits for bits in _doubled(fabric.bus_bits, 3) if bits <= _largest(FabricConfig, "bus_bits")]
    lanes = [each for each in LANES if each >= system.vector.lanes]
    axes = (bandwidths, buses, lanes, [1, 2, 4, 8], [1, 2, 4], [1, 2, 4], kinds)
    grid = np.meshgrid(*map(np.array, axes), indexing="ij")
    bandwidth, bus, lane, tiles, ports, ahead, kind = (each.ravel() for each in grid)
    return Designs(
        system,
        {
            "memory.bandwidth_mb_per_s": bandwidth,
            "fabric.bus_bits": bus,
            "cim.tile.weight_bus_bits": bus,
            "vector.lanes": lane,
            "cim.tiles": tiles * system.cim_array.tiles,
            "cim.tile.activation_bus_bits": ports * tile.activation_bus_bits,
            "cim.tile.result_bus_bits": ports * tile.result_bus_bits,
            "fabric.outstanding": np.minimum(ahead * fabric.outstanding, _largest(FabricConfig, "outstanding")),
            "fabric.weight_buffer_beats": np.minimum(
                ahead * fabric.weight_buffer_beats, _largest(FabricConfig, "weight_buffer_beats")
            ),
            "memory.kind": kind,
        },
    )


def _doubled(value: int, times: int) -> list[int]:
    return [value << shift for shift in range(times + 1)]


def _doublings(designs: Designs, system: System) -> np.ndarray:
    """Return the sum of the doublings of all numbers in which designs differ from a system; another memory is one."""
    cost = np.zeros(len(designs))
    for path, values in designs.fields.items():
        old = base_value(system, path)
        cost += values != old if isinstance(old, str) else np.log2(values / old)
    return cost
