"""Says how busy the co-processor's array is with square INT8 products, by the exact cycle model.

    python -m benchmarks.npe_utilisation

Utilisation is the share of the array's peak from the start to the end of one descriptor: reading the descriptor and
both operands and writing the results are in it. Memory answers at once, with a beat of 128 bits a cycle in each
direction, as memory on chip would. Takes a second.
"""

from rich.console import Console

from tilewright.base.tables import terminal_table
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.npe.npe import NpeModel

ARRAYS = ((2, 2), (4, 4), (4, 8), (8, 4), (8, 8))
"""Rows and columns of SIMD MACs, each of two INT8 multiplies a cycle."""
SIZES = (64, 128, 256)
"""M, N and K."""


def utilisation(config: NpeConfig, size: int) -> tuple[int, float]:
    """Return cycles and utilisation of ``C = A @ B^T``, all three (size, size) INT8 codes."""
    a, b, c = (size * size * place for place in range(3))
    descriptor = Descriptor(
        mode=Mode.INT8, out_format=Mode.INT8, m=size, n=size, k=size, a=a, b=b, c=c, a_stride=size, b_stride=size,
        c_stride=size,
    )  # fmt: skip
    cycles = NpeModel(config, AxiMemoryModel()).run(3 * size * size, [descriptor]).cycles
    return cycles, size**3 / config.macs_per_cycle(Mode.INT8) / cycles


def main() -> None:
    """Measure and print."""
    table = terminal_table(
        ("SIMD MACs", ">MAC a cycle", *(f">{size}x{size}x{size}" for size in SIZES)),
        title="INT8 products of square matrices: cycles, utilisation",
    )
    for rows, columns in ARRAYS:
        config = NpeConfig(rows=rows, columns=columns, bus_bits=128)
        measured = [utilisation(config, size) for size in SIZES]
        cells = [f"{cycles:,}, {share:.1%}" for cycles, share in measured]
        table.add_row(f"{rows} x {columns}", f"{config.macs_per_cycle(Mode.INT8)}", *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
