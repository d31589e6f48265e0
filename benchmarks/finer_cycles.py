"""Prints what finer numbers of INT8 inference cost: the cycles of a token and of a prompt of Llama-3.2-1B.

    python -m benchmarks.finer_cycles

On the exact model, with FP32 before and after rotary embedding, of scores and of scales of keys, and with inputs in
parts, as `tilewright run` has them on arrays with INT8 weights. docs/decoder-accuracy.md contains the table.
"""

from dataclasses import dataclass, replace

from tilewright.base.tables import markdown_table
from tilewright.mapping.map import map_model
from tilewright.mapping.models.load import load_model
from tilewright.mapping.precision.equalisation import PARTS
from tilewright.mapping.precision.plans.on_array import HeldPlan
from tilewright.mapping.precision.plans.plan_file import Plan
from tilewright.sim.config.load import load_system
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision

MODEL, SYSTEMS, WORK = "llama-3.2-1b", ("edge-int4", "edge-int8"), (("decode", 1024), ("prefill", 128))


@dataclass(frozen=True)
class Finer(HeldPlan):
    """A plan that gives no matrix another format, and other numbers finer ones."""

    changes: tuple[tuple[str, object], ...] = ()

    def of(self, precision: Precision) -> Precision:
        """Return a precision with the changes."""
        return replace(precision, **dict(self.changes))  # type: ignore[arg-type]


FP32 = (("attention", stored.FP32), ("key_scale", stored.FP32))
WAYS: dict[str, tuple[tuple[str, object], ...]] = {
    "as `map` has it": (),
    "FP32 in attention": FP32,
    "parts": (("parts", PARTS),),
    "both": (*FP32, ("parts", PARTS)),
}


def main() -> None:
    """Print the table."""
    model, rows = load_model(MODEL), []
    for system in SYSTEMS:
        for phase, context in WORK:
            usual = 0
            cells: list[str] = [system, f"{phase} {context:,}"]
            for way, changes in WAYS.items():
                plan = Finer(way, Plan(MODEL, "", {}, None, {}), (), changes)
                cycles = map_model(MODEL, model, load_system(system), phase=phase, context=context, plan=plan).cycles
                usual = usual or cycles
                cells.append(f"{cycles:,} ({100 * (cycles / usual - 1):+.2f} %)" if changes else f"{cycles:,}")
            rows.append(cells)
    print(markdown_table(["system", "work", *(f"cycles, {way}" for way in WAYS)], rows), end="")


if __name__ == "__main__":
    main()
