"""Says how fast the accelerators of the presets run in Verilator: a decoder layer, prompt and tokens.

    python -m benchmarks.simulation_speed

Seconds are CPU seconds of the simulator, so that other work on the machine matters little. Bits, cycles and counters of
every run are compared with the exact model, whose time does not count. An empty cache of models takes some minutes.
"""

import resource
from dataclasses import dataclass, replace

from rich.console import Console

from tilewright.base.tables import terminal_table
from tilewright.bench.program_cases import Case
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case
from tilewright.cocotb_tests.accelerator.suite import LAYER_BYTES, AcceleratorSuite
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config import load_system
from tilewright.sim.config.accelerator import AcceleratorConfig

SYSTEMS = ("tiny", "nano", "small")
STARTS = 3
"""Number of times that each program runs."""
LAYER = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=96,
)


@dataclass(frozen=True)
class Speed:
    """What a simulation took."""

    build_seconds: float
    """CPU seconds of the build; next to none if the model is in the cache."""
    cycles: int
    """Cycles between starts and interrupts."""
    seconds: float
    """CPU seconds of these cycles."""


def layer(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a decoder layer: a prompt of four tokens and two single tokens, some times over."""
    case = decoder_case(config, LAYER, prompt=4, tokens=2)
    return (replace(case, runs=case.runs * STARTS),)


def speed(suite: AcceleratorSuite) -> Speed:
    """Build a model and run its cases."""
    before = _children_seconds()
    suite.build()
    built = _children_seconds()
    rows = suite.simulate("speed", suite.cases())
    return Speed(built - before, sum(row["cycles"] for row in rows), sum(row["seconds"] for row in rows))


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and print."""
    table = terminal_table(
        ("system", ">cycles", ">CPU s", ">cycles / CPU s", ">build, CPU s"), title="Decoder layer in Verilator"
    )
    for name in SYSTEMS:
        config = load_system(name).accelerator
        suite = AcceleratorSuite(config=config, make_cases=layer, memory_bytes=LAYER_BYTES, optimisation="-O1")
        seen = speed(suite)
        table.add_row(
            name, f"{seen.cycles:,}", f"{seen.seconds:.2f}", f"{seen.cycles / seen.seconds:,.0f}",
            f"{seen.build_seconds:.0f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
