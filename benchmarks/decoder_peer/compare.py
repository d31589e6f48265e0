"""Compares the float64 reference of a decoder with CTranslate2, a runtime by others, on benchmarks/story.txt.

    python3 -m venv peervenv && peervenv/bin/pip install ctranslate2
    python -m benchmarks.decoder_peer.compare MODEL --peer peervenv/bin/python --tokens 256

The runtime has an environment of its own, outside the checkout, gets the same tensors, and computes in float32. Any
decoder as in Llama without scaling of rotary embedding can be compared. Prints the largest difference of a logit, the
largest logit, and the number of tokens after which both find another next token the most probable; the exit status is
1 if the difference is more than ``LARGEST`` of the largest logit.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.readers import Checkpoint, read_model
from tilewright.mapping.models.reference import FloatDecoder

STORY = Path(__file__).parents[1] / "story.txt"
RUNTIME = Path(__file__).with_name("runtime.py")
LARGEST = 1e-4
"""Largest difference that the rounding of float32 may explain, as a part of the largest logit."""
FIELDS = (
    "vocab_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "rope_theta",
    "rms_norm_eps",
)  # fmt: skip
"""Fields of the description that the runtime takes."""


def main() -> int:
    """Compare, and print a line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--peer", type=Path, required=True, help="interpreter of the runtime's environment")
    parser.add_argument("--tokens", type=int, default=256)
    options = parser.parse_args()
    try:
        checkpoint = read_model(options.model)
        if not isinstance(checkpoint.model, LlamaConfig) or checkpoint.model.rope_scaling or not checkpoint.tokenizer:
            raise ConfigError(f"{options.model}: there must be a Llama without rope_scaling, and its tokenizer")
        tokens = checkpoint.tokenizer.encode(STORY.read_text())[: options.tokens]
    except ConfigError as error:
        sys.exit(str(error))
    expected = FloatDecoder(checkpoint.model, checkpoint.tensors, context=len(tokens)).logits(tokens)
    found = of_the_runtime(checkpoint, tokens, options.peer)
    difference, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    others = int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())
    print(
        f"{options.model.name}: {len(tokens)} tokens, logits up to {largest:.2f}, largest difference {difference:.2e}, "
        f"another token after {others}"
    )
    return int(difference > LARGEST * largest)


def of_the_runtime(checkpoint: Checkpoint, tokens: list[int], peer: Path) -> np.ndarray:
    """Return the logits of the runtime, (tokens, vocabulary)."""
    with TemporaryDirectory(prefix="tilewright-") as name:
        folder = Path(name)
        fields = {field: getattr(checkpoint.model, field) for field in FIELDS}
        (folder / "decoder.json").write_text(json.dumps({**fields, "tokens": tokens}))
        np.savez(folder / "decoder.npz", **dict(checkpoint.tensors))
        # Isolated: the runtime's environment alone.
        subprocess.run([peer, "-I", RUNTIME, folder], check=True)
        return np.load(folder / "logits.npy")


if __name__ == "__main__":
    sys.exit(main())
