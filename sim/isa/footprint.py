"""Footprint of a command: bytes of the scratchpad and of memory that it reads and writes, and ports of banks."""

from collections.abc import Sequence
from typing import NamedTuple

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.config.npe import NpeConfig

from .commands import Jobs, Load, Product, Store, UnitCommand, Vector, Weights
from .descriptor import Along, Descriptor
from .vector_command import Matrix
from .widths import DESCRIPTOR_BYTES, RECORD_BYTES

MOST_PLANES = 256
"""Maximum number of planes that are told apart; of more planes the bytes between them count too."""


class Region(NamedTuple):
    """Rows of bytes: row r begins at ``start + r * pitch``."""

    start: int
    width: int
    """Number of bytes of a row."""
    rows: int = 1
    pitch: int = 0
    """Bytes from a row to the next; 0 for one row."""

    @property
    def stop(self) -> int:
        """Address after the last byte."""
        return self.start + (self.rows - 1) * self.pitch + self.width

    def overlaps(self, other: "Region") -> bool:
        """Return whether a byte lies in both; of rows with different pitches the bytes between them count too."""
        if self.start >= other.stop or other.start >= self.stop:
            return False
        pitch = self.pitch or other.pitch
        if pitch == 0 or (other.pitch and other.pitch != pitch):
            return True
        ahead = (other.start - self.start) % pitch
        return ahead < self.width or ahead + other.width > pitch


class Footprint(NamedTuple):
    """Regions that a command reads and writes; it may read bytes that it writes."""

    scratchpad_reads: tuple[Region, ...] = ()
    scratchpad_writes: tuple[Region, ...] = ()
    memory_reads: tuple[Region, ...] = ()
    memory_writes: tuple[Region, ...] = ()
    anywhere: bool = False
    """The command may touch any byte of memory, whatever its address register holds."""


def footprint(
    config: AcceleratorConfig,
    command: UnitCommand,
    register_value: int = 0,
    descriptors: Sequence[Descriptor] | None = None,
) -> Footprint:
    """Return everything that a valid command reads and writes.

    Parameters
    ----------
    register_value : int
        Content of the command's address register, if it has one.
    descriptors : sequence of Descriptor, optional
        Jobs of a command of the NPE. Without them the command may touch any byte.
    """
    if isinstance(command, Vector):
        return _of_pass(config, command)
    if isinstance(command, Jobs):
        if descriptors is not None:
            assert config.npe is not None
            fetched = Region(command.address + register_value, command.count * DESCRIPTOR_BYTES)
            those = [_of_job(config.npe, descriptor) for descriptor in descriptors]
            return Footprint(
                memory_reads=(fetched, *(region for reads, _ in those for region in reads)),
                memory_writes=tuple(region for _, writes in those for region in writes),
            )
        whole = (Region(0, 1 << config.address_bits),)
        return Footprint(memory_reads=whole, memory_writes=whole, anywhere=True)
    if isinstance(command, Product):
        activations = divide_up(command.k * config.cim_array.tile.macro.input_bits, 8)
        return Footprint(
            scratchpad_reads=(_rows(command.a, activations, command.vectors, command.a_pitch),),
            scratchpad_writes=(_rows(command.out, 4 * command.n, command.vectors, command.out_pitch),),
        )
    address = command.address + (register_value if command.register else 0)
    bytes_ = command.row_bytes if isinstance(command, Store) else command.beats * config.bus_bytes
    memory = _planes(address, bytes_, command.rows, command.stride, command.planes, command.plane_stride)
    if isinstance(command, Weights):
        return Footprint(memory_reads=memory)
    if isinstance(command, Load):
        place = _rows(command.destination, bytes_, command.rows * command.planes, command.pitch)
        return Footprint(memory_reads=memory, scratchpad_writes=(place,))
    row = (command.count - 1) * command.element_pitch + (1 << command.size)
    sources = _planes(command.source, row, command.rows, command.pitch, command.planes, command.plane_pitch)
    return Footprint(scratchpad_reads=sources, memory_writes=memory)


def bank_ports(config: AcceleratorConfig, command: UnitCommand) -> tuple[frozenset[int], frozenset[int]]:
    """Return the banks whose read ports, and those whose write ports, a command holds while it runs."""
    those = footprint(config, command)
    reads, writes = (
        frozenset(config.bank(region.start) for region in regions)
        for regions in (those.scratchpad_reads, those.scratchpad_writes)
    )
    return reads, writes


def _of_job(config: NpeConfig, job: Descriptor) -> tuple[list[Region], list[Region]]:
    """Return the regions that a valid job reads, in whole beats, and those that it writes."""
    beat = config.bus_bytes
    mode, out, residual = job.formats

    def region(address: int, rows: int, stride: int, bits: int) -> Region:
        return _rows(address, divide_up(bits, 8 * beat) * beat, rows, stride)

    reads = [
        region(job.a, job.m, job.a_stride, job.k * mode.bits),
        region(job.b, job.n, job.b_stride, job.k * mode.bits),
    ]
    for along, address in ((job.scale, job.scale_address), (job.bias, job.bias_address)):
        if along:
            reads.append(region(address, 1, 0, 32 * (job.m if along == Along.ROW else job.n)))
    if job.residual:
        reads.append(region(job.residual_address, job.m, job.residual_stride, job.n * residual.bits))
    lines, line = (job.n, job.m) if job.transpose else (job.m, job.n)
    writes = [_rows(job.c, divide_up(line * out.bits, 8), lines, job.c_stride)]
    if job.reduces:
        writes.append(Region(job.reductions, job.m * RECORD_BYTES))
    return reads, writes


def _of_pass(config: AcceleratorConfig, command: Vector) -> Footprint:
    those, lanes = command.command, config.vector.lanes

    def region(matrix: Matrix, columns: int) -> Region:
        place = matrix.address * lanes, columns << matrix.storage.size
        return _rows(*place, those.rows, matrix.stride * lanes)

    reads = tuple(region(m, those.columns) for m in (those.a, those.b, those.c) if m is not None)
    writes: tuple[Region, ...] = ()
    if those.d is not None and those.scatter:
        writes = (_rows(4 * those.d.address, 4, those.rows, 4 * those.d.stride),)
    elif those.d is not None:
        # The last step of a row is written whole.
        writes = (region(those.d, divide_up(those.columns, lanes) * lanes),)
    return Footprint(scratchpad_reads=reads, scratchpad_writes=writes)


def _rows(start: int, width: int, rows: int, pitch: int) -> Region:
    """Return rows, as one if they are the same one or touch or overlap each other."""
    if rows == 1 or pitch == 0:
        return Region(start, width)
    if pitch <= width:
        return Region(start, (rows - 1) * pitch + width)
    return Region(start, width, rows, pitch)


def _planes(start: int, width: int, rows: int, pitch: int, planes: int, plane_pitch: int) -> tuple[Region, ...]:
    if planes == 1 or plane_pitch == 0:
        return (_rows(start, width, rows, pitch),)
    if rows == 1 or pitch == 0:
        return (_rows(start, width, planes, plane_pitch),)
    if plane_pitch == rows * pitch:
        return (_rows(start, width, rows * planes, pitch),)
    plane = _rows(start, width, rows, pitch)
    if planes > MOST_PLANES:
        return (Region(start, (planes - 1) * plane_pitch + plane.stop - plane.start),)
    return tuple(_rows(start + index * plane_pitch, width, rows, pitch) for index in range(planes))
