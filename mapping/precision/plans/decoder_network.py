"""A decoder whose matrices are to be rounded."""

from collections.abc import Sequence

import numpy as np

from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.reference import OnInput, Tensors, decoder_layer, logits_of, rms_norm
from tilewright.mapping.models.tensors import tensor_shapes

from .network import Network, Product

PARTS = (llama.QUERY, llama.KEY, llama.VALUE, llama.OUTPUT, llama.GATE, llama.UP, llama.DOWN)


class DecoderNetwork(Network):
    """A decoder. States are a list of (tokens, hidden) arrays, outputs a list of the logarithms of probabilities."""

    def __init__(self, name: str, model: DecoderConfig, tensors: Tensors):
        super().__init__(name, tensors, decoder_products(model), model.num_hidden_layers)
        self.model = model

    @property
    def embedding_weights(self) -> int:
        return self.model.vocab_size * self.model.hidden_size

    def begin(self, texts: Sequence[Sequence[int]]) -> list[np.ndarray]:
        return [embedded(self.model, self.tensors, text) for text in texts]

    def layer(
        self, index: int, tensors: Tensors, states: list[np.ndarray], on_input: OnInput | None
    ) -> list[np.ndarray]:
        held = self._in_float64(tensors, index)
        name = llama.layer_name(index)
        return [
            decoder_layer(self.model, held, name, x, layer=index, context=len(x), on_input=on_input) for x in states
        ]

    def end(self, tensors: Tensors, states: list[np.ndarray], on_input: OnInput | None) -> list[np.ndarray]:
        held, model = self._in_float64(tensors, None), self.model
        normed = [rms_norm(held, llama.FINAL_NORM, x, model.rms_norm_eps) for x in states]
        return [log_probabilities(logits_of(model, held, x, on_input)) for x in normed]

    def loss(self, expected: list[np.ndarray], found: list[np.ndarray]) -> float:
        """Return the mean Kullback-Leibler divergence in nats."""
        lost = sum(float((np.exp(a) * (a - b)).sum()) for a, b in zip(expected, found, strict=True))
        return lost / sum(map(len, expected))

    def measures(
        self, texts: Sequence[Sequence[int]], expected: list[np.ndarray], found: list[np.ndarray]
    ) -> dict[str, float]:
        """Return perplexity, its ratio to that of float64, divergence, and the share of equal next tokens."""
        same = [(a.argmax(axis=1) == b.argmax(axis=1)) for a, b in zip(expected, found, strict=True)]
        reference, perplexity = _perplexity(texts, expected), _perplexity(texts, found)
        return {
            "perplexity": perplexity,
            "float_perplexity": reference,
            "perplexity_ratio": perplexity / reference,
            "kl": self.loss(expected, found),
            "agreement": float(np.concatenate(same).mean()),
        }

    def _in_float64(self, tensors: Tensors, index: int | None) -> Tensors:
        """Return tensors in which the weights of a layer are float64, so that they are not converted for each text."""
        weights = {each.tensor: tensors[each.tensor].astype(np.float64, copy=False) for each in self.of_layer(index)}
        return {**tensors, **weights}


def decoder_products(model: DecoderConfig) -> list[Product]:
    """Return the products of a decoder whose weights may be rounded, layer by layer, and that of its head."""
    shapes = tensor_shapes(model)
    layers = range(model.num_hidden_layers)
    names = [(layer, part, llama.layer_name(layer, part)) for layer in layers for part in PARTS]
    return [
        Product(each, part, layer, *shapes[f"{each}.weight"])
        for layer, part, each in [*names, (None, llama.HEAD, llama.HEAD)]
    ]


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the natural logarithms of probabilities in place of logits."""
    logits -= logits.max(axis=-1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return logits


def _perplexity(texts: Sequence[Sequence[int]], found: Sequence[np.ndarray]) -> float:
    lost = [rows[np.arange(len(text) - 1), text[1:]] for text, rows in zip(texts, found, strict=True)]
    return float(np.exp(-np.concatenate(lost).mean()))
