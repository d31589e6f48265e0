"""What models and hardware have to know of AXI4."""

PAGE_BYTES = 4096
"""No burst crosses a multiple of this (AXI4, A3.4.1)."""
