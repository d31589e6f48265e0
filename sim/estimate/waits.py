"""Waits of the array for the softmax of attention, and of new keys for the array: parts that are fitted.

With room for the buffers of two heads, or of two blocks of positions, the passes of one run beside products of the
next. A unit waits where another one holds the port of a bank that it needs, the more often the fewer banks there are,
and where the scratchpad is so full that bytes are written anew as soon as they have been read. Where the compiler finds
no room for two heads, it puts one after the other, and the array waits for all passes. How long depends on where the
allocator puts each buffer, which no closed form says. So the parts are rounded means over 73 runs of
``python -m benchmarks.estimate_error`` in which softmax takes long, and over 187 runs with four banks.
"""

import numpy as np

from tilewright.sim.graph.precision import CACHE_SCALE

from .machine import Machine, Number
from .room import network_bytes
from .traffic import Attention

MANY_BANKS = 8
"""Number of banks from which on units rarely need the same ports."""
WAITS, WAITS_OF_FEW_BANKS, WAITS_WITHOUT_ROOM = 0.3, 0.6, 0.95
"""Part of the softmax for which the array waits: with many banks, with few ones, and without room for two heads."""
LATE_KEYS = 0.7
"""Part of the delay by which new keys come late, with few banks, where a pass over them or their store waits for a port
that the product of queries holds: 145 of 187 runs have the delay, the others nothing of it, and this part makes the
largest error smallest."""
BYTES_OF_SCORES, BYTES_OF_SCALES = 14, 4 * CACHE_SCALE.scratchpad_bytes
"""Bytes of a position while the softmax of a head, and the scores of the next one, are computed: for each query head
sums twice and three results of passes; for all of them scales of keys and values twice."""


def softmax_waits(machine: Machine, attention: Attention) -> Number:
    """Return the part of the softmax of all heads and blocks but the last for which the array waits."""
    layer, scratchpad = attention.layer, machine.banks * machine.bank_bytes
    waits = np.where(machine.banks < MANY_BANKS, WAITS_OF_FEW_BANKS, WAITS)
    filled = attention.last_block * (BYTES_OF_SCORES * layer.group + BYTES_OF_SCALES) / scratchpad
    # Buffers of two heads fill about half of the scratchpad, or all of it.
    one_block = _between(waits, WAITS_OF_FEW_BANKS, filled, 0.4, 0.5)
    one_block = _between(one_block, WAITS_WITHOUT_ROOM, filled, 0.9, 1.0)
    if attention.one_block:
        return one_block
    # Blocks are small: the largest buffers are those of the network.
    filled = network_bytes(machine, layer) / scratchpad
    return np.where(attention.blocks > 1, _between(waits, WAITS_WITHOUT_ROOM, filled, 0.4, 0.6), one_block)


def _between(low: Number, high: Number, value: Number, first: float, last: float) -> Number:
    """Return a number that rises from low to high while a value rises from the first to the last."""
    return low + (high - low) * np.clip((value - first) / (last - first), 0.0, 1.0)
