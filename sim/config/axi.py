"""Rules of AXI4 that hardware and exact model share."""

PAGE_BYTES = 4096
"""Size of an AXI4 page in bytes; no burst crosses a multiple of it (AXI4, A3.4.1)."""
