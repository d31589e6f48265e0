"""The section of docs/arithmetic-cost.md on the mixed MAC beside FlexPosit: area, time and errors of a product."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import mixed_accuracy
from tilewright.base.tables import markdown_table
from tilewright.hw.synth.flow import Cost

OURS = {5: "synth mixed-mac --stages 1", 8: "synth mixed-mac --weights posit8_1 --stages 1"}
"""Units by the width of their widest weights."""
PEERS = ("FlexPosit PE", "FlexPosit PE, reset tied")
"""Peers that take as many cycles for a product as its weight has bits."""
READ_OUT = "synth mixed-read-out --format fp16"
SHARED_BY_COLUMN = ("FlexPosit decoder and queue, one a column", "FlexPosit drain to FP16, one a column")
WIDTHS = (4, 5, 8)
"""Widths of weights in the table."""

TEXT = """
## A product in area and time

Area x path is what a unit takes for a cycle; times the cycles of a product, what it takes for a product. FlexPosit's
PE takes a weight bit by bit, P cycles for a weight of P bits. "Times ours" compares with our smallest unit.

{products}

What this comparison leaves out:

- Parts that a column shares. FlexPosit has a decoder with a queue and a drain, {theirs:,} µm² for each column, and its
  PEs take decoded weights. Ours decode in each unit; a column has a read-out, {ours:,} µm² without stages.
- `es` is 0 to 2 at run time in FlexPosit and a parameter here. Its weights come on one wire, ours on 5 or 8.
- FlexPosit's PE has registers that pass weight and activation on to the next PE. Ours has registers for both with two
  stages, and no ports that pass them on.
- FlexPosit's reset is asynchronous and clears all registers. Ours is synchronous and clears the flags that say what is
  valid; `first` clears the sum. In "reset tied" the reset of FlexPosit is constant.
- FlexPosit's sum has 16 bits and an exponent, ours 46 or 58: wires from the units to the read-out are wider here.
- FlexPosit's activations end at 240 and have no NaN. Ours are those of OCP, up to 448, and a NaN or NaR stays with the
  sum.
- Wires, the array around the units, and energy.

## How exact sums are

Root mean square error of sums of 128 and of 1,024 products, relative to that of the sums. Weights and activations are
normally distributed, rounded to a posit and to fp8_e4m3; errors count from the rounded ones. The last row is our model
of FlexPosit's accumulator. `python -m benchmarks.mixed_accuracy` prints the table.

{errors}
"""


def section(costs: Mapping[str, Cost], peers: Sequence[Mapping[str, Any]]) -> str:
    """Return the section, given what our units cost, by command, and the peers of ``arithmetic_peers.toml``."""
    ours = {most: (costs[name].area_um2 or 0) * (costs[name].path_ns or 0) / 1000 for most, name in OURS.items()}
    rows = [
        [f"`{OURS[most]}`", f"{cost:,.0f}", *(f"{cost:,.0f}" if bits <= most else "-" for bits in WIDTHS)]
        for most, cost in ours.items()
    ]
    for peer in peers:
        if peer["name"] in PEERS:
            cost = peer["area_um2"] * peer["path_ns"] / 1000
            products = [(cost * bits, min(own for most, own in ours.items() if bits <= most)) for bits in WIDTHS]
            cells = [f"{product:,.0f}, {product / own:.1f} times ours" for product, own in products]
            rows.append([peer["name"], f"{cost:,.0f}", *cells])
    heads = ("1,000 µm² ns", ">a cycle", *(f">a product, {bits} bits" for bits in WIDTHS))
    areas = [peer["area_um2"] for peer in peers if peer["name"] in SHARED_BY_COLUMN]
    return TEXT.format(
        theirs=sum(areas),
        ours=round(costs[READ_OUT].area_um2 or 0),
        products=markdown_table(heads, rows).removesuffix("\n"),
        errors=mixed_accuracy.table().removesuffix("\n"),
    ).removesuffix("\n")
