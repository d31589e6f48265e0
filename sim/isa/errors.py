"""Why the accelerator stops a program."""

from enum import IntEnum


class AcceleratorError(IntEnum):
    """Why a program was stopped; of several reasons the first."""

    NONE = 0
    OPCODE = 1
    """There is no such operation or unit, or bits are set that no field has."""
    SIZE = 2
    """A count is 0, or more than there can be."""
    ADDRESS = 3
    """An address or a stride is misaligned, or something ends beyond memory or the scratchpad."""
    BANK = 4
    """A matrix lies in two banks of the scratchpad, or two that are read at once in one."""
    REGISTER = 5
    """There is no such address register."""
    LOOP = 6
    """More loops in one another than there may be, or REPEAT or END where it cannot be."""
    VECTOR = 7
    """The vector unit refuses the command; the detail says why."""
    SEMAPHORE = 8
    """More signals wait than a semaphore can count."""
    DEADLOCK = 9
    """Nothing moves: a command waits for a signal, for weights or for room that will never come."""
    WEIGHTS = 10
    """Weights are left at the end that no product has taken."""
    FETCH_BUS = 11
    """Memory answered with an error where a command was read."""
    LOAD_BUS = 12
    """Memory answered with an error to a load."""
    STORE_BUS = 13
    """Memory answered with an error to a store."""
    NPE = 14
    """The NPE stopped; the detail is its error code."""
