"""Explores a space with a study on disk and two processes, writes its page, and asks what would improve the best one.

.venv/bin/python examples/explore_and_improve.py [FOLDER]

Started again after an interruption, it goes on where it was.
"""

import sys
from pathlib import Path

import tilewright as tw

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/improve")
folder.mkdir(parents=True, exist_ok=True)
space = {
    "base": "tiny",
    "fields": {"memory.latency_ns": [50, 100], "fabric.outstanding": [1, 4]},
    "objectives": {"latency_s": 1},
}
result = tw.explore("slate-132k", space, context=32, study=folder / "tiny.study", workers=2)
for file in result.write(folder):
    print("wrote", file.name)

best = result.system(result.recommended)
print(f"{best.name}: {result.recommended.objectives['tokens_per_s']:,.0f} tokens/s")
for change in tw.suggest(best, "slate-132k", context=32, workers=2).best:
    print(f"  {change.name}: {change.faster - 1:+.1%} tokens/s")
