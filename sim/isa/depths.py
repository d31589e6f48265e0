"""Depths and latencies that no description sets, on which gateware and exact models both build."""

from tilewright.sim.config.fp32 import ADD

CHECK = 3
"""Cycles for which the command processor checks a command."""
LOADS = 8
"""Maximum number of loads in flight."""
STORE_BEATS = 8
"""Number of beats of a store that are assembled ahead of the bus."""

START = 3
"""Cycles from the acceptance of a command by the vector unit to its first address."""
INTERVAL = ADD
"""Number of partial sums of a row: one for each addition that is under way."""

B_PANELS = 3
"""Number of panels of B in the NPE: the array uses one, one is loaded, and requests for one are on their way."""
CHUNKS_AHEAD = 4
"""Number of chunks of K that can be requested before the array has finished the first of them."""
PARAMETER_SLOTS = 4
"""Number of output tiles whose parameters fit on chip: as many as are between loader and epilogue when they are
short."""
OUTPUT_SLOTS = 4
"""Number of output tiles whose results fit on chip: one is read out of the array, one or two are in the epilogue, one
is stored."""
