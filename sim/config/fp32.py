"""Latencies of FP32 units, in cycles: hardware and cycle models both build on them."""

MULTIPLY, ADD = 4, 5
"""Of a product and of a sum, with a register behind their rounding."""
