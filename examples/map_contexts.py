"""How the rate of decoding falls as the context grows, on two systems that differ in bandwidth.

.venv/bin/python examples/map_contexts.py
"""

import tilewright as tw

base = tw.load_system("edge-int4")
half = base.with_(**{"memory.bandwidth_mb_per_s": base.memory.bandwidth_mb_per_s // 2})

print(f"{'context':>8} {'51.2 GB/s':>16} {'25.6 GB/s':>16}")
for context in (1, 1024, 4096, 8192, 16384):
    rates = []
    for system in (base, half):
        result = tw.map("llama-3.2-1b", system, context=context)
        rates.append(f"{result.tokens_per_s:6.1f} ({result.bound_fraction:.1%})")
    print(f"{context:>8} {rates[0]:>16} {rates[1]:>16}")
