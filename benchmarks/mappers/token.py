"""One token of Llama-3.2-1B on the exact model: the work that GenZ estimates, compiled and run.

python -m benchmarks.mappers.token '{"context": 1024}'
"""

import json
import sys

import tilewright as tw

if __name__ == "__main__":
    work = json.loads(sys.argv[1])
    result = tw.map("llama-3.2-1b", "edge-int4", context=work["context"])
    print(json.dumps({"milliseconds": 1e3 * result.seconds, "cycles": result.cycles}))
