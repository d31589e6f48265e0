"""Says how busy the co-processor's array is with square INT8 products, and how near one row comes to memory's rate.

    python -m benchmarks.npe_utilisation

By the exact cycle model, from the start to the end of one descriptor: reading the descriptor and both operands and
writing the results are in it. Utilisation is the share of the array's peak; memory answers at once, with a beat of 128
bits a cycle in each direction, as memory on chip would. The second table has products of one row (M = 1), as a decoder
has them for each token: the cycles that memory needs for B alone, over all cycles. Takes some seconds.
"""

from rich.console import Console

from tilewright.base.tables import terminal_table
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.npe.npe import NpeModel

ARRAYS = ((2, 2), (4, 4), (4, 8), (8, 4), (8, 8))
"""Rows and columns of SIMD MACs, each of two INT8 multiplies a cycle."""
SIZES = (64, 128, 256)
"""M, N and K."""
ROWS = ((2048, 2048), (2048, 8192), (512, 2048))
"""N and K of products of one row."""
ROW_MODES = (Mode.FP4_E2M1, Mode.INT8, Mode.BF16)
LATENCIES = (1, 100, 200)
"""Latencies of memory in cycles."""


def utilisation(config: NpeConfig, size: int) -> tuple[int, float]:
    """Return cycles and utilisation of ``C = A @ B^T``, all three (size, size) INT8 codes."""
    a, b, c = (size * size * place for place in range(3))
    descriptor = Descriptor(
        mode=Mode.INT8, out_format=Mode.INT8, m=size, n=size, k=size, a=a, b=b, c=c, a_stride=size, b_stride=size,
        c_stride=size,
    )  # fmt: skip
    cycles = NpeModel(config, AxiMemoryModel()).run(3 * size * size, [descriptor]).cycles
    return cycles, size**3 / config.macs_per_cycle(Mode.INT8) / cycles


def share_of_bound(config: NpeConfig, mode: Mode, n: int, k: int, latency: int = 1) -> float:
    """Return the share of the cycles of a product of one row in which memory must be busy with B, N x K.

    Memory moves a beat a cycle in each direction.
    """
    b_stride = config.beats(mode, k) * config.bus_bytes
    a, b, c = 0, b_stride, (n + 1) * b_stride
    descriptor = Descriptor(
        mode=mode, out_format=mode, m=1, n=n, k=k, a=a, b=b, c=c, a_stride=0, b_stride=b_stride, c_stride=0
    )
    end = -(-(c + 2 * n) // DESCRIPTOR_BYTES) * DESCRIPTOR_BYTES
    memory = AxiMemoryModel(latency=latency, write_latency=latency)
    return n * config.beats(mode, k) / NpeModel(config, memory).run(end, [descriptor]).cycles


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
    rows = terminal_table(
        ("format", ">N x K", *(f">latency {latency}" for latency in LATENCIES)),
        title="One row, 8 x 8 SIMD MACs: DRAM bound / cycles",
    )
    for mode in ROW_MODES:
        for n, k in ROWS:
            shares = (share_of_bound(NpeConfig(), mode, n, k, latency) for latency in LATENCIES)
            rows.add_row(mode.label, f"{n} x {k}", *(f"{share:.1%}" for share in shares))
    Console().print(rows)


if __name__ == "__main__":
    main()
