"""Writes docs/edgecim.md: decode of EdgeCIM's twelve models, beside the averages that the paper states.

    python -m benchmarks.edgecim

EdgeCIM (arXiv 2604.11512) states 336.42 tokens/s and 173.02 tokens/J as averages over twelve models with INT4 weights,
and neither the bandwidth nor the energy of its main memory. So each model is run at a stated bandwidth, and at the one
that it needs for the paper's average; and once on a preset whose memory has more than that, with what one change of it
gives. Takes about six minutes of CPU time.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.map import map_model
from tilewright.mapping.models.load import load_model
from tilewright.mapping.report import MapResult
from tilewright.sim.config import System, load_system
from tilewright.sim.config.dram import dram_names, load_dram
from tilewright.sim.isa.units import Unit

TEMPLATE, PAGE = Path(__file__).with_suffix(".md"), Path(__file__).parents[1] / "docs" / "edgecim.md"
MODELS = (
    "tinyllama-1.1b", "llama-3.2-1b", "llama-3.2-3b", "phi-3.5-mini", "qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b",
    "smollm2-1.7b", "smollm3-3b", "qwen3-0.6b", "qwen3-1.7b", "qwen3-4b",
)  # fmt: skip
"""The paper's models."""
SYSTEMS = ("edge-int4", "edge-int8")
CONTEXT = 1024
"""Context of the token: ours, as the paper's is not known."""
TOKENS_PER_S, TOKENS_PER_J = 336.42, 173.02
"""Averages that the paper states for INT4."""
BUS_SHARE = Fraction(4, 5)
"""Part of the bus that memory's bandwidth fills, as in the presets."""
BUS_BITS = 1024
"""Width of the widest bus."""
WIDE = {
    "fabric.bus_bits": BUS_BITS, "cim.tile.weight_bus_bits": BUS_BITS, "fabric.outstanding": 64,
    "fabric.weight_buffer_beats": 8192,
}  # fmt: skip
"""Changes of the presets for fast memories: bus, bursts in flight, and weights read ahead, for more cycles of
latency."""
FAST_SYSTEM = "edge-int4-wide"
"""Preset with the bandwidth for the paper's average."""
CHANGES: dict[str, dict[str, int]] = {
    "as it is": {},
    "half of memory's latency, 57 ns": {"memory.latency_ns": 57},
    "64 lanes in place of 32": {"vector.lanes": 64},
    "results of 512 bits a cycle in place of 1,024": {"cim.tile.result_bus_bits": 512},
    "activations of 512 bits a cycle in place of 256": {"cim.tile.activation_bus_bits": 512},
    "64 bursts in flight in place of 32": {"fabric.outstanding": 64},
    "4,096 beats of weights read ahead in place of 2,048": {"fabric.weight_buffer_beats": 4096},
    "16 tiles, 4,096 rows, in place of four": {"cim.tiles": 16},
}
"""Changes of the preset, of which each is measured alone."""
WAITING = (Unit.VECTOR.label, Unit.STORE.label, Unit.LOAD.label, "")
"""Units at work while the array has no product; the last one stands for none."""


@dataclass(frozen=True)
class Needed:
    """A model on a system with the bandwidth that it needs for the paper's average rate."""

    name: str
    at_preset: MapResult
    """Run with the preset's bandwidth."""
    at_needed: MapResult
    """Run with the bandwidth that is needed."""


def bound_tokens_per_s(result: MapResult) -> float:
    """Return the rate that no program exceeds on the system of a run."""
    return result.tokens * result.system.clock_mhz * 1e6 / result.bounds.largest


def with_bandwidth(system: System, mb_per_s: float) -> System:
    """Return a preset with another bandwidth, and the clock at which the widest bus carries that."""
    clock = round(mb_per_s / (BUS_BITS // 8 * BUS_SHARE))
    return system.with_({"clock_mhz": clock, "memory.bandwidth_mb_per_s": round(mb_per_s), **WIDE})


def needed(name: str, system: System, rate: float = TOKENS_PER_S) -> Needed:
    """Return the run of a model with the bandwidth that reaches a rate.

    From run to run the bandwidth is multiplied by the rate that is still missing.
    """
    model = load_model(name)

    def run(at: System) -> MapResult:
        return map_model(name, model, at, phase="decode", context=CONTEXT)

    first = result = run(system)
    mb_per_s = float(system.memory.bandwidth_mb_per_s)
    while not 0.999 <= result.tokens_per_s / rate <= 1.001:
        mb_per_s *= rate / result.tokens_per_s
        result = run(with_bandwidth(system, mb_per_s))
    return Needed(name, first, result)


HEADINGS = (
    "model", ">MB a token", ">tokens/s", ">bound, tokens/s", ">run / bound", ">tokens/J", ">fewest", ">most",
    ">GB/s for 336.42 tokens/s", ">by the bound", ">tokens/s there", ">pJ a bit for 173.02 tokens/J",
)  # fmt: skip


def rows(results: list[Needed]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each model."""
    for each in results:
        run, there = each.at_preset, each.at_needed
        per_joule, bound = run.energy_range_j.per_joule(run.tokens), bound_tokens_per_s(run)
        yield (
            each.name, f"{run.memory_bytes / 1e6:,.1f}", f"{run.tokens_per_s:.1f}", f"{bound:.1f}",
            f"{run.tokens_per_s / bound:.1%}", f"{per_joule.mid:.1f}", f"{per_joule.low:.1f}", f"{per_joule.high:.1f}",
            f"{there.system.memory.bandwidth_mb_per_s / 1e3:.1f}", f"{TOKENS_PER_S * run.graph.dram_bytes / 1e9:.1f}",
            f"{there.tokens_per_s:.1f}", f"{most_pj_per_bit([each]):.2f}",
        )  # fmt: skip


FAST_HEADINGS = (
    "model", ">tokens/s", ">bound, tokens/s", ">run / bound", ">tokens/J", ">next bound / run",
    ">no product, vector unit at work", ">a store", ">a load", ">nothing",
)  # fmt: skip


def fast_rows(runs: list[MapResult]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each model on the preset with the bandwidth: what its time goes to."""
    for name, run in zip(MODELS, runs, strict=True):
        bound = bound_tokens_per_s(run)
        cycles, following = sorted((cycles, name) for name, cycles in run.bounds.cycles.items())[-2]
        waits = [sum(wait.cycles for wait in run.waits if wait.unit == unit) for unit in WAITING]
        yield (
            name, f"{run.tokens_per_s:.1f}", f"{bound:.1f}", f"{run.tokens_per_s / bound:.1%}",
            f"{run.energy_range_j.per_joule(run.tokens).mid:.1f}", f"{following}, {cycles / run.cycles:.1%}",
            *(f"{each / run.cycles:.1%}" for each in waits),
        )  # fmt: skip


def fast_parts() -> dict[str, str]:
    """Return what the page says of the preset with the bandwidth: its models, their averages, and its changes."""
    system = load_system(FAST_SYSTEM)
    averages = {}
    parts = {"fast gb": f"{system.memory.bandwidth_mb_per_s / 1e3:.1f}"}
    for name, change in CHANGES.items():
        runs = [
            map_model(model, load_model(model), system.with_(change), phase="decode", context=CONTEXT)
            for model in MODELS
        ]
        averages[name] = statistics.mean(run.tokens_per_s for run in runs)
        if not change:
            parts |= {
                "fast": markdown_table(FAST_HEADINGS, fast_rows(runs)),
                "fast rate": f"{averages[name]:.1f}",
                "fast bound": f"{statistics.mean(map(bound_tokens_per_s, runs)):.1f}",
                "fast tokens per J": f"{statistics.mean(r.energy_range_j.per_joule(1).mid for r in runs):.1f}",
                "fast times": f"{averages[name] / TOKENS_PER_S:.2f}",
            }
    rows = ((name, f"{rate:.1f}", f"{rate / averages['as it is'] - 1:+.1%}") for name, rate in averages.items())
    return parts | {"fast changes": markdown_table(("change", ">tokens/s on average", ">more"), rows)}


def most_pj_per_bit(results: list[Needed]) -> float:
    """Return the energy of a bit of main memory with which models have the paper's tokens/J on average, if everything
    else is free."""
    per_joule_of_one_pj = [1e12 / (8 * each.at_preset.memory_bytes) for each in results]
    return statistics.mean(per_joule_of_one_pj) / TOKENS_PER_J


def averages(results: list[Needed]) -> dict[str, str]:
    """Return the averages over all models, for the page."""
    runs = [each.at_preset for each in results]
    rate = statistics.mean(run.tokens_per_s for run in runs)
    bound = statistics.mean(map(bound_tokens_per_s, runs))
    gb_per_s = runs[0].system.memory.bandwidth_mb_per_s / 1e3
    per_joule = [run.energy_range_j.per_joule(1) for run in runs]
    lowest_pj, kind = min((load_dram(name).pj_per_bit.low.value, name) for name in dram_names())
    return {
        "rate": f"{rate:.1f}",
        "bound": f"{bound:.1f}",
        "gb": f"{gb_per_s:.1f}",
        "needed": f"{gb_per_s * TOKENS_PER_S / rate:.0f}",
        "faster": f"{TOKENS_PER_S / rate:.1f}",
        "needed bound": f"{gb_per_s * TOKENS_PER_S / bound:.0f}",
        "tokens per J": f"{statistics.mean(each.mid for each in per_joule):.1f}",
        "most tokens per J": f"{statistics.mean(each.high for each in per_joule):.1f}",
        "pj": f"{most_pj_per_bit(results):.2f}",
        "lowest": f"{lowest_pj:g}",
        "lowest kind": kind,
        "times": f"{lowest_pj / most_pj_per_bit(results):.1f}",
    }


def main() -> None:
    """Run all models and write the page."""
    parts = {}
    for name in SYSTEMS:
        system = load_system(name)
        results = [needed(model, system) for model in MODELS]
        precision = f"int{system.cim.tile.macro.weight_bits}"
        parts[precision] = markdown_table(HEADINGS, rows(results))
        parts |= {f"{precision} {key}": value for key, value in averages(results).items()}
        print(parts[precision])
    parts |= fast_parts()
    write_text(PAGE, filled(TEMPLATE, parts))


if __name__ == "__main__":
    main()
