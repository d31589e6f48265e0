"""Check of a command of the accelerator before it goes to its unit; twin of the RTL's check."""

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
        name: Matrix(
            address=matrix.address % (1 << _vector_bits(config, command, name)),
            stride=matrix.stride,
            storage=matrix.storage,
        )
        for name, matrix in _matrices(command).items()
    }
    return command.command.changed(**inside)


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
            reasons = _memory(config, command, command.beats * beat, beat, register_value)
            reasons[error.SIZE] |= command.beats == 0
            if isinstance(command, Load):
                below = ((command.rows * command.planes - 1) % (1 << 32)) * command.pitch
                outside, crosses = _span(config, command.destination, below + command.beats * beat)
                reasons[error.ADDRESS] |= outside or _unaligned(beat, command.destination, command.pitch)
                reasons[error.BANK] = crosses
        case Store():
            size = 1 << command.size if command.size <= config.bus_bytes.bit_length() - 1 else 1
            reasons = _memory(config, command, command.row_bytes, size, register_value)
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
            address = command.address + register_value
            end = address + command.count * DESCRIPTOR_BYTES
            reasons = {
                error.SIZE: command.count == 0,
                error.ADDRESS: _unaligned(DESCRIPTOR_BYTES, address) or end > 1 << config.address_bits,
                error.REGISTER: command.register > ADDRESS_REGISTERS,
            }
        case Set() | Add():
            reasons = {error.REGISTER: not 1 <= command.register <= ADDRESS_REGISTERS}
        case Loop():
            reasons = {error.SIZE: command.count == 0}
    return next((why for why in sorted(reasons) if reasons[why]), error.NONE)


def _memory(
    config: AcceleratorConfig, command: Load | Weights | Store, row: int, unit: int, register_value: int
) -> dict[AcceleratorError, bool]:
    address = command.address + register_value
    rows, planes = ((count - 1) % (1 << COUNT_BITS) for count in (command.rows, command.planes))
    end = address + rows * command.stride + planes * command.plane_stride + row
    return {
        AcceleratorError.SIZE: command.rows == 0 or command.planes == 0,
        AcceleratorError.ADDRESS: end > 1 << config.address_bits
        or _unaligned(unit, address, command.stride, command.plane_stride),
        AcceleratorError.REGISTER: command.register > ADDRESS_REGISTERS,
    }


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
    matrices = _matrices(command)
    numbers = _vector_banks(config, command)
    outside = False
    for name, number in numbers.items():
        bits = _vector_bits(config, command, name)
        outside |= number >= config.banks or matrices[name].stride >= 1 << bits
    read = [numbers[name] for name in "abc" if name in numbers]
    return {
        AcceleratorError.ADDRESS: outside,
        # Beyond the last bank addresses start anew.
        AcceleratorError.BANK: len({number % config.banks for number in read}) < len(read),
    }


def _vector_bits(config: AcceleratorConfig, command: Vector, name: str) -> int:
    scattered = name == "d" and command.command.scatter
    return config.vector.element_address_bits if scattered else config.vector.address_bits


def _vector_banks(config: AcceleratorConfig, command: Vector) -> dict[str, int]:
    """Return the bank of each matrix that the pass has."""
    return {name: matrix.address >> _vector_bits(config, command, name) for name, matrix in _matrices(command).items()}


def _matrices(command: Vector) -> dict[str, Matrix]:
    """Return the matrices that the pass has."""
    return {name: matrix for name in "abcd" if (matrix := getattr(command.command, name)) is not None}


def _span(config: AcceleratorConfig, begin: int, length: int) -> tuple[bool, bool]:
    """Return whether a part of the scratchpad ends beyond it, and whether it lies in two banks."""
    last = begin + length - 1
    return last >= config.scratchpad_bytes, begin // config.bank_bytes != last // config.bank_bytes


def _unaligned(unit: int, *values: int) -> bool:
    return any(value % unit for value in values)
