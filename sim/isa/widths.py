"""Widths of fields and limits of commands and buses; configurations and layouts both build on these numbers."""

COMMAND_BYTES = 64
"""Size of an accelerator command in memory."""
SCRATCHPAD_ADDRESS_BITS = 32
"""Width of a byte address in the scratchpad, as commands hold it."""
COUNT_BITS = 16
"""Width of a count in a command or a descriptor: rows, columns, beats, elements, jobs."""
MAX_COUNT = (1 << COUNT_BITS) - 1
"""Largest count in a command or a descriptor."""

ADDRESS_REGISTERS = 8
"""Number of address registers; register 0 stands for none."""
ADDRESS_REGISTER_BITS = 64
"""Width of an address register; sums wrap."""
LOOP_LEVELS = 4
"""Maximum number of loops inside one another."""
SEMAPHORE_BITS = 8
"""Width of a semaphore, which counts the signals that one unit has for another."""

BLOCK_ROWS_BITS = 12
"""Width of the number of rows in a CIM command."""
MAX_BLOCK_ROWS = 1 << BLOCK_ROWS_BITS
"""Maximum number of rows of a block of weights, which its field holds as 0."""
MAX_BLOCK_COLUMNS = MAX_COUNT
"""Maximum number of columns of a block of weights."""
MAX_VECTORS = MAX_COUNT
"""Maximum number of activation vectors of one CIM command."""
SLOT_BITS = 16
"""Width of the number of an accumulator in a command of one tile, and of a row scalar of the vector unit."""
ARRAY_SLOT_BITS = SLOT_BITS - 1
"""Width of the number of an accumulator in a command of an array, whose mode takes the highest bit."""
MAX_ARRAY_SLOTS = 1 << ARRAY_SLOT_BITS
"""Maximum number of accumulators that a command of several tiles can address."""

DESCRIPTOR_BYTES = 128
"""Size of an NPE descriptor, and the alignment of its address."""
RECORD_BYTES = 16
"""Size of the record of one row's reductions."""
MAX_DIMENSION = MAX_COUNT
"""Largest M, N and K of an NPE job, and the largest number of descriptors of one start."""

PAGE_BYTES = 4096
"""No burst crosses a multiple of this number of bytes (AXI4, A3.4.1)."""
