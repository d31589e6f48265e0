"""Measures what INT8 costs a decoder in one place at a time, on benchmarks/story.txt: where a loss comes from.

    python -m benchmarks.decoder_losses MODEL --tokens 512
    python -m benchmarks.decoder_losses MODEL --tokens 512 --equalise

All else is float64. Each row rounds the numbers of one place to INT8, with a scale for each row of a product's input,
for each head of a token, and for each output of weights; the last row rounds all of them. With ``--equalise`` tensors
are equalised, and keys have offsets, as in ``tilewright run``. Prints the tables of docs/decoder-accuracy.md.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.lower.comparison import log_probabilities
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.llama import layer_name
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.models.reference import GATES, rms_norm, rotated, seen
from tilewright.mapping.precision.calibration import typical_tokens
from tilewright.mapping.precision.equalisation import equalised
from tilewright.sim.formats import stored

STORY = Path(__file__).parent / "story.txt"
WEIGHTS, HEAD_INPUT = "weights", "input of the head"
PLACES = (
    WEIGHTS, "input of queries, keys and values", "queries", "keys", "values", "probabilities", "input of o",
    "input of gate and up", "input of down", HEAD_INPUT,
)  # fmt: skip


class PartlyQuantised:
    """A decoder as in Llama in float64, with INT8 numbers in some places."""

    def __init__(self, model: DecoderConfig, tensors: Mapping[str, np.ndarray], places: Sequence[str]):
        self.model, self.tensors, self.places = model, tensors, places

    def logits(self, tokens: Sequence[int]) -> np.ndarray:
        """Return the logits after each token of a text, (tokens, vocabulary)."""
        x = embedded(self.model, self.tensors, tokens)
        for layer in range(self.model.num_hidden_layers):
            x = self._layer(layer, x)
        normed = rms_norm(self.tensors, llama.FINAL_NORM, x, self.model.rms_norm_eps)
        return self._product(llama.HEAD, self._in(HEAD_INPUT, normed))

    def _layer(self, layer: int, x: np.ndarray) -> np.ndarray:
        model, name, count = self.model, layer_name(layer), len(x)
        _, block, queries, keys, values, probabilities, mixed, network, down, _ = PLACES
        normed = self._in(block, rms_norm(self.tensors, name + llama.NORM, x, model.rms_norm_eps))
        query, key, value = (
            self._product(name + part, normed).reshape(count, -1, model.head_dim).transpose(1, 0, 2)
            for part in (llama.QUERY, llama.KEY, llama.VALUE)
        )
        rotary = model.rotary(layer, count)
        assert rotary is not None
        tables = rotary.tables(count, model.head_dim)
        query, key = rotated(query, *tables), rotated(key, *tables)
        if name + llama.KEY_OFFSETS in self.tensors:
            key = key + self.tensors[name + llama.KEY_OFFSETS][:, None]
        query, key, value = self._in(queries, query), self._in(keys, key), self._in(values, value)
        group = len(query) // len(key)
        found = []
        for head, each in enumerate(query):
            scores = np.where(seen(count, 0), each @ key[head // group].T * model.score_factor, -np.inf)
            shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
            shares /= shares.sum(axis=-1, keepdims=True)
            found.append(self._in(probabilities, shares) @ value[head // group])
        x = x + self._product(name + llama.OUTPUT, self._in(mixed, np.concatenate(found, axis=1)))
        normed = self._in(network, rms_norm(self.tensors, name + llama.SECOND_NORM, x, model.rms_norm_eps))
        gate, up = (self._product(name + part, normed) for part in (llama.GATE, llama.UP))
        return x + self._product(name + llama.DOWN, self._in(down, GATES[model.activation](gate) * up))

    def _product(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self._in(WEIGHTS, self.tensors[f"{name}.weight"].astype(np.float64)).T

    def _in(self, place: str, values: np.ndarray) -> np.ndarray:
        """Return values, rounded row by row if their place is one of those that have INT8 numbers."""
        if place not in self.places:
            return values
        scales = np.abs(values).max(axis=-1, keepdims=True) / stored.INT8.largest
        return np.rint(values / np.where(scales > 0, scales, 1)) * scales


def main() -> None:
    """Measure, and print a line for each place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--equalise", action="store_true", help="equalise the tensors as tilewright run does")
    options = parser.parse_args()
    try:
        checkpoint = read_model(options.model)
        model, tensors, tokenizer = checkpoint.model, checkpoint.tensors, checkpoint.tokenizer
        if model.model_type != "llama" or model.attention_bias or model.mlp_bias or tokenizer is None:
            raise ConfigError(f"{options.model}: there must be a Llama without biases, and its tokenizer")
        tokens = tokenizer.encode(STORY.read_text())[: options.tokens]
    except ConfigError as error:
        sys.exit(str(error))
    exact = log_probabilities(PartlyQuantised(model, tensors, ()).logits(tokens))
    if options.equalise:
        tensors = equalised(model, tensors, [typical_tokens(model, tokenizer)])
    print("| INT8 in | KL, nats | next token is the same, % |\n|---|---|---|")
    for name, places in [*((place, (place,)) for place in PLACES), ("all of them", PLACES)]:
        found = log_probabilities(PartlyQuantised(model, tensors, places).logits(tokens))
        kl = float((np.exp(exact) * (exact - found)).sum(axis=1).mean())
        same = float((exact.argmax(axis=1) == found.argmax(axis=1)).mean())
        print(f"| {name} | {kl:.5f} | {100 * same:.1f} |", flush=True)


if __name__ == "__main__":
    main()
