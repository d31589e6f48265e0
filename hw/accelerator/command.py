"""Fields of commands, as the hardware reads them."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Mux, Value
from amaranth.lib import data

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.widths import COMMAND_BYTES

COMMAND_BITS = 8 * COMMAND_BYTES
INDEX_BITS = 24
"""Width of the number of a command in its program."""


def row_bytes(store: Mapping[str, Value]) -> Value:
    """Return the bytes of a row of a store in memory."""
    return Mux(store["packed"], (store["count"] + 1) >> 1, store["count"] << store["size"])


def entry_layout(config: AcceleratorConfig) -> data.StructLayout:
    """Return the layout of a command on its way to its unit.

    ``address`` is that in memory, with the address register; ``reads`` and ``writes`` have a bit for each bank.
    """
    return data.StructLayout(
        {
            "command": COMMAND_BITS,
            "address": config.address_bits,
            "index": INDEX_BITS,
            "reads": config.banks,
            "writes": config.banks,
        }
    )


def one_hot(value: Value, count: int) -> Value:
    """Return a word of ``count`` bits in which only bit number ``value`` is set."""
    return Cat(value == index for index in range(count))
