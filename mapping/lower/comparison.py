"""Comparison of a decoder in the accelerator's arithmetic with the float64 reference, on a text."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.reference import FloatDecoder, Tensors
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.precision import Precision

from .steps_decoder import CHUNK, StepsDecoder


@dataclass(frozen=True)
class Comparison:
    """Measures of a decoder against the float64 reference; both get every token of a text, whatever they choose."""

    tokens: int
    """Number of tokens of the text."""
    agreement: float
    """Part of the tokens after which both decoders find the same next token the most probable."""
    kl: float
    """Mean Kullback-Leibler divergence of the decoder's probabilities from the reference's, in nats."""
    perplexity: float
    """Exponential of the mean negative log-likelihood of the tokens of the text after the first."""
    float_perplexity: float
    """The same of the reference."""
    first_divergence: int | None
    """Position of the first token after which the most probable tokens differ; None if they never do."""
    layer_cosines: tuple[float, ...]
    """Mean cosine between the outputs of decoder and reference for a token, by layer."""

    def to_dict(self) -> dict[str, Any]:
        """Return the measures by name, as ``--json`` prints them."""
        return {**asdict(self), "layer_cosines": list(self.layer_cosines)}


def compare(
    model: DecoderConfig,
    tensors: Tensors,
    tokens: Sequence[int],
    arithmetic: AcceleratorConfig | Precision,
    *,
    quantised: Tensors | None = None,
    precision: Precision | None = None,
    context: int = 0,
    first: int | None = None,
) -> Comparison:
    """Return measures of a decoder in an accelerator's arithmetic, on a text.

    Parameters
    ----------
    tensors : mapping
        Tensors of the reference.
    arithmetic : AcceleratorConfig or Precision
        Arithmetic of the decoder, see :class:`.StepsDecoder`.
    quantised : mapping, optional
        Tensors of the decoder, by default those of the reference, such as :func:`.equalised` ones. Layers are compared
        with the reference that has these tensors.
    precision : Precision, optional
        Storage of an accelerator's numbers, see :class:`.StepsDecoder`.
    context : int
        Maximum number of positions; a longer text is measured in pieces. 0: the number for which the model was made.
    first : int, optional
        Token that begins every piece after the first piece, where a piece has lost the beginning of the text.

    Raises
    ------
    ValueError
        If the text has fewer than two tokens.
    """
    if len(tokens) < 2:
        raise ValueError(f"a text of {len(tokens)} tokens has no next token to predict")
    measures = _Measures(model.num_hidden_layers)
    for piece in _pieces(tokens, context or model.positions, first):
        exact = FloatDecoder(model, tensors, context=len(piece))
        turned = (
            exact if quantised is None or quantised is tensors else FloatDecoder(model, quantised, context=len(piece))
        )
        decoder = StepsDecoder(
            model, tensors if quantised is None else quantised, arithmetic, context=len(piece), precision=precision
        )
        for start in range(0, len(piece), CHUNK):
            chunk = piece[start : start + CHUNK]
            expected = exact.logits(chunk)
            if turned is not exact:
                turned.logits(chunk)
            found = decoder.logits(chunk)
            measures.add(expected, found, piece[start + 1 : start + 1 + len(chunk)])
            measures.add_layers(turned.layer_outputs, decoder.layer_outputs)
    return measures.result()


def _pieces(tokens: Sequence[int], context: int, first: int | None) -> Iterator[list[int]]:
    """Yield a text in pieces of at most ``context`` tokens."""
    begin = [] if first is None else [first]
    start = 0
    while start < len(tokens):
        before = begin if start else []
        piece = list(tokens[start : start + context - len(before)])
        start += len(piece)
        yield before + piece


class _Measures:
    """Sums over the tokens of a text."""

    def __init__(self, layers: int):
        self.tokens, self.predicted, self.same = 0, 0, 0
        self.divergence, self.loss, self.float_loss = 0.0, 0.0, 0.0
        self.first: int | None = None
        self.cosines = np.zeros(layers)

    def add(self, exact: np.ndarray, found: np.ndarray, following: Sequence[int]) -> None:
        """Add the logits of some tokens; the last token of a text is followed by none."""
        wanted, got = log_probabilities(exact), log_probabilities(found)
        same = exact.argmax(axis=1) == found.argmax(axis=1)
        if self.first is None and not same.all():
            self.first = self.tokens + int(same.argmin())
        self.same += int(same.sum())
        self.divergence += float((np.exp(wanted) * (wanted - got)).sum())
        rows = np.arange(len(following))
        self.loss -= float(got[rows, list(following)].sum())
        self.float_loss -= float(wanted[rows, list(following)].sum())
        self.tokens += len(exact)
        self.predicted += len(following)

    def add_layers(self, exact: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> None:
        """Add the outputs of every layer for the same tokens."""
        for layer, (a, b) in enumerate(zip(exact, found, strict=True)):
            lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
            self.cosines[layer] += float(((a * b).sum(axis=1) / lengths).sum())

    def result(self) -> Comparison:
        """Return the means."""
        return Comparison(
            tokens=self.tokens,
            agreement=self.same / self.tokens,
            kl=self.divergence / self.tokens,
            perplexity=float(np.exp(self.loss / self.predicted)),
            float_perplexity=float(np.exp(self.float_loss / self.predicted)),
            first_divergence=self.first,
            layer_cosines=tuple((self.cosines / self.tokens).tolist()),
        )


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the natural logarithms of the probabilities that rows of logits stand for."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
