"""Names of what can be generated and co-simulated; nothing is imported for them."""

BLOCKS = {
    "cim-tile": "CIM tile: a grid of bit-serial macros, input buffer, accumulators, streams",
}
"""Blocks of ``tilewright generate`` and what they are."""

COSIMS = {
    "cim-tile": "CIM tile against numpy and the exact cycle model, over shapes and memory timings",
}
"""Co-simulations of ``tilewright cosim`` and what they compare."""
