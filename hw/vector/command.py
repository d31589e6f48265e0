"""Layout of the vector unit's commands."""

from amaranth.hdl import Mux, Value
from amaranth.lib import data

from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Storage

OPERANDS = "abcd"
"""Names of the matrices in the scratchpad: three that are read, one that is written."""


def size_of(storage: Value) -> Value:
    """Return log2 of the bytes of an element."""
    return Mux(storage == Storage.INT32, Storage.INT32.size, storage)


def command_layout(config: VectorConfig) -> data.StructLayout:
    """Return the layout of a command; the fields mean what they do in :class:`.vector_command.VectorCommand`."""
    fields: dict = {"rows": 16, "columns": 16}
    for name in OPERANDS:
        address_bits = config.address_bits
        if name == "d":  # may be in elements
            address_bits = max(address_bits, config.element_address_bits)
        fields |= {f"{name}_address": address_bits, f"{name}_stride": address_bits, f"{name}_storage": 2}
    fields |= {
        "add": 1,
        "multiply": 1,
        "multiply_inverse": 1,
        "function": 3,
        "square": 1,
        "b": 1,
        "c": 1,
        "write": 1,
        "scatter": 1,
        "reduce": 2,
        "inverse": 2,
        "causal": 1,
        "rotate": 1,
        "rotate_steps": 4,  # log2 of the steps in half a rotary block
        "mask_base": 16,
        "add_slot": 16,
        "multiply_slot": 16,
        "out_slot": 16,
        "scale": 32,
        "offset": 32,
    }
    return data.StructLayout(fields)
