"""Prints cycles, bytes and energy of assignments of INT4 and INT8 to the matrices of a decoder and of MiniLM.

    python -m benchmarks.plan_cycles

No weights are read: an assignment alone decides. On `edge-int8` with narrow weights, on the exact model: a decode step
of Llama-3.2-1B at context 1,024, and a sentence of 16 tokens through MiniLM. docs/precision.md contains the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import tilewright as tw
from tilewright.base.tables import markdown_table
from tilewright.mapping.map import map_model
from tilewright.mapping.models import bert, minilm
from tilewright.mapping.models.load import load_model
from tilewright.mapping.planned_cost import encoder_counts
from tilewright.mapping.precision.plans.decoder_network import decoder_products
from tilewright.mapping.precision.plans.on_array import held_plan
from tilewright.mapping.precision.plans.plan_file import Plan
from tilewright.mapping.precision.plans.storage import parse_storage
from tilewright.sim.config import System
from tilewright.sim.energy.events import total
from tilewright.sim.energy.run_energy import energy
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision

DECODER, CONTEXT, TOKENS = "llama-3.2-1b", 1024, 16
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


def decoder_rows(system: System) -> list[Sequence[str]]:
    """Return the rows of the decoder."""
    model = load_model(DECODER)
    products, rows = decoder_products(model), []
    for way, narrow in WAYS.items():
        assignment = {each.name: FOUR if narrow(each.name) else EIGHT for each in products}
        bits = sum(assignment[each.name].bits(each.outputs, each.inputs) for each in products)
        held = held_plan(Path(way), Plan(DECODER, "", assignment, None, {}), system.cim.tile)
        run = map_model(DECODER, model, system, phase="decode", context=CONTEXT, plan=held)
        share = bits / sum(each.weights for each in products)
        cells = (f"{share:.2f}", f"{run.cycles:,}", f"{run.memory_bytes:,}", f"{1e3 * run.energy_j:.2f}")
        rows.append((f"{DECODER}, a token at context {CONTEXT:,}", way, *cells))
    return rows


def encoder_rows(system: System) -> list[Sequence[str]]:
    """Return the rows of MiniLM."""
    model, rows = minilm.CONFIG, []
    parts = (bert.QUERY, bert.KEY, bert.VALUE, bert.OUTPUT, bert.UP, bert.DOWN)
    names = [bert.layer_name(layer, part) for layer in range(model.num_hidden_layers) for part in parts]
    sizes = {name: model.hidden_size * (1 if "attention" in name else 4) for name in names}
    precision = Precision.of(system.cim.tile, system.vector.lanes)
    for way, narrow in WAYS.items():
        chosen = tuple((name, stored.INT4) for name in names if narrow(name))
        counts = encoder_counts(model, system, replace(precision, by_matrix=chosen), TOKENS)
        bits = sum(sizes[name] * (4 if narrow(name) else 8) for name in names) / sum(sizes.values())
        joules = total(energy(counts.events, system)).mid
        cells = (f"{bits:.2f}", f"{counts.cycles:,}", f"{counts.events.memory_bytes:,}", f"{1e3 * joules:.2f}")
        rows.append((f"MiniLM, {TOKENS} tokens", way, *cells))
    return rows


def main() -> None:
    """Print the table."""
    system = tw.load_system("edge-int8").with_({"cim.tile.narrow_weights": "int4"})
    headings = ("run", "weights", ">bits/weight", ">cycles", ">bytes moved", ">mJ")
    print(markdown_table(headings, [*decoder_rows(system), *encoder_rows(system)]))


if __name__ == "__main__":
    main()
