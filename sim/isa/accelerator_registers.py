"""Registers of the accelerator."""

from tilewright.sim.config.accelerator import AcceleratorConfig

from .registers import Access, MappedRegister, counter, register

ACCELERATOR_ID = 0x54574143
"""``TWAC``, the content of register ID."""


def _busy(offset: int, unit: str) -> tuple:
    return counter(offset, f"cycles in which the {unit} unit runs a command")


def _signal(offset: int, unit: str) -> tuple:
    return counter(offset, f"cycles in which the {unit} unit, which could run its next command, waits for a signal")


def _bank(offset: int, unit: str) -> tuple:
    return counter(
        offset,
        f"cycles in which the {unit} unit, which could run its next command and has its signals, waits for a bank",
    )


def _with_array(value: tuple) -> tuple:
    offset, access, meaning, *others = value
    return offset, access, f"{meaning}; with a CIM array only", *others


def _with_npe(value: tuple) -> tuple:
    offset, access, meaning, *others = value
    return offset, access, f"{meaning}; with an NPE only", *others


class Register(MappedRegister):
    """Registers of the accelerator, without a gap."""

    ID = register(0x00, Access.READ, "`TWAC`", reset=ACCELERATOR_ID)
    CONTROL = register(0x04, Access.COMMAND, "start (0), refused while busy", bits=1)
    STATUS = register(
        0x08, Access.READ, "busy (0), done without error (1), ended by an error (2); start clears 1, 2", bits=3
    )
    IRQ_ENABLE = register(0x0C, Access.READ_WRITE, "bit 0 lets IRQ_STATUS out", bits=1)
    IRQ_STATUS = register(0x10, Access.CLEAR, "bit 0: a start has ended", bits=1)
    PROGRAM_LOW = register(
        0x14, Access.READ_WRITE, "address of the first command, a multiple of 64, low half; for start"
    )
    PROGRAM_HIGH = register(0x18, Access.READ_WRITE, "high half; for start")
    ERROR = register(0x1C, Access.READ, "code 7:0, detail 15:8; of the last start that has ended", bits=16)
    ERROR_INDEX = register(0x20, Access.READ, "number of the command in the program, from 0; likewise")
    CYCLES = counter(0x24, "cycles from start to done")
    COMMANDS = counter(0x28, "commands that went to the units")
    READ_BEATS = counter(0x2C, "beats read")
    WRITE_BEATS = counter(0x30, "beats written")
    LOAD_BUSY = _busy(0x34, "load")
    ARRAY_BUSY = _with_array(_busy(0x38, "array"))
    VECTOR_BUSY = _busy(0x3C, "vector")
    STORE_BUSY = _busy(0x40, "store")
    LOAD_SIGNAL = _signal(0x44, "load")
    ARRAY_SIGNAL = _with_array(_signal(0x48, "array"))
    VECTOR_SIGNAL = _signal(0x4C, "vector")
    STORE_SIGNAL = _signal(0x50, "store")
    LOAD_BANK = _bank(0x54, "load")
    ARRAY_BANK = _with_array(_bank(0x58, "array"))
    VECTOR_BANK = _bank(0x5C, "vector")
    STORE_BANK = _bank(0x60, "store")
    ARRAY_WEIGHTS = _with_array(counter(0x64, "cycles in which the array asks for weights and none are there"))
    NPE_BUSY = _with_npe(_busy(0x68, "NPE"))
    NPE_SIGNAL = _with_npe(_signal(0x6C, "NPE"))


def registers_of(config: AcceleratorConfig) -> tuple[Register, ...]:
    """Return the registers that an accelerator has, in the order of their offsets."""
    absent = ("ARRAY_",) if config.cim is None else ("NPE_",) if config.npe is None else ()
    return tuple(each for each in Register if not each.name.startswith(absent))
