"""Prints what one set of programs for every position costs a single token, against a program for its position alone.

    python -m benchmarks.every_position_cost

Cycles are those of the exact model. docs/compiler.md contains the table.
"""

from collections.abc import Iterator, Sequence

from tilewright.base.tables import markdown_table
from tilewright.mapping.compile.every_position import EveryPositionDecoder
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.map import memory_timing
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.load import load_model
from tilewright.sim.config import load_system
from tilewright.sim.machine.accelerator.accelerator import run_commands

STORIES = LlamaConfig(
    vocab_size=512,
    num_hidden_layers=5,
    hidden_size=64,
    num_attention_heads=8,
    num_key_value_heads=4,
    head_dim=8,
    intermediate_size=172,
)
"""Shape of stories260K."""


def costs(
    model: LlamaConfig, system_name: str, capacity: int, contexts: Sequence[int]
) -> Iterator[tuple[int, int, int]]:
    """Yield for each context its cycles with one set of programs, whose cache has room for ``capacity`` positions, and
    with a program for its position alone."""
    system = load_system(system_name)
    decoder = EveryPositionDecoder(system.accelerator, model, {}, capacity=capacity)
    for context in contexts:
        position = context - 1
        graph = llama.tokens_graph(model, decoder.precision, tokens=1, position=position, capacity=capacity)
        programs = decoder.reusable(position, 1).program.at(position), compile_model(system.accelerator, graph)
        one_set, alone = (
            run_commands(system.accelerator, program.commands, memory_timing(system)).cycles for program in programs
        )
        yield context, one_set, alone


def main() -> None:
    """Measure and print."""
    llama_1b = load_model("llama-3.2-1b")
    assert isinstance(llama_1b, LlamaConfig)
    cases = (
        ("Llama-3.2-1B", llama_1b, "edge-int4", 4096, (16, 100, 257, 1024, 1500, 4096)),
        ("Llama-3.2-1B", llama_1b, "edge-int4", 8192, (16, 1024, 4096, 8192)),
        ("shape of stories260K", STORIES, "small", 512, (16, 100, 257, 512)),
    )
    rows = [
        (f"{name} on `{system}`", *map("{:,}".format, (capacity, *found)), f"{found[1] / found[2] - 1:+.1%}")
        for name, model, system, capacity, contexts in cases
        for found in costs(model, system, capacity, contexts)
    ]
    headings = ("model", ">positions of the cache", ">context", ">cycles, one set", ">one position", ">more")
    print(markdown_table(headings, rows), end="")


if __name__ == "__main__":
    main()
