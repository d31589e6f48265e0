"""The co-processor's registers, as one table that hardware and documentation are made from."""

from tilewright.hw.bus.register_map import Access, RegisterEntry
from tilewright.sim.config.npe import NPE_ID, Register

REGISTER_MAP = (
    RegisterEntry(Register.ID, Access.READ, "`TWNP`", reset=NPE_ID),
    RegisterEntry(
        Register.GEOMETRY, Access.READ, "rows 7:0, columns 15:8, log2 of the bytes of the bus 19:16", 20, None
    ),
    RegisterEntry(Register.MODES, Access.READ, "a bit for each number of a format", reset=None),
    RegisterEntry(Register.CONTROL, Access.COMMAND, "start (0), refused while busy; abort (1), nothing if not busy", 2),
    RegisterEntry(
        Register.STATUS, Access.READ, "busy (0), done without error (1), ended by an error (2); start clears 1, 2", 3
    ),
    RegisterEntry(Register.IRQ_ENABLE, Access.READ_WRITE, "bit 0 lets IRQ_STATUS out", 1),
    RegisterEntry(Register.IRQ_STATUS, Access.CLEAR, "bit 0: a start has ended", 1),
    RegisterEntry(Register.DESCRIPTOR_LOW, Access.READ_WRITE, "address of the first descriptor, low half; for start"),
    RegisterEntry(Register.DESCRIPTOR_HIGH, Access.READ_WRITE, "high half; for start"),
    RegisterEntry(Register.COUNT, Access.READ_WRITE, "consecutive descriptors, 1..65535; for start", reset=1),
    RegisterEntry(Register.COMPLETED, Access.READ, "descriptors done", 16),
    RegisterEntry(Register.ERROR, Access.READ, "code 7:0, detail 15:8", 16),
    RegisterEntry(Register.CYCLES, Access.READ, "cycles from start to done", counts=True),
    RegisterEntry(Register.BUSY, Access.READ, "cycles in which the array takes a word", counts=True),
    RegisterEntry(
        Register.STALL_LOAD, Access.READ, "cycles of a job in which the array waits for operands", counts=True
    ),
    RegisterEntry(
        Register.STALL_STORE, Access.READ, "cycles in which the array waits to hand over results", counts=True
    ),
    RegisterEntry(Register.READ_BEATS, Access.READ, "beats read", counts=True),
    RegisterEntry(Register.WRITE_BEATS, Access.READ, "beats written", counts=True),
)
"""In the order of their offsets, without a gap."""
