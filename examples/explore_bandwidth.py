"""Finds which memory a small writer of texts is worth: the front of bandwidth, bus and clock, and what each waits for.

.venv/bin/python examples/explore_bandwidth.py
"""

import tilewright as tw

SPACE = {
    "base": "tiny",
    "fields": {
        "memory.bandwidth_mb_per_s": [1600, 3200],
        "fabric.bus_bits": {"from": 32, "to": 128, "powers_of": 2},
        "cim.tile.weight_bus_bits": "fabric.bus_bits",
    },
}

result = tw.explore("slate-132k", SPACE, context=32)
print(f"{result.legal} legal designs, {result.candidates} run, estimates at most {result.error.worst:.1%} off")
for point in result.front:
    waits = ", ".join(f"{gain.resource} {gain.share:.0%}" for gain in point.gains)
    print(
        f"{point.objectives['tokens_per_s']:8,.0f} tokens/s {point.objectives['tokens_per_j']:8,.0f} tokens/J: {waits}"
    )
print("recommended:", result.recommended.changes)
