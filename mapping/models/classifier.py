"""Classifiers of pictures: products with weights, a convolution among them, read from ONNX, and a float64 reference."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError

from .readers.onnx_file import OnnxGraph, OnnxNode, read_onnx

ALLOWED = ("Conv", "Gemm", "Relu", "Flatten", "Reshape", "Identity", "Dropout", "Softmax", "LogSoftmax")
"""Operators that a classifier may have."""
OnLayer = Callable[["Layer", np.ndarray], np.ndarray]
"""Function that a layer's input, (pictures, rows, inputs), goes through."""


@dataclass(frozen=True)
class Patches:
    """Patches of a picture of (channels, height, width), each a row of a product: a convolution's view of its input."""

    picture: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    """Zeros above, to the left, below and to the right."""

    @property
    def grid(self) -> tuple[int, int]:
        """Number of patches down and across."""
        _, height, width = self.picture
        top, left, bottom, right = self.pads
        down = (height + top + bottom - self.kernel[0]) // self.stride[0] + 1
        return down, (width + left + right - self.kernel[1]) // self.stride[1] + 1

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """Return the patches of (pictures, elements), (pictures, patches, channels x kernel)."""
        top, left, bottom, right = self.pads
        padded = np.pad(pictures.reshape(-1, *self.picture), ((0, 0), (0, 0), (top, bottom), (left, right)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.kernel, axis=(2, 3))
        windows = windows[:, :, :: self.stride[0], :: self.stride[1]]
        down, across = self.grid
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(pictures), down * across, -1)


@dataclass(frozen=True)
class Layer:
    """A product with weights, a bias, and perhaps a ReLU."""

    name: str
    weights: np.ndarray
    """Weights of the product, (outputs, inputs)."""
    bias: np.ndarray
    relu: bool = False
    patches: Patches | None = None
    """Rows of the product are patches of the input; None: the whole input is one row."""

    @property
    def rows(self) -> int:
        """Number of rows of the product for each picture."""
        return self.patches.grid[0] * self.patches.grid[1] if self.patches else 1

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates for each picture."""
        return self.rows * self.weights.size


@dataclass(frozen=True)
class Classifier:
    """Layers, each of which reads the results of the one before: for each patch all outputs, patch by patch."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def inputs(self) -> int:
        """Number of elements of a picture."""
        first = self.layers[0]
        return int(np.prod(first.patches.picture)) if first.patches else first.weights.shape[1]

    @property
    def weights(self) -> int:
        """Number of weights."""
        return sum(layer.weights.size for layer in self.layers)

    def logits(self, pictures: np.ndarray, on_layer: OnLayer | None = None) -> np.ndarray:
        """Return the logits of (pictures, elements) in float64, (pictures, classes)."""
        x = pictures
        for layer in self.layers:
            rows = layer.patches.of(x) if layer.patches else x.reshape(len(x), 1, -1)
            rows = on_layer(layer, rows) if on_layer else rows
            y = rows @ layer.weights.T + layer.bias
            x = (np.maximum(y, 0) if layer.relu else y).reshape(len(x), -1)
        return x


def read_classifier(path: Path) -> Classifier:
    """Return the classifier of an ONNX file.

    Raises
    ------
    ConfigError
        If the file cannot be read, or has an operator, a shape or a number that is not allowed; names it.
    """
    try:
        return _Reader(read_onnx(path), path.stem).classifier()
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(str(path)) else f"{path}: {text}") from error


class _Reader:
    """Turns a chain of nodes into layers."""

    def __init__(self, graph: OnnxGraph, name: str):
        self.graph, self.name = graph, name
        self.layers: list[Layer] = []
        self.shape: tuple[int, ...] = ()
        """Shape of a picture's values, in the order of ONNX: (channels, height, width) or (elements,)."""

    def classifier(self) -> Classifier:
        """Return the classifier."""
        if len(self.graph.inputs) != 1:
            raise ConfigError(f"inputs {', '.join(self.graph.inputs)} are not allowed: one input")
        [(current, shape)] = self.graph.inputs.items()
        if len(shape) not in (2, 4) or None in shape[1:]:
            raise ConfigError(f"input {current} of shape {list(shape)} is not allowed: pictures of a known size")
        self.shape = tuple(size for size in shape[1:] if size is not None)
        for node in self.graph.nodes:
            if node.operator not in ALLOWED:
                raise ConfigError(
                    f"operator {node.operator} of node {node.title} is not allowed: one of {', '.join(ALLOWED)}"
                )
            if current not in node.inputs:
                raise ConfigError(f"node {node.title} does not read the result of the node before: it must be a chain")
            self._add(node)
            current = node.outputs[0]
        if not self.layers:
            raise ConfigError("there is no layer with weights")
        return Classifier(self.name, tuple(self.layers))

    def _add(self, node: OnnxNode) -> None:
        if node.operator == "Conv":
            self._conv(node)
        elif node.operator == "Gemm":
            self._gemm(node)
        elif node.operator == "Relu":
            if not self.layers:
                raise ConfigError(f"node {node.title}: a Relu before the first layer is not allowed")
            self.layers[-1] = replace(self.layers[-1], relu=True)
        elif node.operator in ("Flatten", "Reshape"):
            self.shape = (int(np.prod(self.shape)),)

    def _conv(self, node: OnnxNode) -> None:
        weights, bias = self._constants(node, 4)
        outputs, channels, *kernel = weights.shape
        if len(self.shape) != 3 or channels != self.shape[0]:
            raise ConfigError(f"node {node.title}: weights of {channels} channels for an input of {list(self.shape)}")
        for name, allowed in (("group", 1), ("dilations", (1, 1)), ("auto_pad", "NOTSET")):
            value = node.attributes.get(name, allowed)
            if value != allowed:
                raise ConfigError(f"node {node.title}: {name} = {value} is not allowed: {allowed}")
        stride, pads = node.attributes.get("strides", (1, 1)), node.attributes.get("pads", (0, 0, 0, 0))
        patches = Patches(self.shape, tuple(kernel), stride, pads)  # type: ignore[arg-type]
        if min(patches.grid) < 1:
            raise ConfigError(f"node {node.title}: a kernel of {kernel} is larger than an input of {list(self.shape)}")
        if self.layers:
            raise ConfigError(f"node {node.title}: a Conv after the first layer is not allowed: its patches overlap")
        self.layers.append(Layer(node.title, weights.reshape(outputs, -1), bias, patches=patches))
        self.shape = (outputs, *patches.grid)

    def _gemm(self, node: OnnxNode) -> None:
        weights, bias = self._constants(node, 2)
        for name, allowed in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)):
            value = node.attributes.get(name, allowed)
            if value != allowed:
                raise ConfigError(f"node {node.title}: {name} = {value} is not allowed: {allowed}")
        weights = weights if node.attributes.get("transB", 0) else weights.T
        if self.shape != (weights.shape[1],):
            raise ConfigError(f"node {node.title}: {weights.shape[1]} inputs for a row of {list(self.shape)} elements")
        before = self.layers[-1] if self.layers else None
        if before and before.patches:
            # ONNX has all patches of a channel after each other; products leave all channels of a patch.
            weights = weights.reshape(len(weights), -1, before.rows).transpose(0, 2, 1).reshape(len(weights), -1)
        self.layers.append(Layer(node.title, weights, bias))
        self.shape = (len(weights),)

    def _constants(self, node: OnnxNode, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and bias of a node."""
        found: list[Any] = []
        for name in node.inputs[1:3]:
            if name not in self.graph.constants:
                raise ConfigError(f"node {node.title}: {name} is no constant of the file")
            values = self.graph.constants[name].astype(np.float64)
            if not np.isfinite(values).all():
                place = [int(each) for each in np.argwhere(~np.isfinite(values))[0]]
                raise ConfigError(f"tensor {name}{place} = {values[tuple(place)]} is not allowed: a finite number")
            found.append(values)
        if not found or found[0].ndim != dimensions:
            raise ConfigError(f"node {node.title}: weights must have {dimensions} dimensions")
        outputs = found[0].shape[0] if dimensions == 4 or node.attributes.get("transB", 0) else found[0].shape[1]
        bias = found[1].ravel() if len(found) > 1 else np.zeros(outputs)
        if bias.shape != (outputs,):
            raise ConfigError(f"node {node.title}: a bias of {bias.size} numbers for {outputs} outputs")
        return found[0], bias
