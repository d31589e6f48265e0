"""The accelerator's registers, as one table that hardware and documentation are made from."""

from tilewright.hw.bus.register_map import Access, RegisterEntry
from tilewright.sim.config.accelerator import ACCELERATOR_ID, AcceleratorConfig, Register
from tilewright.sim.isa.commands import Unit

_PER_UNIT = (
    ("BUSY", "cycles in which the {} unit runs a command"),
    ("SIGNAL", "cycles in which the {} unit, which could run its next command, waits for a signal"),
    ("BANK", "cycles in which the {} unit, which could run its next command and has its signals, waits for a bank"),
)

REGISTER_MAP = (
    RegisterEntry(Register.ID, Access.READ, "`TWAC`", reset=ACCELERATOR_ID),
    RegisterEntry(Register.CONTROL, Access.COMMAND, "start (0), refused while busy", 1),
    RegisterEntry(
        Register.STATUS, Access.READ, "busy (0), done without error (1), ended by an error (2); start clears 1, 2", 3
    ),
    RegisterEntry(Register.IRQ_ENABLE, Access.READ_WRITE, "bit 0 lets IRQ_STATUS out", 1),
    RegisterEntry(Register.IRQ_STATUS, Access.CLEAR, "bit 0: a start has ended", 1),
    RegisterEntry(
        Register.PROGRAM_LOW, Access.READ_WRITE, "address of the first command, a multiple of 64, low half; for start"
    ),
    RegisterEntry(Register.PROGRAM_HIGH, Access.READ_WRITE, "high half; for start"),
    RegisterEntry(Register.ERROR, Access.READ, "code 7:0, detail 15:8; of the last start that has ended", 16),
    RegisterEntry(Register.ERROR_INDEX, Access.READ, "number of the command in the program, from 0; likewise"),
    RegisterEntry(Register.CYCLES, Access.READ, "cycles from start to done", counts=True),
    RegisterEntry(Register.COMMANDS, Access.READ, "commands that went to the units", counts=True),
    RegisterEntry(Register.READ_BEATS, Access.READ, "beats read", counts=True),
    RegisterEntry(Register.WRITE_BEATS, Access.READ, "beats written", counts=True),
    *(
        RegisterEntry(Register[f"{unit.name}_{what}"], Access.READ, about.format(unit.name.lower()), counts=True)
        for what, about in _PER_UNIT
        for unit in Unit
        if unit is not Unit.NPE
    ),
    RegisterEntry(
        Register.ARRAY_WEIGHTS,
        Access.READ,
        "cycles in which the array asks for weights and none are there",
        counts=True,
    ),
    # Without banks: it only uses memory.
    *(
        RegisterEntry(
            Register[f"NPE_{what}"], Access.READ, about.format("NPE") + "; with a co-processor only", counts=True
        )
        for what, about in _PER_UNIT[:2]
    ),
)
"""In the order of their offsets, without a gap."""


def register_map(config: AcceleratorConfig) -> tuple[RegisterEntry, ...]:
    """Return the registers that an accelerator has."""
    there = config.npe is not None
    return tuple(entry for entry in REGISTER_MAP if there or not entry.register.name.startswith("NPE_"))
