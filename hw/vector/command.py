"""Layout of the vector unit's commands."""

from amaranth.hdl import Mux, Value
from amaranth.lib import data

from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Storage, VectorCommand

OPERANDS = "abcd"
"""Names of the matrices in the scratchpad: three that are read, one that is written."""
_ORDER = (
    *("rows", "columns"),
    *(f"{name}_{part}" for name in OPERANDS for part in ("address", "stride", "storage")),
    *("add", "multiply", "multiply_inverse", "function", "square", "b", "c", "write", "scatter", "reduce", "inverse"),
    *("causal", "rotate", "rotate_steps", "mask_base", "add_slot", "multiply_slot", "out_slot", "scale", "offset"),
)
"""Order of the fields on the unit's port; fields that are not named here come last, in the order of their bits."""


def size_of(storage: Value) -> Value:
    """Return log2 of the bytes of an element."""
    return Mux(storage == Storage.INT32, Storage.INT32.size, storage)


def command_layout(config: VectorConfig) -> data.StructLayout:
    """Return the layout of a command: the fields of :class:`VectorCommand`, addresses as wide as a scratchpad's."""
    bits = {name: VectorCommand.FIELDS[name].bits for name in (*_ORDER, *VectorCommand.FIELDS)}
    for name in OPERANDS:
        # Those of D may be in elements.
        wide = max(config.address_bits, config.element_address_bits) if name == "d" else config.address_bits
        bits |= {f"{name}_address": wide, f"{name}_stride": wide}
    return data.StructLayout(bits)
