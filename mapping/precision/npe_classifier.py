"""A classifier in formats of the NPE: each layer has one for its weights and its inputs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from tilewright.mapping.models.classifier import Classifier, Layer
from tilewright.sim.formats.simd import Mode

from .plans.planned import scales_found
from .plans.rounding import METHODS, Method, Moments, round_weights
from .plans.storage import TABLE_BITS, WeightStorage

LOGITS = Mode.BF16
"""Format of the results of the last layer."""


@dataclass(frozen=True)
class NpeLayer:
    """A layer as the NPE computes it: ``act(scale * (A @ codes^T) + bias)``, rounded to the format of the next one."""

    layer: Layer
    mode: Mode
    codes: np.ndarray
    """Codes of the weights, (outputs, inputs)."""
    scale: np.ndarray
    """Factor of the sums of each output, (outputs,) float32."""
    bias: np.ndarray
    """Number that is added to each output, (outputs,) float32."""
    out: Mode

    @property
    def bytes(self) -> float:
        """Size of codes, scales and biases."""
        return self.codes.size * self.mode.bits / 8 + 4 * (self.scale.size + self.bias.size)


@dataclass(frozen=True)
class NpeClassifier:
    """A classifier in formats of the NPE."""

    layers: tuple[NpeLayer, ...]
    input_scale: float
    """Step of a picture's numbers."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Format of each layer."""
        return tuple(each.mode for each in self.layers)

    @property
    def bytes(self) -> float:
        """Size of all weights, scales and biases."""
        return sum(each.bytes for each in self.layers)

    def inputs(self, pictures: np.ndarray) -> np.ndarray:
        """Return the codes of the rows of the first product, (pictures, rows, inputs)."""
        first = self.layers[0]
        rows = first.layer.patches.of(pictures) if first.layer.patches else pictures[:, None, :]
        return first.mode.format.encode(rows / self.input_scale)

    def logits(self, pictures: np.ndarray) -> np.ndarray:
        """Return the logits, rounded as the NPE rounds them but for the last bits of FP32, (pictures, classes)."""
        codes = self.inputs(pictures)
        for each in self.layers:
            form = each.mode.format
            sums = form.decode(codes.reshape(len(pictures), each.layer.rows, -1)) @ form.decode(each.codes).T
            y = sums * each.scale + each.bias
            codes = each.out.format.encode(np.maximum(y, 0) if each.layer.relu else y)
        return LOGITS.format.decode(codes.reshape(len(pictures), -1))


class Quantiser:
    """Quantises a classifier for the NPE.

    Parameters
    ----------
    pictures : ndarray, (pictures, elements)
        Calibration pictures, on which scales of activations and rounding depend.
    method : str
        Way of rounding of the weights.
    """

    def __init__(self, classifier: Classifier, pictures: np.ndarray, method: Method = METHODS[-1]):
        self.classifier, self.method = classifier, method
        self.rows: dict[str, np.ndarray] = {}
        classifier.logits(pictures, self._note)
        self._kept: dict[tuple[str, Mode], tuple[np.ndarray, np.ndarray]] = {}

    def quantised(self, modes: Sequence[Mode]) -> NpeClassifier:
        """Return the classifier with a format for each layer."""
        layers = self.classifier.layers
        steps = [self._step(layer, mode) for layer, mode in zip(layers, modes, strict=True)]
        made = []
        for index, (layer, mode) in enumerate(zip(layers, modes, strict=True)):
            codes, scales = self._weights(layer, mode)
            last = index + 1 == len(layers)
            after = 1.0 if last else steps[index + 1]
            made.append(
                NpeLayer(
                    layer,
                    mode,
                    codes,
                    (scales * steps[index] / after).astype(np.float32),
                    (layer.bias / after).astype(np.float32),
                    LOGITS if last else modes[index + 1],
                )
            )
        return NpeClassifier(tuple(made), steps[0])

    def _note(self, layer: Layer, rows: np.ndarray) -> np.ndarray:
        self.rows[layer.name] = rows.reshape(-1, rows.shape[-1])
        return rows

    def _step(self, layer: Layer, mode: Mode) -> float:
        """Return the scale of a layer's inputs, with the least squared error on the calibration pictures."""
        storage = _storage(mode)
        if storage.granularity == "none":
            return 1.0
        values = self.rows[layer.name].ravel()
        values = values[:: max(1, len(values) // SAMPLES)]
        steps = np.abs(values).max() / np.append(storage.targets, storage.usual_target)
        errors = [((storage.nearest(values / step) * step - values) ** 2).sum() for step in steps]
        return float(steps[int(np.argmin(errors))])

    def _weights(self, layer: Layer, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
        """Return codes and scales of a layer's weights."""
        key = (layer.name, mode)
        if key not in self._kept:
            storage, form = _storage(mode), mode.format
            rows = self.rows[layer.name]
            rounded = round_weights(layer.weights, storage, Moments(rows.T @ rows), self.method)
            if storage.granularity == "none":
                self._kept[key] = form.encode(rounded), np.ones(len(rounded))
            else:
                scales = scales_found(rounded, storage)
                scales[scales == 0] = 1.0
                self._kept[key] = form.encode(rounded / scales[:, None]), scales
        return self._kept[key]


SAMPLES = 50_000
"""Number of activations on which a scale is searched."""


def _storage(mode: Mode) -> WeightStorage:
    form = mode.format
    return WeightStorage(form, "channel" if form.bits <= TABLE_BITS else "none")


def plans(classifier: Classifier, modes: Sequence[Mode]) -> Iterator[tuple[Mode, ...]]:
    """Yield all choices of a format for each layer."""
    yield from product(modes, repeat=len(classifier.layers))
