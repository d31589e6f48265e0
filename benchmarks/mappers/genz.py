"""Runs in GenZ's environment: the time of one token of Llama-3.2-1B with INT4 weights, in milliseconds."""

import json
import sys

from GenZ import decode_moddeling

work = json.loads(sys.argv[1])
SYSTEM = {"real_values": True, "Flops": 65.5, "Memory_size": 16, "Memory_BW": work["gb_per_s"], "ICN": 1, "ICN_LL": 1}
result = decode_moddeling(
    model="meta-llama/Llama-3.2-1B", batch_size=1, Bb=1, input_tokens=work["context"], output_tokens=0,
    system_name=SYSTEM, bits="int4",
)  # fmt: skip
print(json.dumps({"milliseconds": result["Latency"]}))
