"""One design for two uses: short and long contexts, of which the short ones are four times as frequent.

.venv/bin/python examples/explore_weighted_uses.py
"""

import tilewright as tw

USES = {8: 4, 64: 1}  # context: how often
SPACE = {
    "base": "tiny",
    "fields": {"vector.lanes": [4, 8], "clock_mhz": [400, 500]},
    "models": [{"model": "slate-132k", "context": context, "weight": often} for context, often in USES.items()],
    "objectives": {"edp_js": 1},
    "constraints": {"tokens_per_s": {"at_least": 1000}},
}

best = tw.explore([], SPACE).recommended
print("design:", ", ".join(f"{path} = {value}" for path, value in best.changes.items()))
for context, run in zip(USES, best.runs, strict=True):
    print(f"context {context:3}: {1 / run['seconds']:8,.0f} tokens/s, bound by {run['binding']}")
