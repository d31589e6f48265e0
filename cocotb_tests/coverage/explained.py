"""Bins that are not hit, and why: no other hole may exist, and no reason without a hole."""

from tilewright.cocotb_tests.coverage.points import Explanation as Because
from tilewright.sim.formats.simd import Mode, SumFormat

_COUNTS = "A count of 0 is refused."
_ALIGNED = "The address or the stride is a multiple of more than one byte, and the circuit refuses others."
_REGISTERS = "There are address registers 1 to 8; a command with another one is refused."
_UNUSED = "Bits without a meaning must be 0, and descriptors with others are refused."
_NO_READ = "The unit has no port that reads the scratchpad."
_NO_WRITE = "The unit has no port that writes to the scratchpad."
_AT_ZERO = "Benches put nothing at address 0, to which an address that is lost would point."

PROGRAMS = (
    *(Because(f"*: {name} = 0", _COUNTS) for name in ("beats", "rows", "planes", "vectors", "k", "n")),
    *(Because(f"*: {name} = 0", _COUNTS) for name in ("columns", "count")),
    *(
        Because(f"{command}: {name} = 1", _ALIGNED)
        for command in ("LOAD", "WEIGHTS")
        for name in ("stride", "plane_stride")
    ),
    *(Because(f"LOAD: {name} = 1", _ALIGNED) for name in ("destination", "pitch")),
    *(Because(f"PRODUCT: {name} = 1", _ALIGNED) for name in ("a", "a_pitch", "out", "out_pitch")),
    Because("PRODUCT: n = 1", "It is a multiple of a tile's columns, and others are refused."),
    *(Because(f"VECTOR: {name} = 1", _ALIGNED) for name in ("b_address", "b_stride", "c_address", "c_stride")),
    *(Because(f"VECTOR: {name}_storage = 3", "INT32 is refused here (CODE).") for name in "bcd"),
    Because("VECTOR: format of A x format of D: * x int32", "D in INT32 is refused (CODE)."),
    *(Because(f"*: register = {code}", _REGISTERS) for code in range(9, 16)),
    *(Because(f"{command}: register = 0", _REGISTERS) for command in ("SET", "ADD")),
    *(Because(f"STORE: size = {code}", "No bus has beats that wide; the command is refused.") for code in range(7, 16)),
    *(
        Because(f"VECTOR: rotate_steps = {code}", "So many columns do not fit into the banks of these accelerators.")
        for code in range(8, 16)
    ),
    Because("commands that are refused: FENCE", "It has no field; with other bits it is refused before it is one."),
    Because("errors of the NPE in a program: ABORTED", "A program cannot abort the NPE."),
    Because("errors of the NPE in a program: COUNT", "The command processor refuses such a count itself (SIZE)."),
    Because("banks that are waited for: load waits for *, read", _NO_READ),
    Because("banks that are waited for: * waits for load, read", _NO_READ),
    Because("banks that are waited for: store waits for *, write", _NO_WRITE),
    Because("banks that are waited for: * waits for store, write", _NO_WRITE),
    Because("banks that are waited for: NPE waits for *", "The NPE works on memory alone."),
    Because("banks that are waited for: * waits for NPE, *", "The NPE works on memory alone."),
    *(
        Because(f"waits of the command processor: {name}", "It takes a fixed number of cycles.")
        for name in ("SET", "ADD", "LOOP", "REPEAT")
    ),
)  # fmt: skip
"""Reasons for programs of the accelerator."""

JOBS = (
    *(
        Because(f"descriptors: {name} = {code}", "There is no such format; the descriptor is refused.")
        for name, formats in (("mode", Mode), ("out_format", (*Mode, *SumFormat)), ("residual_format", Mode))
        for code in range(len(formats), 16)
    ),
    *(Because(f"descriptors: {name} = 3", "There is no such choice; it is refused.") for name in ("scale", "bias")),
    *(Because(f"descriptors: {name} = *", _UNUSED) for name in ("reserved", "unused")),
    *(Because(f"descriptors: {name} = 0", _COUNTS) for name in ("m", "n", "k")),
    *(Because(f"descriptors: {name} = 0", _AT_ZERO) for name in ("a", "b", "c", "scale_address", "bias_address")),
    *(
        Because(f"descriptors: {name} = 1", _ALIGNED)
        for name in ("a", "b", "c", "scale_address", "bias_address", "residual_address", "reductions")
    ),
    *(Because(f"descriptors: {name}_stride = 1", _ALIGNED) for name in ("a", "b", "c", "residual")),
    Because("descriptors: c_stride = 0", "Rows of C would lie on one another; a C of one row has no use for it."),
    Because(
        "ends of starts: ABORTED",
        "When an abort comes depends on the simulation: the bench (aborts) demands that a quarter of them end a start.",
    ),
)  # fmt: skip
"""Reasons for starts of the NPE."""

PASSES = (
    *(Because(f"commands: {name} = 0", _COUNTS) for name in ("rows", "columns")),
    *(Because(f"commands: {name} = 1", _ALIGNED) for name in ("b_address", "b_stride", "c_address", "c_stride")),
    *(Because(f"commands: {name}_storage = 3", "INT32 is refused here (CODE).") for name in "bcd"),
    *(
        Because(f"commands: rotate_steps = {code}", "So many columns do not fit into the scratchpads of these units.")
        for code in range(12, 16)
    ),
    Because("format of A x format of D: * x int32", "D in INT32 is refused (CODE)."),
)
"""Reasons for commands of the vector unit alone."""

UNITS = (
    Because("Adder *: rounding: below the smallest", "A sum is a multiple of the smallest value."),
    Because("Converter posit16_1 bf16: results: *", "bf16 has a wider range, and posits have neither -0 nor infinity."),
    Because("Converter posit16_1 bf16: rounding: *", "bf16 has a wider range."),
    Because("Mac fp8_e5m2 *: results: *infinity", "The format saturates."),
)
"""Reasons for arithmetic units."""

DOTS = (
    Because("fp8_e5m2: results: *infinity", "The format saturates."),
    Because("bf16: results: *", "Sums lie in a window far from both ends of the format, and an exact 0 is +0."),
    Because("bf16: rounding: *", "Sums lie in a window far from both ends of the format."),
)
"""Reasons for the SIMD MAC."""
