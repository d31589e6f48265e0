"""Maps a model onto a system: the whole flow from names to a report."""

from dataclasses import dataclass

from tilewright.mapping.schedule import Placed, least_cycles, run
from tilewright.mapping.workload import ModelConfig, Precision, Workload, decode, prefill
from tilewright.sim.config import ConfigError, System
from tilewright.sim.energy import EnergyItem, energy
from tilewright.sim.machine.array import Machine, Span

PHASES = ("decode", "prefill")


@dataclass(frozen=True)
class MapResult:
    """What a run of a model on a system takes."""

    name: str
    system: System
    workload: Workload
    placed: list[Placed]
    cycles: int
    dram_bytes: int
    """Bytes moved, padding and repeated loads included."""
    dram_bound_cycles: int
    """Cycles that main memory needs to move every operand once."""
    compute_bound_cycles: int
    """Cycles that the busier compute unit needs at its peak."""
    energy: list[EnergyItem]
    spans: list[Span]

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
            "clock_mhz": self.system.clock_mhz,
            "cycles": self.cycles,
            "seconds": self.seconds,
            "tokens_per_s": self.tokens_per_s,
            "macs": workload.macs,
            "dram_bytes": self.dram_bytes,
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
            "operators": [
                {
                    "name": placed.operator.name,
                    "step": placed.operator.step,
                    "kind": placed.operator.kind.value,
                    "unit": placed.unit,
                    "cycles": placed.cycles,
                    "done": placed.done,
                    "bytes": placed.operator.read_bytes + placed.operator.written_bytes,
                    "macs": placed.operator.macs,
                }
                for placed in self.placed
            ],
        }


def map_model(
    name: str, model: ModelConfig, system: System, *, phase: str, context: int, record_spans: bool = True
) -> MapResult:
    """Run one decode step at a context, or the prompt phase of so many tokens, in the cycle model.

    The array's widths decide the precision: weights and cache have those of its weights.

    Raises
    ------
    ConfigError
        If the model has no room for the context, or the activation memory none for a token.
    """
    weight_bits = system.cim.tile.macro.weight_bits
    precision = Precision(weight_bits=weight_bits, cache_bits=weight_bits)
    if phase == "decode":
        _chunk(model, system)
        workload = least = decode(model, context, precision)
    else:
        workload = prefill(model, context, precision, chunk=_chunk(model, system))
        # The bound moves every weight once, whatever the runs of tokens.
        least = prefill(model, context, precision, chunk=context)
    machine = Machine(system, record_spans=record_spans)
    placed = run(workload, machine)
    dram_bound, compute_bound = least_cycles(least, system)
    return MapResult(
        name=name,
        system=system,
        workload=workload,
        placed=placed,
        cycles=machine.finished,
        dram_bytes=machine.counts.dram_bytes,
        dram_bound_cycles=dram_bound,
        compute_bound_cycles=compute_bound,
        energy=energy(machine.counts, system),
        spans=machine.spans,
    )


def _chunk(model: ModelConfig, system: System) -> int:
    """Return how many prompt tokens go through the model together.

    As many as have accumulators, and as their activations fit on chip: a 16-bit residual, the normalised
    input, and both inputs of the gated product, at the array's input width.
    """
    input_bits = system.cim.tile.macro.input_bits
    token_bits = 16 * model.hidden_size + input_bits * (model.hidden_size + 2 * model.intermediate_size)
    capacity = system.activation_memory.capacity_kib * 8192
    if capacity < token_bits:
        raise ConfigError(
            f"activation_memory.capacity_kib = {system.activation_memory.capacity_kib} is not allowed for this model: "
            f"one token needs {-(-token_bits // 8192)} KiB"
        )
    return min(system.cim.tile.accumulator_vectors, capacity // token_bits)
