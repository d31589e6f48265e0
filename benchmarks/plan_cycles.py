"""Prints cycles, bytes and energy of assignments of INT4 and INT8 to the matrices of a decoder and of MiniLM.

    python -m benchmarks.plan_cycles

No weights are read: an assignment alone decides. On `edge-int8` with narrow weights, on the exact model: a decode step
of Llama-3.2-1B at context 1,024, and a sentence of 16 tokens through MiniLM. docs/precision.md contains the table.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import tilewright as tw
from tilewright.base.tables import markdown_table
from tilewright.mapping.map import map_model
from tilewright.mapping.models.load import load_transformer
from tilewright.mapping.models.phases import graph_of, phases_of
from tilewright.mapping.precision.plans.on_array import held_plan
from tilewright.mapping.precision.plans.plan_file import Plan
from tilewright.mapping.precision.plans.storage import parse_storage
from tilewright.sim.config import System
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import DEFAULT

DECODER, CONTEXT = "llama-3.2-1b", 1024
ENCODER, TOKENS = "minilm", 16
FOUR, EIGHT = (parse_storage(name)[0] for name in ("int4/channel", "int8/channel"))
NETWORKS = ("mlp.", "intermediate.dense", "layer.output.dense")
"""Parts of the names of the matrices of networks, which the second assignment has in INT4."""
WAYS: dict[str, Callable[[str], bool]] = {
    "INT8": lambda name: False,
    "INT4 in the networks, INT8 elsewhere": lambda name: any(part in _short(name) for part in NETWORKS),
    "INT4": lambda name: True,
}
"""Whether a matrix is INT4, by name of the assignment."""


def _short(name: str) -> str:
    """Return a name without the number of its layer."""
    return ".".join(part for part in name.split(".") if not part.isdigit())


def rows(title: str, name: str, system: System, context: int) -> list[Sequence[str]]:
    """Return the rows of a model."""
    model = load_transformer(name)
    phase, *_ = phases_of(model)
    matrices = graph_of(model, DEFAULT, phase=phase, context=context).of(Kind.MATMUL)
    made = []
    for way, narrow in WAYS.items():
        assignment = {each.name: FOUR if narrow(each.name) else EIGHT for each in matrices}
        bits = sum(assignment[each.name].bits(each.n, each.k) for each in matrices)
        held = held_plan(Path(way), Plan(name, "", assignment, None, {}), system.cim_array.tile)
        run = map_model(name, model, system, phase=phase, context=context, plan=held)
        share = bits / sum(each.n * each.k for each in matrices)
        cells = (f"{share:.2f}", f"{run.cycles:,}", f"{run.memory_bytes:,}", f"{1e3 * run.energy_j:.2f}")
        made.append((title, way, *cells))
    return made


def main() -> None:
    """Print the table."""
    system = tw.load_system("edge-int8").with_({"cim.tile.narrow_weights": "int4"})
    headings = ("run", "weights", ">bits/weight", ">cycles", ">bytes moved", ">mJ")
    print(
        markdown_table(
            headings,
            [
                *rows(f"{DECODER}, a token at context {CONTEXT:,}", DECODER, system, CONTEXT),
                *rows(f"MiniLM, {TOKENS} tokens", ENCODER, system, TOKENS),
            ],
        )
    )


if __name__ == "__main__":
    main()
