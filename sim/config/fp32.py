"""Latencies of FP32 arithmetic units in cycles, which hardware and exact models both need."""

MULTIPLY, ADD = 4, 5
"""Cycles of an FP32 multiplication and of an FP32 addition; a register follows their rounding."""
