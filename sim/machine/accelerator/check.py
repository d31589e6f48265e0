"""Check of a command of the accelerator before it goes to its unit; twin of the RTL's check."""

from collections.abc import Iterator
from typing import Any

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.isa.commands import (
    Add,
    Command,
    Jobs,
    Load,
    Loop,
    Product,
    Set,
    Store,
    UnitCommand,
    Vector,
    Weights,
)
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.vector_command import Matrix, VectorCommand
from tilewright.sim.isa.widths import ADDRESS_REGISTERS, COUNT_BITS, DESCRIPTOR_BYTES
from tilewright.sim.machine.cim.array import block_limits


def in_banks(config: AcceleratorConfig, command: Vector) -> VectorCommand:
    """Return a pass with addresses within banks, as the vector unit sees it."""
    inside: dict[str, Any] = {
        name: Matrix(address=matrix.address % (1 << bits), stride=matrix.stride, storage=matrix.storage)
        for name, matrix, bits in _matrices(config, command)
    }
    return command.command.changed(**inside)


def in_memory(config: AcceleratorConfig, command: UnitCommand) -> tuple[int, int]:
    """Return the address in memory at which a command ends, and the number of which its addresses are multiples.

    Its address register adds to both. The end is 0 for commands that have no address in memory.
    """
    match command:
        case Load() | Weights():
            row, unit = command.beats * config.bus_bytes, config.bus_bytes
        case Store():
            row, unit = command.row_bytes, _element_bytes(config, command)
        case Jobs():
            return command.address + command.count * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES
        case _:
            return 0, 1
    rows, planes = (command.rows - 1) % (1 << COUNT_BITS), (command.planes - 1) % (1 << COUNT_BITS)
    return command.address + rows * command.stride + planes * command.plane_stride + row, unit


def refusal(config: AcceleratorConfig, command: Command, register_value: int = 0) -> AcceleratorError:
    """Return the reason why a command is refused, or ``NONE``; all bits of the command belong to a field.

    Of several reasons the first. What the vector unit refuses, and what depends on loops, is not seen here.

    Parameters
    ----------
    register_value : int
        Number that is added to the address in memory.
    """
    error = AcceleratorError
    reasons: dict[AcceleratorError, bool] = {}
    match command:
        case Load() | Weights():
            beat = config.bus_bytes
            reasons = _memory(config, command, register_value)
            reasons[error.SIZE] |= command.beats == 0
            if isinstance(command, Load):
                below = ((command.rows * command.planes - 1) % (1 << 32)) * command.pitch
                outside, crosses = _span(config, command.destination, below + command.beats * beat)
                reasons[error.ADDRESS] |= outside or _unaligned(beat, command.destination, command.pitch)
                reasons[error.BANK] = crosses
        case Store():
            size = _element_bytes(config, command)
            reasons = _memory(config, command, register_value)
            reasons[error.SIZE] |= command.count == 0 or 1 << command.size > config.bus_bytes
            reasons[error.SIZE] |= command.packed and command.size > 0
            pairs = (
                (command.count, command.element_pitch),
                (command.rows, command.pitch),
                (command.planes, command.plane_pitch),
            )
            below = sum(((count - 1) % (1 << COUNT_BITS)) * pitch for count, pitch in pairs)
            outside, crosses = _span(config, command.source, below + size)
            reasons[error.ADDRESS] |= outside or _unaligned(
                size, command.source, command.element_pitch, command.pitch, command.plane_pitch
            )
            reasons[error.BANK] = crosses
        case Product():
            reasons = _product(config, command)
        case Vector():
            reasons = _vector(config, command)
        case Jobs():
            reasons = _memory(config, command, register_value)
        case Set() | Add():
            reasons = {error.REGISTER: not 1 <= command.register <= ADDRESS_REGISTERS}
        case Loop():
            reasons = {error.SIZE: command.count == 0}
    return min((why for why, given in reasons.items() if given), default=error.NONE)


def _memory(
    config: AcceleratorConfig, command: Load | Weights | Store | Jobs, register_value: int
) -> dict[AcceleratorError, bool]:
    end, unit = in_memory(config, command)
    if isinstance(command, Jobs):
        empty, strides = command.count == 0, (0, 0)
    else:
        empty, strides = command.rows == 0 or command.planes == 0, (command.stride, command.plane_stride)
    return {
        AcceleratorError.SIZE: empty,
        AcceleratorError.ADDRESS: end + register_value > 1 << config.address_bits
        or _unaligned(unit, command.address + register_value, *strides),
        AcceleratorError.REGISTER: command.register > ADDRESS_REGISTERS,
    }


def _element_bytes(config: AcceleratorConfig, command: Store) -> int:
    """Return the bytes of an element that is stored, 1 if it is wider than a beat, which is refused."""
    return 1 << command.size if 1 << command.size <= config.bus_bytes else 1


def _product(config: AcceleratorConfig, command: Product) -> dict[AcceleratorError, bool]:
    tile = config.cim_array.tile
    high, _ = block_limits(config.cim_array, command.reduce)
    below = (command.vectors - 1) % (1 << COUNT_BITS)
    spans = (
        _span(config, command.a, below * command.a_pitch + divide_up(command.k * tile.macro.input_bits, 8)),
        _span(config, command.out, below * command.out_pitch + 4 * command.n),
    )
    return {
        AcceleratorError.SIZE: 0 in (command.vectors, command.k, command.n)
        or command.n % tile.results_per_beat != 0
        or (command.k > high and command.vectors > tile.accumulator_vectors),
        AcceleratorError.ADDRESS: _unaligned(config.activation_bytes, command.a, command.a_pitch)
        or _unaligned(config.result_bytes, command.out, command.out_pitch)
        or any(outside for outside, _ in spans),
        AcceleratorError.BANK: any(crosses for _, crosses in spans),
    }


def _vector(config: AcceleratorConfig, command: Vector) -> dict[AcceleratorError, bool]:
    outside, read = False, []
    for name, matrix, bits in _matrices(config, command):
        bank = matrix.address >> bits
        outside |= bank >= config.banks or matrix.stride >= 1 << bits
        if name != "d":
            # Beyond the last bank addresses start anew.
            read.append(bank % config.banks)
    return {AcceleratorError.ADDRESS: outside, AcceleratorError.BANK: len(set(read)) < len(read)}


def _matrices(config: AcceleratorConfig, command: Vector) -> Iterator[tuple[str, Matrix, int]]:
    """Yield the matrices that the pass has: name, matrix, and width of its address within a bank."""
    bits = config.vector.address_bits
    for name in "abcd":
        matrix = getattr(command.command, name)
        if matrix is not None:
            scattered = name == "d" and command.command.scatter
            yield name, matrix, config.vector.element_address_bits if scattered else bits


def _span(config: AcceleratorConfig, begin: int, length: int) -> tuple[bool, bool]:
    """Return whether a part of the scratchpad ends beyond it, and whether it lies in two banks."""
    last = begin + length - 1
    return last >= config.scratchpad_bytes, begin // config.bank_bytes != last // config.bank_bytes


def _unaligned(unit: int, *values: int) -> bool:
    return any(value % unit for value in values)
