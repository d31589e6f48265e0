"""Bare products on the exact model: the seven weight matrices of a decoder layer on an array of 128 x 128.

    python -m benchmarks.mappers.products

The system is ``array_128.toml``: that of ZigZag's example of digital computing in memory as far as cycles go, with INT8
weights and 64 bits of them a cycle. Activations lie on chip, and nothing is scaled. Each matrix is a load of its
weights and a product, as the compiler makes them. Activations beyond the array's accumulators take further products.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tilewright.mapping.map import memory_timing
from tilewright.sim.config import System, load_system
from tilewright.sim.isa.commands import Command, End, Product, Weights
from tilewright.sim.isa.widths import MAX_COUNT
from tilewright.sim.machine.accelerator.accelerator import run_commands

SYSTEM = Path(__file__).with_name("array_128.toml")
LAYER = ((2048, 2048), (512, 2048), (512, 2048), (2048, 2048), (8192, 2048), (8192, 2048), (2048, 8192))
"""Columns and rows of the weight matrices of a layer of Llama-3.2-1B: those of q, k, v, o, gate, up and down."""
ZIGZAG = {1: 7_605_184, 128: 23_180_000}
"""Cycles that ZigZag 3.9.1 found for these matrices on its example, by the number of activations; the second one as it
prints it, rounded."""


def commands(system: System, m: int, matrices: Iterable[tuple[int, int]]) -> Iterator[Command]:
    """Yield the commands of products of m activations with matrices of (columns, rows).

    Where the sums of a matrix do not fit into a bank, the product is cut into panels of columns.
    """
    fabric, bits = system.accelerator, system.cim.tile.macro.weight_bits
    assert m <= system.cim.tile.accumulator_vectors
    for columns, k in matrices:
        n = min(columns, 1 << (fabric.bank_bytes // (4 * m)).bit_length() - 1)
        beats = n * k * bits // 8 // fabric.bus_bytes
        # The largest power of two that a command can count divides the beats of these matrices.
        piece = min(beats, 1 << MAX_COUNT.bit_length() - 1)
        for _ in range(columns // n):
            yield Weights(address=0, beats=piece, rows=beats // piece, stride=piece * fabric.bus_bytes)
            # Sums go to another bank than that of the activations.
            yield Product(vectors=m, k=k, n=n, a=0, a_pitch=k, out=fabric.bank_bytes, out_pitch=4 * n)
    yield End()


def product_cycles(m: int, matrices: Iterable[tuple[int, int]] = LAYER) -> int:
    """Return the cycles of products of m activations with matrices, one after the other, on the exact model."""
    system = load_system(SYSTEM)
    run = run_commands(system.accelerator, list(commands(system, m, matrices)), memory_timing(system))
    if run.error:
        raise RuntimeError(f"{run.error.name} at command {run.index}")
    return run.cycles


def main() -> None:
    """Print the cycles for each number of activations, or of one product that is given as JSON."""
    if len(sys.argv) > 1:
        work = json.loads(sys.argv[1])
        print(json.dumps({"cycles": product_cycles(work["m"], [(work["n"], work["k"])])}))
        return
    system = load_system(SYSTEM)
    bound = sum(n * k for n, k in LAYER) // system.accelerator.bus_bytes
    for m, zigzag in ZIGZAG.items():
        cycles = product_cycles(m)
        print(f"M = {m}: {cycles:,} cycles, {cycles / bound - 1:.3%} above the bound of main memory; ZigZag {zigzag:,}")


if __name__ == "__main__":
    main()
