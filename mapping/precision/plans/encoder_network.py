"""An encoder of sentences whose matrices are to be rounded."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tilewright.mapping.models import bert, minilm
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.reference import OnInput, Tensors, encoder_layer
from tilewright.mapping.precision.smoothing import smoothing_factors

from .network import Network, Product

PARTS = (bert.QUERY, bert.KEY, bert.VALUE, bert.OUTPUT, bert.UP, bert.DOWN)


class Tokens(NamedTuple):
    """Tokens of all texts after each other."""

    values: np.ndarray
    """Row of each token, (tokens, hidden)."""
    texts: tuple[slice, ...]
    """Rows of each text."""


class EncoderNetwork(Network):
    """An encoder of sentences: states are :class:`Tokens`, outputs an embedding of length 1 for each sentence."""

    def __init__(self, name: str, model: BertConfig, tensors: Mapping[str, np.ndarray]):
        hidden, ffn = model.hidden_size, model.intermediate_size
        sizes = dict.fromkeys(PARTS, (hidden, hidden)) | {bert.UP: (ffn, hidden), bert.DOWN: (hidden, ffn)}
        layers = range(model.num_hidden_layers)
        products = [
            Product(bert.layer_name(layer, part), part, layer, *sizes[part]) for layer in layers for part in PARTS
        ]
        super().__init__(name, tensors, products, len(layers))
        self.model = model

    @classmethod
    def minilm(cls) -> "EncoderNetwork":
        """Return the network of all-MiniLM-L6-v2.

        Raises
        ------
        ConfigError
            If its package is not installed.
        """
        tensors = {name: np.asarray(each) for name, each in minilm.load_tensors().items() if each.dtype.kind == "f"}
        layers = {name: each.astype(np.float64) for name, each in tensors.items() if name.startswith("encoder.layer.")}
        return cls(minilm.NAME, minilm.CONFIG, {**tensors, **layers})

    def smoothed(self, texts: Sequence[Sequence[int]]) -> "tuple[EncoderNetwork, dict[str, np.ndarray]]":
        """Return the network with weights that are divided by the factors of :mod:`.smoothing`, and these factors."""
        states = self.begin(texts)
        found = smoothing_factors(self.model, self.tensors, [states.values[rows] for rows in states.texts])
        tensors, factors = dict(self.tensors), {}
        for layer in range(self.layers):
            for source, parts in ((bert.ATTENTION, (bert.QUERY, bert.KEY, bert.VALUE)), (bert.UP, (bert.UP,))):
                for name in (bert.layer_name(layer, part) for part in parts):
                    factors[name] = found[bert.layer_name(layer, source)]
                    tensors[f"{name}.weight"] = tensors[f"{name}.weight"] / factors[name]
        return EncoderNetwork(self.name, self.model, tensors), factors

    @property
    def embedding_weights(self) -> int:
        return sum(each.size for name, each in self.tensors.items() if "_embeddings." in name)

    def begin(self, texts: Sequence[Sequence[int]]) -> Tokens:
        ends = np.cumsum([len(text) for text in texts])
        rows = tuple(slice(int(end) - len(text), int(end)) for text, end in zip(texts, ends, strict=True))
        return Tokens(np.concatenate([minilm.embed(self.tensors, list(text)) for text in texts]), rows)

    def layer(self, index: int, tensors: Tensors, states: Tokens, on_input: OnInput | None) -> Tokens:
        name = bert.layer_name(index)
        values = encoder_layer(self.model, tensors, name, states.values, texts=states.texts, on_input=on_input)
        return Tokens(values, states.texts)

    def end(self, tensors: Tensors, states: Tokens, on_input: OnInput | None) -> np.ndarray:
        return np.stack([minilm.sentence_embedding(states.values[rows]) for rows in states.texts])

    def loss(self, expected: np.ndarray, found: np.ndarray) -> float:
        """Return 1 - the mean cosine."""
        return 1 - float((expected * found).sum(axis=1).mean())

    def measures(self, texts: Sequence[Sequence[int]], expected: np.ndarray, found: np.ndarray) -> dict[str, float]:
        """Return mean, first percentile and least cosine, and the rank correlation of the similarities of all pairs."""
        cosines = (expected * found).sum(axis=1)
        pairs = np.triu_indices(len(expected), 1)
        return {
            "cosine_mean": float(cosines.mean()),
            "cosine_p1": float(np.percentile(cosines, 1)),
            "cosine_least": float(cosines.min()),
            "rank_correlation": _rank_correlation((expected @ expected.T)[pairs], (found @ found.T)[pairs]),
        }


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's correlation of numbers among which none is there twice."""
    return float(np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1])
