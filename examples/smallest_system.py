"""The smallest change of a system for each of several rates, until a rate is beyond what any description allows.

.venv/bin/python examples/smallest_system.py
"""

import tilewright as tw

rate = 16000.0
while True:
    try:
        found = tw.require("slate-132k", "tiny", tokens_per_s=rate, context=32)
    except tw.ConfigError as error:
        print(f"{rate:,.0f} tokens/s: {error}")
        break
    changes = ", ".join(f"{path} = {value}" for path, value in found.changes.items())
    print(f"{rate:,.0f} tokens/s: {found.result.tokens_per_s:,.0f} with {changes or 'the system as it is'}")
    rate *= 2
