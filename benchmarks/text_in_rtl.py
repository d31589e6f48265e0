"""Lets a model write after fixed prompts in RTL, and prints what was compared with the exact model.

.venv/bin/python -m benchmarks.text_in_rtl path/to/stories260k small 64

The prompts were fixed before the first run. The exit status is 1 if a byte or a cycle differs.
"""

import os
import sys

import tilewright as tw
from tilewright.cocotb_tests.harness.fork_server import end_servers

PROMPTS = (
    "Once upon a time",
    "The little dog",
    "Lily and Ben went",
    "One day, a bird",
    "Tom was sad because",
)
USAGE = "usage: python -m benchmarks.text_in_rtl MODEL SYSTEM TOKENS"


def main(model: str, system: str, tokens: int) -> int:
    """Write a text after each prompt; return the exit status."""
    texts = []
    print("| prompt | tokens | programs | RTL cycles | model cycles | bytes that differ | CPU-s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for prompt in PROMPTS:
        begin = cpu_seconds()
        text = tw.generate_text(model, prompt, system=system, tokens=tokens, rtl=True)
        seconds = cpu_seconds() - begin
        texts.append(text)
        print(
            f"| {prompt} | {len(text.tokens)} | {len(text.programs)} | {text.rtl_cycles:,} | {text.model_cycles:,} | "
            f"{text.mismatches:,} | {seconds:.0f} |",
            flush=True,
        )
    for text in texts:
        print(f"\n{text.prompt}{text.text}")
    return int(not all(text.passed for text in texts))


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its simulations, which end."""
    end_servers()
    return sum(os.times()[:4])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(USAGE)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
