"""A classifier of pictures whose matrices are to be rounded; its texts are pictures with their classes."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_bytes
from tilewright.mapping.models.classifier import Classifier
from tilewright.mapping.models.reference import OnInput, Tensors

from .decoder_network import log_probabilities
from .network import Network, Product
from .texts import PARTS, Texts, disjoint

MAX_BYTES = 1 << 30
ENDING = ".onnx"
"""End of the name of a classifier's file."""


class ClassifierNetwork(Network):
    """A classifier. A text is the elements of a picture and its class; outputs are logarithms of probabilities."""

    def __init__(self, name: str, classifier: Classifier):
        products = [
            Product(each.name, each.name, index, *each.weights.shape) for index, each in enumerate(classifier.layers)
        ]
        tensors = {f"{each.name}.weight": each.weights for each in classifier.layers}
        super().__init__(name, tensors, products, len(classifier.layers))
        self.classifier = classifier

    @property
    def embedding_weights(self) -> int:
        return 0

    def begin(self, texts: Sequence[Sequence[float]]) -> np.ndarray:
        return np.array([text[:-1] for text in texts])

    def layer(self, index: int, tensors: Tensors, states: np.ndarray, on_input: OnInput | None) -> np.ndarray:
        layer = self.classifier.layers[index]
        rows = layer.patches.of(states) if layer.patches else states[:, None, :]
        flat = rows.reshape(-1, rows.shape[-1])
        flat = on_input(layer.name, flat) if on_input else flat
        y = flat @ tensors[f"{layer.name}.weight"].T.astype(np.float64) + layer.bias
        return (np.maximum(y, 0) if layer.relu else y).reshape(len(states), -1)

    def end(self, tensors: Tensors, states: np.ndarray, on_input: OnInput | None) -> np.ndarray:
        return log_probabilities(states.copy())

    def loss(self, expected: np.ndarray, found: np.ndarray) -> float:
        """Return the mean Kullback-Leibler divergence in nats."""
        return float((np.exp(expected) * (expected - found)).sum(axis=1).mean())

    def measures(self, texts: Sequence[Sequence[float]], expected: np.ndarray, found: np.ndarray) -> dict[str, float]:
        """Return the share of right answers, that in float64, divergence, and the share of equal answers."""
        classes = np.array([text[-1] for text in texts])
        return {
            "right": float((found.argmax(axis=1) == classes).mean()),
            "float_right": float((expected.argmax(axis=1) == classes).mean()),
            "kl": self.loss(expected, found),
            "agreement": float((expected.argmax(axis=1) == found.argmax(axis=1)).mean()),
        }


def pictures_of(files: Mapping[str, Path | None], classifier: Classifier) -> Texts:
    """Return the pictures of files of numpy for calibration, selection and test.

    Raises
    ------
    ConfigError
        If a file is not named, cannot be read, or has other pictures than the classifier takes.
    """
    found = {}
    for part in PARTS:
        path = files.get(part)
        if path is None:
            raise ConfigError(
                f"{part} is missing: a classifier needs a file of numpy (.npz) with `pictures` and `classes`"
            )
        found[part] = _read(part, path, classifier)
    return disjoint(Texts(**found))  # type: ignore[arg-type]


def _read(part: str, path: Path, classifier: Classifier) -> tuple[tuple[float, ...], ...]:
    try:
        with np.load(io.BytesIO(read_bytes(path, MAX_BYTES)), allow_pickle=False) as kept:
            pictures, classes = np.asarray(kept["pictures"], np.float64), np.asarray(kept["classes"], np.float64)
    except ConfigError:
        raise
    except Exception as error:  # zip files and numpy's format fail in many ways
        raise ConfigError(f"{part} {path}: cannot be read as `pictures` and `classes` of numpy: {error}") from error
    pictures = pictures.reshape(len(pictures), -1) if pictures.ndim else pictures
    outputs = len(classifier.layers[-1].weights)
    if pictures.shape != (len(pictures), classifier.inputs) or classes.shape != (len(pictures),) or not len(pictures):
        raise ConfigError(
            f"{part} {path}: pictures of shape {list(pictures.shape)} and classes of shape {list(classes.shape)} are "
            f"not allowed: pictures of {classifier.inputs} elements, and a class for each"
        )
    if not np.isfinite(pictures).all() or not np.isin(classes, np.arange(outputs)).all():
        raise ConfigError(f"{part} {path}: elements must be finite, and classes 0 to {outputs - 1}")
    return tuple(tuple(map(float, (*picture, kind))) for picture, kind in zip(pictures, classes, strict=True))
