"""Results as `tilewright synth` writes them, with chosen figures."""

REST_OF_SYNTH = {
    "power_clock_mhz": 100,
    "power_activity": 0.1,
    "primitives": {},
    "tools": {},
    "liberty": None,
    "missing": [],
}
"""Fields of a result that no comparison shows."""


def synth(**figures: float | None) -> dict:
    """Return the fields that a comparison shows; figures that are not given are missing."""
    keys = ("lut", "ff", "cells", "area_um2", "path_ns", "power_uw")
    return {
        "block": "posit-adder",
        "configuration": {"format": "posit8_0", "a": {"b": [1, 2]}},
        **dict.fromkeys(keys),
        **figures,
    }
