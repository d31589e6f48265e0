"""A classifier in formats of the NPE: each matrix product has one for its weights and its inputs.

All other operations are those of the vector unit: FP32, on tensors in BF16.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from tilewright.mapping.models.classifier import AT_A_TIME, Arranged, Classifier, Operation, Product
from tilewright.sim.formats import BF16
from tilewright.sim.formats.simd import Mode

from .plans.planned import scales_found
from .plans.rounding import METHODS, Method, Moments, round_weights
from .plans.storage import TABLE_BITS, WeightStorage

DROPPED = 52 - 7
"""Number of bits by which the significand of BF16 is shorter than that of float64."""
SMALLEST_NORMAL = 2.0**-126
"""Smallest number of BF16 with a whole significand."""
LOGITS = Mode.BF16
"""Format of the results of the last operation."""


@dataclass(frozen=True)
class NpeLayer:
    """A product as the NPE computes it: ``act(scale * (A @ codes^T) + bias)``, rounded to the format of the next one.

    Without a next one that reads it alone, the result is BF16.
    """

    product: Product
    mode: Mode
    step: float
    """Number that a 1 of the inputs stands for."""
    codes: np.ndarray
    """Codes of the weights, (outputs, inputs)."""
    scale: np.ndarray
    """Factor of the sums of each output, (outputs,) float32."""
    bias: np.ndarray
    """Number that is added to each output, (outputs,) float32."""
    out: Mode
    to_product: bool
    """Flag: the results are the codes of the next product's inputs."""

    @property
    def bytes(self) -> float:
        """Size of codes, scales and biases."""
        return self.codes.size * self.mode.bits / 8 + 4 * (self.scale.size + self.bias.size)

    def operand(self, rows: np.ndarray) -> np.ndarray:
        """Return the codes of rows of numbers. A pass of the vector unit divides them by the step, and writes INT8, or
        BF16 that a job rounds to the format."""
        scaled = rows / self.step
        return self.mode.format.encode(scaled if self.mode is Mode.INT8 else in_bf16(scaled))

    def result(self, codes: np.ndarray) -> np.ndarray:
        """Return the result for the codes of rows, (pictures, rows, inputs), as a tensor of some pictures."""
        form = self.mode.format
        y = form.decode(codes) @ form.decode(self.codes).T * self.scale + self.bias
        y = np.maximum(y, 0) if self.product.relu else y
        y = in_bf16(y) if self.out is Mode.BF16 else self.out.format.decode(self.out.format.encode(y))
        return (y.transpose(0, 2, 1) if self.product.patches else y).reshape(len(y), *self.product.shape)


@dataclass(frozen=True)
class NpeClassifier:
    """A classifier in formats of the NPE."""

    classifier: Classifier
    """The classifier with the weights of convolutions in groups in BF16."""
    layers: Mapping[str, NpeLayer]
    """Plain products by name, in order."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Format of each plain product."""
        return tuple(each.mode for each in self.layers.values())

    @property
    def bytes(self) -> float:
        """Size of all weights, scales and biases; those of convolutions in groups are BF16 and FP32."""
        grouped = [each for each in self.classifier.products if not each.plain]
        return sum(each.bytes for each in self.layers.values()) + sum(
            2 * each.weights.size + 4 * each.bias.size for each in grouped
        )

    def inputs(self, pictures: np.ndarray) -> np.ndarray:
        """Return the codes of the rows of the first product, (pictures, rows, inputs)."""
        first = self.layers[self.classifier.operations[0].name]
        return first.operand(first.product.rows_of(in_bf16(pictures.reshape(-1, *self.classifier.shape))))

    def logits(self, pictures: np.ndarray) -> np.ndarray:
        """Return the logits, rounded as the units round them but for the last bits of FP32, (pictures, classes)."""
        parts = [pictures[first : first + AT_A_TIME] for first in range(0, len(pictures), AT_A_TIME)]
        return np.concatenate([self._logits(part) for part in parts])

    def _logits(self, pictures: np.ndarray) -> np.ndarray:
        tensors = self.classifier.begin(in_bf16(pictures))
        coded: set[str] = set()
        """Tensors that are in the format of the product that reads them."""
        for each in self.classifier.operations:
            arrays = [tensors[name] for name in each.inputs]
            if isinstance(each, Product) and each.plain:
                layer, rows = self.layers[each.name], each.rows_of(*arrays)
                codes = layer.mode.format.encode(rows) if each.inputs[0] in coded else layer.operand(rows)
                tensors[each.output] = layer.result(codes)
                if layer.to_product:
                    coded.add(each.output)
            elif isinstance(each, Arranged):
                tensors[each.output] = each.of(*arrays)
                if each.inputs[0] in coded:
                    coded.add(each.output)
            else:
                tensors[each.output] = in_bf16(each.of(*arrays))
            for name in each.inputs:
                if self.classifier.readers(name)[-1] is each:
                    del tensors[name]
        return self.classifier.end(tensors)


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
        self.classifier, self.method = in_units(classifier), method
        self.products = [each for each in self.classifier.products if each.plain]
        self._count = len(pictures)
        self._seen = {each.name: 0 for each in self.products}
        self._samples: dict[str, list[np.ndarray]] = {each.name: [] for each in self.products}
        self._moments = {each.name: np.zeros((each.weights.shape[1],) * 2) for each in self.products}
        classifier.logits(pictures, self._note)
        self._kept: dict[tuple[str, Mode], tuple[np.ndarray, np.ndarray]] = {}
        self._steps: dict[tuple[str, Mode], float] = {}

    def quantised(self, modes: Sequence[Mode]) -> NpeClassifier:
        """Return the classifier with a format for each plain product."""
        mode_of = dict(zip((each.name for each in self.products), modes, strict=True))
        made = {}
        for each in self.products:
            mode = mode_of[each.name]
            codes, scales = self._weights(each, mode)
            step, after = self._step(each, mode), next_product(self.classifier, each)
            out, out_step = (mode_of[after.name], self._step(after, mode_of[after.name])) if after else (LOGITS, 1.0)
            made[each.name] = NpeLayer(
                each,
                mode,
                step,
                codes,
                (scales * step / out_step).astype(np.float32),
                (each.bias / out_step).astype(np.float32),
                out,
                after is not None,
            )
        return NpeClassifier(self.classifier, made)

    def _note(self, layer: Product, rows: np.ndarray) -> np.ndarray:
        flat = rows.reshape(-1, rows.shape[-1])
        self._moments[layer.name] += flat.T @ flat
        total, seen, values = self._count * layer.rows * rows.shape[-1], self._seen[layer.name], flat.ravel()
        every = max(1, total // SAMPLES)
        self._samples[layer.name].append(values[-seen % every :: every].copy())
        self._seen[layer.name] += len(values)
        return rows

    def _step(self, layer: Product, mode: Mode) -> float:
        """Return the scale of a layer's inputs, with the least squared error on the calibration pictures."""
        key = (layer.name, mode)
        if key not in self._steps:
            self._steps[key] = self._found_step(layer, storage_of(mode))
        return self._steps[key]

    def _found_step(self, layer: Product, storage: WeightStorage) -> float:
        if storage.granularity == "none":
            return 1.0
        values = np.concatenate(self._samples[layer.name])
        largest = np.abs(values).max() or 1.0
        steps = largest / np.append(storage.targets, storage.usual_target)
        errors = [((storage.nearest(values / step) * step - values) ** 2).sum() for step in steps]
        return float(steps[int(np.argmin(errors))])

    def _weights(self, layer: Product, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
        """Return codes and scales of a layer's weights."""
        key = (layer.name, mode)
        if key not in self._kept:
            storage, form = storage_of(mode), mode.format
            rounded = round_weights(layer.weights, storage, Moments(self._moments[layer.name]), self.method)
            if storage.granularity == "none":
                self._kept[key] = form.encode(rounded), np.ones(len(rounded))
            else:
                scales = scales_found(rounded, storage)
                scales[scales == 0] = 1.0
                self._kept[key] = form.encode(rounded / scales[:, None]), scales
        return self._kept[key]


SAMPLES = 50_000
"""Number of activations on which a scale is searched."""


def storage_of(mode: Mode) -> WeightStorage:
    """Return how weights are stored in a format of the NPE."""
    form = mode.format
    return WeightStorage(form, "channel" if form.bits <= TABLE_BITS else "none")


def in_bf16(values: np.ndarray) -> np.ndarray:
    """Return numbers rounded to BF16, to nearest, ties to even."""
    values = np.ascontiguousarray(values, np.float64)
    magnitudes = np.abs(values)
    if ((magnitudes >= BF16.max) | ((magnitudes > 0) & (magnitudes < SMALLEST_NORMAL))).any():
        return BF16.decode(BF16.encode(values))
    # All other numbers lose the lowest bits of their significand, which is much faster.
    bits = values.view(np.uint64)
    odd = bits >> np.uint64(DROPPED) & np.uint64(1)
    kept = bits + (odd + np.uint64((1 << DROPPED - 1) - 1)) >> np.uint64(DROPPED) << np.uint64(DROPPED)
    return kept.view(np.float64)


def in_units(classifier: Classifier) -> Classifier:
    """Return a classifier whose convolutions in groups have the weights of the vector unit, in BF16."""
    operations = tuple(
        each if not isinstance(each, Product) or each.plain else replace(each, weights=in_bf16(each.weights))
        for each in classifier.operations
    )
    return replace(classifier, operations=operations)


def next_product(classifier: Classifier, layer: Product) -> Product | None:
    """Return the plain product that alone reads the result of another as it lies, in its own format; None if there is
    none."""
    readers: tuple[Operation, ...] = classifier.readers(layer.output)
    while len(readers) == 1 and isinstance(readers[0], Arranged) and not readers[0].axes:
        readers = classifier.readers(readers[0].output)
    if len(readers) != 1 or not isinstance(readers[0], Product) or not readers[0].plain:
        return None
    patches = readers[0].patches
    return readers[0] if patches is None or patches.points else None


def plans(classifier: Classifier, modes: Sequence[Mode]) -> Iterator[tuple[Mode, ...]]:
    """Yield all choices of a format for each plain product."""
    yield from product(modes, repeat=sum(each.plain for each in classifier.products))
