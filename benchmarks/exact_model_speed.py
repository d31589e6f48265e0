"""Says how long the exact model takes for a token: with recurring loops and bursts counted, and with all computed.

    python -m benchmarks.exact_model_speed

With refresh hardly anything recurs, but bursts that wait at memory are requested in one step. Both ways must give the
same cycles, counters and spans. Seconds are CPU seconds of the run alone, without the compiler.
"""

from dataclasses import dataclass
from time import process_time

from rich.console import Console

from tilewright.base.tables import terminal_table
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.compile.whole_decoder import compile_decoder
from tilewright.mapping.map import memory_timing
from tilewright.mapping.models import llama
from tilewright.mapping.models.load import load_model
from tilewright.sim.config import System, load_system
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.accelerator.accelerator import run_commands

MODELS = ("llama-3.2-1b", "qwen2.5-0.5b", "smollm2-1.7b", "phi-3.5-mini")
CONTEXT = 1024


@dataclass(frozen=True)
class Speed:
    """What the run of one token took."""

    cycles: int
    counted_seconds: float
    computed_seconds: float


def speed(model: str, system: System) -> Speed:
    """Run a decode step both ways.

    Raises
    ------
    RuntimeError
        If the two results differ.
    """
    graph = llama.decode(load_model(model), CONTEXT, Precision.of(system.cim.tile, system.vector.lanes))
    commands = compile_decoder(system.accelerator, graph, MemoryMap()).commands
    runs, seconds = [], []
    for every_event in (False, True):
        begin = process_time()
        runs.append(
            run_commands(
                system.accelerator, commands, memory_timing(system), timeline=True, every_event=every_event
            )
        )  # fmt: skip
        seconds.append(process_time() - begin)
    if runs[0] != runs[1]:
        raise RuntimeError(f"{model}: the two ways differ: {runs[0].cycles} and {runs[1].cycles} cycles")
    return Speed(runs[0].cycles, *seconds)


def main() -> None:
    """Measure and print."""
    title = f"One token at context {CONTEXT} on edge-int4"
    headings = ("model", "bursts of", ">cycles", ">CPU s, counted", ">all computed", ">times")
    table = terminal_table(headings, title=title)
    for name, beats in (("edge-int4", 64), ("edge-int4", 8), ("edge-int4-refresh", 64)):
        system = load_system(name).with_(**{"fabric.max_burst": beats})
        for model in MODELS if (name, beats) == ("edge-int4", 64) else MODELS[:1]:
            seen = speed(model, system)
            table.add_row(
                model, f"{beats} beats{', refresh' * name.endswith('refresh')}", f"{seen.cycles:,}",
                f"{seen.counted_seconds:.3f}", f"{seen.computed_seconds:.3f}",
                f"{seen.computed_seconds / seen.counted_seconds:.1f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
