"""Says how long the exact model takes for a token: with recurring loops and bursts counted, and with all computed.

    python -m benchmarks.exact_model_speed

With refresh hardly anything recurs, but bursts that wait at memory are requested in one step. Both ways must give the
same cycles, counters and spans. Seconds are CPU seconds: of the run alone, and of all that ``tilewright map`` does
after its imports and before it prints. Of several runs in this process the one that took least counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import TypeVar

from tilewright.base.tables import markdown_table
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.map import map_model, memory_timing
from tilewright.mapping.models import llama
from tilewright.mapping.models.load import load_model
from tilewright.sim.config import System, load_system
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.accelerator.accelerator import run_commands
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun

MODELS = ("llama-3.2-1b", "qwen2.5-0.5b", "smollm2-1.7b", "phi-3.5-mini")
CONTEXT = 1024
RUNS = 5
"""Number of runs of which the one that takes least counts."""

T = TypeVar("T")


@dataclass(frozen=True)
class Speed:
    """What the run of one token took."""

    cycles: int
    counted_seconds: float
    computed_seconds: float
    map_seconds: float


def speed(model: str, system: System) -> Speed:
    """Run a decode step both ways, and map it.

    Raises
    ------
    RuntimeError
        If the two results differ.
    """
    config = load_model(model)
    graph = llama.decode(config, CONTEXT, Precision.of(system.cim.tile, system.vector.lanes))
    commands = compile_model(system.accelerator, graph, MemoryMap()).commands

    def run(*, every_event: bool) -> AcceleratorRun:
        timing = memory_timing(system)
        return run_commands(system.accelerator, commands, timing, timeline=True, every_event=every_event)

    counted, counted_seconds = least(lambda: run(every_event=False), RUNS)
    computed, computed_seconds = least(lambda: run(every_event=True), 1)
    if counted != computed:
        raise RuntimeError(f"{model}: the two ways differ: {counted.cycles} and {computed.cycles} cycles")
    _, map_seconds = least(lambda: map_model(model, config, system, phase="decode", context=CONTEXT), RUNS)
    return Speed(counted.cycles, counted_seconds, computed_seconds, map_seconds)


def least(function: Callable[[], T], runs: int) -> tuple[T, float]:
    """Return what a function returns, and the CPU seconds of the one of several calls that took least."""
    seconds = []
    for _ in range(runs):
        begin = process_time()
        result = function()
        seconds.append(process_time() - begin)
    return result, min(seconds)


def main() -> None:
    """Measure and print."""
    headings = ("model", "bursts of", ">cycles", ">CPU s, counted", ">all computed", ">times", ">map_model")
    rows = []
    for name, beats in (("edge-int4", 64), ("edge-int4", 8), ("edge-int4-refresh", 64)):
        system = load_system(name).with_(**{"fabric.max_burst": beats})
        for model in MODELS if (name, beats) == ("edge-int4", 64) else MODELS[:1]:
            seen = speed(model, system)
            rows.append((
                model, f"{beats} beats{', refresh' * name.endswith('refresh')}", f"{seen.cycles:,}",
                f"{seen.counted_seconds:.3f}", f"{seen.computed_seconds:.3f}",
                f"{seen.computed_seconds / seen.counted_seconds:.1f}", f"{seen.map_seconds:.3f}",
            ))  # fmt: skip
    print(f"One token at context {CONTEXT} on edge-int4:\n\n{markdown_table(headings, rows)}", end="")


if __name__ == "__main__":
    main()
