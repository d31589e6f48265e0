"""Classifiers of pictures: operations in an order in which each follows its inputs, and a float64 reference.

A tensor of one picture is (channels, height, width), or a row of elements; in arrays all pictures come first.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

OnProduct = Callable[["Product", np.ndarray], np.ndarray]
"""Function that the rows of a plain product, as :meth:`Product.rows_of` returns them, go through."""
AT_A_TIME = 8
"""Number of pictures that go through all operations together."""


@dataclass(frozen=True)
class Patches:
    """Patches of a picture of (channels, height, width): the view that a convolution or a pool has of its input."""

    picture: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    """Rows and columns that are added above, to the left, below and to the right."""

    @property
    def grid(self) -> tuple[int, int]:
        """Number of patches down and across."""
        _, height, width = self.picture
        top, left, bottom, right = self.pads
        down = (height + top + bottom - self.kernel[0]) // self.stride[0] + 1
        return down, (width + left + right - self.kernel[1]) // self.stride[1] + 1

    @property
    def points(self) -> bool:
        """Whether each patch is one position, and every position is a patch."""
        return (self.kernel, self.stride, self.pads) == ((1, 1), (1, 1), (0, 0, 0, 0))

    def padded(self, pictures: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """Return (pictures, channels, height, width) with a number around them."""
        top, left, bottom, right = self.pads
        around = ((0, 0), (0, 0), (top, bottom), (left, right))
        pictures = pictures.reshape(-1, *self.picture)
        return np.pad(pictures, around, constant_values=fill) if any(self.pads) else pictures

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """Return the patches of pictures, (pictures, patches, channels x kernel)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.padded(pictures), self.kernel, axis=(2, 3))
        windows = windows[:, :, :: self.stride[0], :: self.stride[1]]
        down, across = self.grid
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(pictures), down * across, -1)

    def taps(self, pictures: np.ndarray, fill: float = 0.0) -> Iterable[np.ndarray]:
        """Yield, for each place in the kernel, the number of every patch there, (pictures, channels, down, across)."""
        padded, (down, across) = self.padded(pictures, fill), self.grid
        for row in range(self.kernel[0]):
            for column in range(self.kernel[1]):
                yield padded[
                    :,
                    :,
                    row : row + self.stride[0] * (down - 1) + 1 : self.stride[0],
                    column : column + self.stride[1] * (across - 1) + 1 : self.stride[1],
                ]


@dataclass(frozen=True)
class Operation(ABC):
    """An operation of a classifier."""

    name: str
    """Name of its weights or of the node of the file, unique within a classifier."""
    inputs: tuple[str, ...]
    """Names of the tensors that it reads."""
    output: str
    """Name of the tensor that it makes."""
    shape: tuple[int, ...]
    """Shape of that tensor for one picture."""

    @abstractmethod
    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""


@dataclass(frozen=True)
class Product(Operation):
    """A matrix product or a convolution, with a bias, and perhaps a ReLU."""

    weights: np.ndarray
    """Weights, (outputs, inputs of an output): channels, and the rows and columns of the kernel within each."""
    bias: np.ndarray
    relu: bool = False
    patches: Patches | None = None
    """Rows of the product are patches of the input; None: they are the last axis of the input."""
    groups: int = 1
    """Number of parts of the channels, each of which makes a part of the outputs."""

    @property
    def rows(self) -> int:
        """Number of rows of the product for each picture."""
        return int(np.prod(self.patches.grid if self.patches else self.shape[:-1]))

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates for each picture."""
        return self.rows * self.weights.size

    @property
    def plain(self) -> bool:
        """Whether every output reads all channels: the product of a matrix of rows and one of weights."""
        return self.groups == 1

    def rows_of(self, x: np.ndarray) -> np.ndarray:
        """Return the rows of a plain product, (pictures, rows, inputs)."""
        if self.patches is None:
            return x.reshape(len(x), -1, self.weights.shape[1])
        if self.patches.points:
            return x.reshape(*x.shape[:2], -1).transpose(0, 2, 1)
        return self.patches.of(x)

    def finished(self, sums: np.ndarray) -> np.ndarray:
        """Return sums, (pictures, rows, outputs), with bias and ReLU, as a tensor of some pictures."""
        y = sums + self.bias
        y = np.maximum(y, 0) if self.relu else y
        return (y.transpose(0, 2, 1) if self.patches else y).reshape(len(y), *self.shape)

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        [x] = arrays
        if self.plain and self.patches and self.patches.points:
            y = self.weights @ x.reshape(*x.shape[:2], -1) + self.bias[:, None]
            return (np.maximum(y, 0) if self.relu else y).reshape(len(x), *self.shape)
        if self.plain:
            return self.finished(self.rows_of(x) @ self.weights.T)
        # Place by place of the kernel: patches of all channels would be many times as large as the input.
        assert self.patches is not None
        outputs, channels = len(self.weights) // self.groups, self.patches.picture[0] // self.groups
        weights = self.weights.reshape(self.groups, outputs, channels, -1)
        y = np.zeros((len(x), self.groups, outputs, *self.patches.grid))
        for place, tap in enumerate(self.patches.taps(x)):
            parts = tap.reshape(len(x), self.groups, channels, *self.patches.grid)
            for channel in range(channels):
                y += weights[:, :, channel, place, None, None] * parts[:, :, channel, None]
        return self.finished(y.reshape(len(x), len(self.weights), -1).transpose(0, 2, 1))


@dataclass(frozen=True)
class Clipped(Operation):
    """``y = clip(scale * x + offset, low, high)``: ReLU, HardSigmoid, and factors and terms that are constants."""

    scale: np.ndarray
    """Factors, in a shape that goes with that of a picture's tensor."""
    offset: np.ndarray
    low: float = -np.inf
    high: float = np.inf

    @property
    def linear(self) -> bool:
        """Whether nothing is cut off."""
        return self.low == -np.inf and self.high == np.inf

    @property
    def relu(self) -> bool:
        """Whether it is a ReLU alone."""
        return bool((self.scale == 1).all() and (self.offset == 0).all() and (self.low, self.high) == (0, np.inf))

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        y = arrays[0] * self.scale + self.offset
        return y if self.linear else np.clip(y, self.low, self.high)


@dataclass(frozen=True)
class Sigmoid(Operation):
    """``y = 1 / (1 + exp(-x))``."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        return 0.5 * (1 + np.tanh(0.5 * arrays[0]))


@dataclass(frozen=True)
class Softmax(Operation):
    """``exp(x)`` over its sum along an axis."""

    axis: int
    """Axis of a picture's tensor, counted from the last: -1 and below."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        y = np.exp(arrays[0] - arrays[0].max(axis=self.axis, keepdims=True))
        return y / y.sum(axis=self.axis, keepdims=True)


@dataclass(frozen=True)
class Sum(Operation):
    """The sum of two tensors."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        return arrays[0] + arrays[1]


@dataclass(frozen=True)
class Scaled(Operation):
    """The product of two tensors, element by element."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        return arrays[0] * arrays[1]


@dataclass(frozen=True)
class Mean(Operation):
    """The mean over some axes."""

    axes: tuple[int, ...]
    """Axes of a picture's tensor, counted from the last: -1 and below."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        return arrays[0].mean(axis=self.axes).reshape(len(arrays[0]), *self.shape)


@dataclass(frozen=True)
class Pool(Operation):
    """The largest number, or the mean, of each channel of each patch."""

    patches: Patches
    kind: Literal["max", "mean"]
    count_pads: bool = False
    """Whether a mean counts the zeros around the picture."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        if self.kind == "max":
            return np.maximum.reduce(list(self.patches.taps(arrays[0], -np.inf)))
        y = np.sum(list(self.patches.taps(arrays[0])), axis=0)
        return y / (self.patches.kernel[0] * self.patches.kernel[1] if self.count_pads else self.counts)

    @property
    def counts(self) -> np.ndarray:
        """Number of elements of the picture in each patch, (1, 1, down, across)."""
        ones = np.ones((1, *self.patches.picture))[:, :1]
        patches = Patches((1, *self.patches.picture[1:]), self.patches.kernel, self.patches.stride, self.patches.pads)
        return np.sum(list(patches.taps(ones)), axis=0)


@dataclass(frozen=True)
class Arranged(Operation):
    """The same numbers in another shape, after an exchange of axes."""

    axes: tuple[int, ...] = ()
    """Axes of a picture's tensor, from 0, in the order in which the result has them; none: as they are."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        x = arrays[0].transpose(0, *(1 + each for each in self.axes)) if self.axes else arrays[0]
        return x.reshape(len(x), *self.shape)


@dataclass(frozen=True)
class Joined(Operation):
    """Tensors side by side."""

    axis: int
    """Axis of a picture's tensor, counted from the last: -1 and below."""

    def of(self, *arrays: np.ndarray) -> np.ndarray:
        """Return the result for arrays of some pictures."""
        return np.concatenate(arrays, axis=self.axis)


@dataclass(frozen=True)
class Classifier:
    """Operations on pictures, the last of which makes a number for each class."""

    name: str
    input: str
    """Name of the tensor of pictures."""
    shape: tuple[int, ...]
    """Shape of a picture."""
    operations: tuple[Operation, ...]

    @property
    def products(self) -> tuple[Product, ...]:
        """Operations that have weights."""
        return tuple(each for each in self.operations if isinstance(each, Product))

    @property
    def inputs(self) -> int:
        """Number of elements of a picture."""
        return int(np.prod(self.shape))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(np.prod(self.operations[-1].shape))

    @property
    def weights(self) -> int:
        """Number of weights."""
        return sum(each.weights.size for each in self.products)

    def readers(self, tensor: str) -> tuple[Operation, ...]:
        """Return the operations that read a tensor."""
        return tuple(each for each in self.operations if tensor in each.inputs)

    def logits(self, pictures: np.ndarray, on_product: OnProduct | None = None) -> np.ndarray:
        """Return the logits of (pictures, elements) in float64, (pictures, classes)."""
        found = []
        for first in range(0, len(pictures), AT_A_TIME):
            tensors = self.begin(pictures[first : first + AT_A_TIME])
            self.run(self.operations, tensors, on_product)
            found.append(self.end(tensors))
        return np.concatenate(found)

    def begin(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Return the tensors that there are before the first operation, by name."""
        return {self.input: pictures.reshape(len(pictures), *self.shape).astype(np.float64)}

    def end(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the result of the last operation, (pictures, classes)."""
        logits = tensors[self.operations[-1].output]
        return logits.reshape(len(logits), -1)

    def run(
        self,
        operations: Iterable[Operation],
        tensors: dict[str, np.ndarray],
        on_product: OnProduct | None = None,
        changed: Mapping[str, Product] = MappingProxyType({}),
    ) -> None:
        """Add the results of some operations to tensors, and take away those that no later operation reads.

        Parameters
        ----------
        changed : mapping
            Products that take the place of those of their names.
        """
        for each in operations:
            arrays = [tensors[name] for name in each.inputs]
            done = changed.get(each.name, each)
            if on_product and isinstance(done, Product) and done.plain:
                tensors[each.output] = done.finished(on_product(done, done.rows_of(*arrays)) @ done.weights.T)
            else:
                tensors[each.output] = done.of(*arrays)
            for name in each.inputs:
                if self.readers(name)[-1] is each:
                    tensors.pop(name, None)
