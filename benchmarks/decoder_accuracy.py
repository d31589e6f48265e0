"""Measures what INT8 weights and activations cost a decoder, and what equalisation gains, on benchmarks/story.txt.

    python -m benchmarks.decoder_accuracy MODEL --tokens 917

MODEL is a folder or file with weights and a tokenizer. The first tokens of the story are measured, in pieces of at most
the positions of the model; factors and offsets come from the tokens that follow, 511 at most. Prints the tables of
docs/decoder-accuracy.md, row by row.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.comparison import compare
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.precision.calibration import typical_tokens
from tilewright.mapping.precision.equalisation import MORE_PARTS, PARTS, equalised
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision

STORY = Path(__file__).parent / "story.txt"
CALIBRATION = 511
"""Maximum number of tokens after the measured ones that are run to find factors and offsets."""
LEAST = 256
"""Minimum number of these."""
HEADINGS = (
    "INT8 weights and activations", "agreement, %", "KL, nats", "perplexity", "against float64, %",
    "first other token", "cosine, last layer",
)  # fmt: skip


KEY_OFFSETS = Precision(key_offsets=True)
ATTENTION = replace(KEY_OFFSETS, attention=stored.FP32, key_scale=stored.FP32)
FINER = replace(ATTENTION, parts=PARTS)
"""Precision of ``tilewright run`` on arrays with INT8 weights, apart from the accelerator."""
FINEST = replace(FINER, activations=stored.FP32, parts=MORE_PARTS)
"""The same of ``tilewright run --finest``."""


@dataclass(frozen=True)
class Row:
    """A row of the table: parts of the equalisation, and the storage of numbers."""

    name: str
    parts: dict[str, Any] | None = None
    """Options of :func:`.equalised`; None: the tensors as they are."""
    typical: bool = False
    """Whether factors and offsets come from the typical texts of ``tilewright run``."""
    precision: Precision = KEY_OFFSETS


ROWS = (
    Row("as they are", precision=Precision()),
    Row("columns after norms", {"networks": False, "offsets": False, "pairs": False}, precision=Precision()),
    Row("columns after norms and in networks", {"offsets": False, "pairs": False}, precision=Precision()),
    Row("offsets of keys", {"norms": False, "networks": False, "pairs": False}),
    Row("these three", {"pairs": False}),
    Row("these three and pairs", {}),
    Row("all four, strength 0.3", {"strength": 0.3}),
    Row("all four, strength 0.5", {"strength": 0.5}),
    Row("all four, FP32 before and after rotary embedding, of scores and of scales of keys", {}, precision=ATTENTION),
    Row("all four, `down` and the head in four parts", {}, precision=replace(KEY_OFFSETS, parts=PARTS)),
    Row("all of it", {}, precision=FINER),
    Row("all of it, all activations FP32", {}, precision=replace(FINER, activations=stored.FP32)),
    Row("all of it, all inputs but that of `o` in parts", {}, precision=replace(FINER, parts=MORE_PARTS)),
    Row("both, the finest", {}, precision=FINEST),
    Row("all of it, found as tilewright run does", {}, typical=True, precision=FINER),
    Row("the finest, found as tilewright run --finest does", {}, typical=True, precision=FINEST),
)


def main() -> None:
    """Measure, and print a line for each row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--tokens", type=int, default=917)
    parser.add_argument("--rows", default="", help="numbers of the rows, from 1, with commas; by default all")
    options = parser.parse_args()
    try:
        checkpoint = read_model(options.model)
    except ConfigError as error:
        sys.exit(str(error))
    tokenizer = checkpoint.tokenizer
    assert tokenizer is not None, f"{options.model} has no tokenizer"
    story = tokenizer.encode(STORY.read_text())
    if len(story) < options.tokens + LEAST:
        sys.exit(f"--tokens {options.tokens} is not allowed: the story has {len(story)}, and {LEAST} are kept back")
    text, rest = story[: options.tokens], story[options.tokens : options.tokens + CALIBRATION]
    begins = tokenizer.encode("")
    begin = begins[0] if begins else None
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    chosen = [int(number) - 1 for number in options.rows.split(",")] if options.rows else range(len(ROWS))
    for row in (ROWS[number] for number in chosen):
        start = time.process_time()
        typical = typical_tokens(checkpoint.model, tokenizer) if row.typical else begins + rest
        tensors = None if row.parts is None else equalised(checkpoint.model, checkpoint.tensors, [typical], **row.parts)
        found = compare(checkpoint.model, checkpoint.tensors, text, row.precision, quantised=tensors, first=begin)
        ratio = 100 * (found.perplexity / found.float_perplexity - 1)
        cells = (
            row.name, f"{100 * found.agreement:.1f}", f"{found.kl:.5f}", f"{found.perplexity:.4f}", f"{ratio:+.2f}",
            found.first_divergence, f"{found.layer_cosines[-1]:.5f}",
        )  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        print(f"{row.name}: {time.process_time() - start:.0f} CPU-s", file=sys.stderr)


if __name__ == "__main__":
    main()
