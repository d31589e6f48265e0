"""A classifier of pictures whose matrices are to be rounded; its texts are pictures with their classes."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_bytes
from tilewright.mapping.models.classifier import AT_A_TIME, Classifier
from tilewright.mapping.models.classifier import Product as Weighted
from tilewright.mapping.models.reference import OnInput, Tensors

from .decoder_network import log_probabilities
from .network import Network, Product
from .texts import PARTS, Texts, disjoint

MAX_BYTES = 1 << 30
ENDING = ".onnx"
"""End of the name of a classifier's file."""
Labelled = tuple[np.ndarray, np.ndarray]
"""Pictures, of any shape each, and their classes."""


class ClassifierNetwork(Network):
    """A classifier. A text is the hash of a picture and its class; outputs are logarithms of probabilities.

    Each plain product is a layer, with the operations before it. Convolutions in groups, such as depth-wise ones, are
    no products of the NPE: their weights stay as they are, and count as embeddings do.

    Parameters
    ----------
    pictures : mapping
        Elements of pictures by their hashes.
    """

    def __init__(self, name: str, classifier: Classifier, pictures: Mapping[str, np.ndarray]):
        plain = [each for each in classifier.products if each.plain]
        products = [Product(each.name, each.name, index, *each.weights.shape) for index, each in enumerate(plain)]
        tensors = {f"{each.name}.weight": each.weights for each in plain}
        super().__init__(name, tensors, products, len(plain))
        self.classifier, self.pictures = classifier, pictures
        ends = [1 + classifier.operations.index(each) for each in plain]
        self.parts = [classifier.operations[first:end] for first, end in zip([0, *ends], ends, strict=False)]
        self.rest = classifier.operations[ends[-1] :]

    @property
    def embedding_weights(self) -> int:
        return self.classifier.weights - sum(each.weights for each in self.products)

    def begin(self, texts: Sequence[Sequence[str | int]]) -> dict[str, np.ndarray]:
        return self.classifier.begin(np.array([self.pictures[str(text[0])] for text in texts]))

    def layer(
        self, index: int, tensors: Tensors, states: dict[str, np.ndarray], on_input: OnInput | None
    ) -> dict[str, np.ndarray]:
        *before, product = self.parts[index]
        assert isinstance(product, Weighted)
        weights = tensors[f"{product.name}.weight"].astype(np.float64)

        def rounded(each: Weighted, rows: np.ndarray) -> np.ndarray:
            if on_input is None:
                return rows
            return on_input(each.name, rows.reshape(-1, rows.shape[-1])).reshape(rows.shape)

        found = []
        for first in range(0, len(next(iter(states.values()))), AT_A_TIME):
            some = {name: each[first : first + AT_A_TIME] for name, each in states.items()}
            self.classifier.run([*before, product], some, rounded, {product.name: replace(product, weights=weights)})
            found.append(some)
        return {name: np.concatenate([each[name] for each in found]) for name in found[0]}

    def end(self, tensors: Tensors, states: dict[str, np.ndarray], on_input: OnInput | None) -> np.ndarray:
        states = dict(states)
        self.classifier.run(self.rest, states)
        return log_probabilities(self.classifier.end(states).copy())

    def loss(self, expected: np.ndarray, found: np.ndarray) -> float:
        """Return the mean Kullback-Leibler divergence in nats."""
        return float((np.exp(expected) * (expected - found)).sum(axis=1).mean())

    def measures(
        self, texts: Sequence[Sequence[str | int]], expected: np.ndarray, found: np.ndarray
    ) -> dict[str, float]:
        """Return the share of right answers, that in float64, divergence, and the share of equal answers."""
        classes = np.array([text[1] for text in texts])
        return {
            "right": float((found.argmax(axis=1) == classes).mean()),
            "float_right": float((expected.argmax(axis=1) == classes).mean()),
            "kl": self.loss(expected, found),
            "agreement": float((expected.argmax(axis=1) == found.argmax(axis=1)).mean()),
        }


def read_pictures(files: Mapping[str, Path | None]) -> dict[str, Labelled]:
    """Return pictures and classes of files of numpy for calibration, selection and test.

    Raises
    ------
    ConfigError
        If a file is not named, cannot be read, or has no pictures with a class for each.
    """
    found = {}
    for part in PARTS:
        path = files.get(part)
        if path is None:
            raise ConfigError(
                f"{part} is missing: a classifier needs a file of numpy (.npz) with `pictures` and `classes`"
            )
        try:
            with np.load(io.BytesIO(read_bytes(path, MAX_BYTES)), allow_pickle=False) as kept:
                pictures, classes = np.asarray(kept["pictures"], np.float64), np.asarray(kept["classes"], np.float64)
        except ConfigError:
            raise
        except Exception as error:  # zip files and numpy's format fail in many ways
            raise ConfigError(f"{part} {path}: cannot be read as `pictures` and `classes` of numpy: {error}") from error
        if pictures.ndim < 2 or not len(pictures) or classes.shape != (len(pictures),):
            raise ConfigError(
                f"{part} {path}: pictures of shape {list(pictures.shape)} and classes of shape {list(classes.shape)} "
                "are not allowed: pictures, and a class for each"
            )
        if not np.isfinite(pictures).all():
            raise ConfigError(f"{part} {path}: elements must be finite")
        found[part] = pictures, classes
    return found


def texts_of(parts: Mapping[str, Labelled], classifier: Classifier) -> tuple[Texts, dict[str, np.ndarray]]:
    """Return the texts of a classifier, and its pictures by their hashes.

    Raises
    ------
    ConfigError
        If pictures have another size, a class is none of the classifier's, or a picture is in two parts.
    """
    texts: dict[str, tuple[tuple[str, int], ...]] = {}
    table: dict[str, np.ndarray] = {}
    for part, (pictures, classes) in parts.items():
        sizes = (classifier.shape, (classifier.inputs,))
        if pictures.shape[1:] not in sizes:
            raise ConfigError(
                f"{part}: pictures of shape {list(pictures.shape[1:])} are not allowed: {list(classifier.shape)}, or "
                f"rows of {classifier.inputs} elements"
            )
        if not np.isin(classes, np.arange(classifier.classes)).all():
            raise ConfigError(f"{part}: classes must be 0 to {classifier.classes - 1}")
        hashes = [hashlib.sha256(each.tobytes()).hexdigest() for each in pictures]
        table |= {name: each.ravel() for name, each in zip(hashes, pictures, strict=True)}
        texts[part] = tuple((name, int(kind)) for name, kind in zip(hashes, classes, strict=True))
    return disjoint(Texts(**texts)), table  # type: ignore[arg-type]
