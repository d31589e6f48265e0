"""Reads a classifier of pictures from a graph of ONNX: constants are folded, and shapes are those of one picture.

What is written in several nodes becomes one operation: a batch norm, a bias and a ReLU belong to the product before
them, and each function that is a line between two limits is a :class:`.Clipped`, in whatever nodes it comes.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import (
    Arranged,
    Classifier,
    Clipped,
    Joined,
    Mean,
    Operation,
    Patches,
    Pool,
    Product,
    Scaled,
    Sigmoid,
    Softmax,
    Sum,
)

from .onnx_constants import FOLDED
from .onnx_file import OnnxGraph, OnnxNode, read_onnx
from .onnx_shapes import Shape, allow_only, fits, own_axis, patches_of, picture_shape, wanted_shape
from .operation_list import OperationList

NUMBERS = ("value_float", "value_floats", "value_int", "value_ints")
"""Attributes of a constant; tensors are constants of the graph already."""
INTEGERS = {6: np.int32, 7: np.int64}
"""Types to which shapes are cast, by their numbers."""


def read_classifier(path: Path, picture: Shape | None = None) -> Classifier:
    """Return the classifier of an ONNX file.

    Parameters
    ----------
    picture : tuple of int, optional
        Shape of a picture, for a file that leaves it open.

    Raises
    ------
    ConfigError
        If the file cannot be read, or has an operator, a shape or a number that is not allowed; names it.
    """
    try:
        return classifier_of(read_onnx(path), path.stem, picture)
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(str(path)) else f"{path}: {text}") from error


def classifier_of(graph: OnnxGraph, name: str, picture: Shape | None = None) -> Classifier:
    """Return the classifier of a graph; see :func:`read_classifier`."""
    return _Reader(graph, name, picture).classifier()


class _Reader(OperationList):
    """Turns nodes into operations, each of them after its inputs."""

    def __init__(self, graph: OnnxGraph, name: str, picture: Shape | None):
        self.graph, self.name = graph, name
        self.constants: dict[str, np.ndarray] = dict(graph.constants)
        super().__init__((*(each for node in graph.nodes for each in node.inputs), *graph.outputs))
        if len(graph.inputs) != 1:
            raise ConfigError(f"inputs {', '.join(graph.inputs)} are not allowed: one input")
        [(self.input, shape)] = graph.inputs.items()
        self.shapes[self.input] = picture_shape(self.input, shape, picture)

    def classifier(self) -> Classifier:
        """Return the classifier."""
        if len(self.graph.outputs) != 1:
            raise ConfigError(f"results {', '.join(self.graph.outputs)} are not allowed: one result")
        for node in self.graph.nodes:
            try:
                self._read(node)
            except ConfigError as error:
                raise ConfigError(f"node {node.title}: {error}") from error
            except (IndexError, KeyError, TypeError, ValueError) as error:
                raise ConfigError(f"node {node.title}: inputs or attributes do not fit {node.operator}") from error
        [result] = self.graph.outputs
        last = self.made.get(self.source(result))
        while isinstance(last, Softmax):
            last = self.made.get(last.inputs[0])  # the largest logit stays the largest
        if last is None:
            raise ConfigError(f"no node makes the result {result}")
        needed, kept = {last.output}, []
        for each in reversed(self.made.values()):
            if each.output in needed:
                needed.update(each.inputs)
                kept.append(each)
        if not any(isinstance(each, Product) and each.plain for each in kept):
            raise ConfigError("there is no product with weights")
        return Classifier(self.name, self.input, self.shapes[self.input], tuple(reversed(kept)))

    # Nodes.

    def _read(self, node: OnnxNode) -> None:
        if node.operator not in READERS:
            raise ConfigError(f"operator {node.operator} is not allowed: one of {', '.join(sorted(READERS))}")
        for name in node.inputs:
            if name and name not in self.constants and self.source(name) not in self.shapes:
                raise ConfigError(f"no node before it makes its input {name}")
        READERS[node.operator](self, node)

    def shape(self, node: OnnxNode, index: int = 0) -> Shape:
        """Return the shape of an input for one picture."""
        name = node.inputs[index]
        if name in self.constants:
            raise ConfigError(f"input {name} is a constant, which is not allowed")
        return self.shapes[self.source(name)]

    def constant(self, node: OnnxNode, index: int, what: str) -> np.ndarray:
        """Return an input that must be a constant of finite numbers."""
        name = node.inputs[index] if index < len(node.inputs) else ""
        if name not in self.constants:
            raise ConfigError(f"{what} {name or 'is missing: it'} must be a constant of the file")
        values = self.constants[name]
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            place = [int(each) for each in np.argwhere(~np.isfinite(values))[0]]
            raise ConfigError(f"tensor {name}{place} = {values[tuple(place)]} is not allowed: a finite number")
        return values.astype(np.float64) if values.dtype.kind == "f" else values

    def constants_of(self, node: OnnxNode) -> list[np.ndarray] | None:
        """Return all inputs if they are constants."""
        found = [self.constants[name] for name in node.inputs if name in self.constants]
        return found if len(found) == len(node.inputs) else None

    def add(self, node: OnnxNode, operation: type[Operation], shape: Shape, *names: str, **parts: Any) -> None:
        """Add an operation that reads tensors, by default the first input of a node."""
        inputs = tuple(self.source(name) for name in names or node.inputs[:1])
        self.put(operation(self.unique(node.title), inputs, node.outputs[0], shape, **parts))

    def rename(self, node: OnnxNode) -> None:
        """Take the result of a node for its input."""
        if node.inputs[0] in self.constants:
            self.constants[node.outputs[0]] = self.constants[node.inputs[0]]
            return
        self.same_as(node.outputs[0], node.inputs[0])

    # Products.

    def conv(self, node: OnnxNode) -> None:
        """Add a convolution."""
        shape, weights = self.shape(node), self.constant(node, 1, "weights")
        groups = int(node.attributes.get("group", 1))  # type: ignore[arg-type]
        if weights.ndim != 4 or len(shape) != 3:
            raise ConfigError(
                f"weights of {list(weights.shape)} for an input of {list(shape)}: two-dimensional pictures"
            )
        outputs, channels, *kernel = weights.shape
        if groups < 1 or outputs % groups or channels * groups != shape[0]:
            raise ConfigError(f"weights of {channels} channels in {groups} groups for an input of {list(shape)}")
        patches = patches_of(node, shape, kernel)
        bias = self.constant(node, 2, "bias").ravel() if len(node.inputs) > 2 else np.zeros(outputs)
        self._product(node, weights.reshape(outputs, -1), bias, (outputs, *patches.grid), patches, groups)

    def gemm(self, node: OnnxNode) -> None:
        """Add a product with a matrix and a bias."""
        for name, allowed in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)):
            allow_only(node, name, allowed)
        weights = self._matrix(node, bool(node.attributes.get("transB", 0)))
        bias = self.constant(node, 2, "bias").ravel() if len(node.inputs) > 2 else np.zeros(len(weights))
        bias = np.full(len(weights), bias[0]) if bias.size == 1 else bias
        self._product(node, weights, bias, (len(weights),))

    def matmul(self, node: OnnxNode) -> None:
        """Add a product with a matrix."""
        weights = self._matrix(node, False)
        self._product(node, weights, np.zeros(len(weights)), (*self.shape(node)[:-1], len(weights)))

    def _matrix(self, node: OnnxNode, transposed: bool) -> np.ndarray:
        shape, weights = self.shape(node), self.constant(node, 1, "weights")
        if weights.ndim != 2:
            raise ConfigError(f"weights of {list(weights.shape)} are not allowed: a matrix")
        weights = weights if transposed else weights.T
        if shape[-1:] != weights.shape[1:]:
            raise ConfigError(f"{weights.shape[1]} inputs for a tensor of {list(shape)}")
        return weights

    def _product(
        self,
        node: OnnxNode,
        weights: np.ndarray,
        bias: np.ndarray,
        shape: Shape,
        patches: Patches | None = None,
        groups: int = 1,
    ) -> None:
        if bias.shape != (len(weights),):
            raise ConfigError(f"a bias of {bias.size} numbers for {len(weights)} outputs")
        name = self.unique(_stem(node.inputs[1]) or node.title)
        source = self.source(node.inputs[0])
        self.put(Product(name, (source,), node.outputs[0], shape, weights, bias, patches=patches, groups=groups))

    # Lines between limits.

    def batch_norm(self, node: OnnxNode) -> None:
        """Add the factor and the term of each channel."""
        scale, offset, mean, variance = (
            self.constant(node, 1 + index, each) for index, each in enumerate(("scale", "bias", "mean", "variance"))
        )
        epsilon = float(node.attributes.get("epsilon", 1e-5))  # type: ignore[arg-type]
        if (variance + epsilon <= 0).any():
            raise ConfigError(f"variance {node.inputs[4]} is not allowed: above 0")
        factor = scale / np.sqrt(variance + epsilon)
        around = (1,) * (len(self.shape(node)) - 1)
        self._line(node, factor.reshape(-1, *around), (offset - mean * factor).reshape(-1, *around))

    def _line(
        self, node: OnnxNode, scale: Any = 1.0, offset: Any = 0.0, low: float = -np.inf, high: float = np.inf
    ) -> None:
        """Add ``clip(scale * x + offset, low, high)`` of the first input."""
        shape, tensor = self.shape(node), self.source(node.inputs[0])
        factor, term = (np.asarray(each, np.float64) for each in (scale, offset))
        for each in (factor, term):
            if not fits(each.shape, shape):
                raise ConfigError(f"a constant of {list(each.shape)} for a tensor of {list(shape)}")
        name = self.unique(node.title)
        self.add_line(Clipped(name, (tensor,), node.outputs[0], shape, factor, term, low, high), node.inputs[0])

    def relu(self, node: OnnxNode) -> None:
        """Add a ReLU."""
        self._line(node, low=0.0)

    def clip(self, node: OnnxNode) -> None:
        """Add limits, which are attributes or constants."""
        limits = []
        for index, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
            given = index < len(node.inputs) and node.inputs[index]
            value = self.constant(node, index, name).item() if given else node.attributes.get(name, default)
            limits.append(float(value))  # type: ignore[arg-type]
        self._line(node, low=limits[0], high=limits[1])

    def hard_sigmoid(self, node: OnnxNode) -> None:
        """Add a line between 0 and 1."""
        self._line(node, node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5), 0.0, 1.0)

    def hard_swish(self, node: OnnxNode) -> None:
        """Add ``x * clip(x / 6 + 1/2, 0, 1)``."""
        shape, [name] = self.shape(node), node.inputs
        gate = f"{node.outputs[0]}.gate"
        self.put(
            Clipped(
                self.unique(f"{node.title}.gate"), (self.source(name),), gate, shape, np.array(1 / 6),
                np.array(0.5), 0.0, 1.0,
            )
        )  # fmt: skip
        self.add(node, Scaled, shape, name, gate)

    def add_node(self, node: OnnxNode) -> None:
        """Add a term: a constant, or another tensor."""
        self._elementwise(node, Sum, lambda value: (1.0, value))

    def multiply(self, node: OnnxNode) -> None:
        """Add a factor: a constant, or another tensor."""
        self._elementwise(node, Scaled, lambda value: (value, 0.0))

    def subtract(self, node: OnnxNode) -> None:
        """Add the difference of a tensor and a constant, in either order."""
        if self.fold(node):
            return
        first = node.inputs[0] in self.constants
        if not first and node.inputs[1] not in self.constants:
            raise ConfigError("a difference of two tensors is not allowed: one must be a constant")
        value = self._value(node, 0 if first else 1)
        self._line(self._turned(node), *((-1.0, value) if first else (1.0, -value)))

    def divide(self, node: OnnxNode) -> None:
        """Add the quotient of a tensor and a constant."""
        if self.fold(node):
            return
        if node.inputs[1] not in self.constants:
            raise ConfigError("a quotient with a tensor below is not allowed: a constant")
        value = self._value(node, 1)
        if (value == 0).any():
            raise ConfigError(f"divisor {node.inputs[1]} = 0 is not allowed")
        self._line(node, 1 / value)

    def _elementwise(
        self, node: OnnxNode, kind: type[Operation], line: Callable[[np.ndarray], tuple[Any, Any]]
    ) -> None:
        if self.fold(node):
            return
        for index in (0, 1):
            if node.inputs[index] in self.constants:
                self._line(self._turned(node), *line(self._value(node, index)))
                return
        shapes = self.shape(node, 0), self.shape(node, 1)
        if len(shapes[0]) != len(shapes[1]):
            raise ConfigError(f"tensors of {list(shapes[0])} and {list(shapes[1])} are not allowed: equal axes")
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            raise ConfigError(f"tensors of {list(shapes[0])} and {list(shapes[1])} do not fit") from None
        self.add(node, kind, shape, *node.inputs)

    def _turned(self, node: OnnxNode) -> OnnxNode:
        """Return a node whose first input is the tensor, and not the constant."""
        return replace(node, inputs=node.inputs[::-1]) if node.inputs[0] in self.constants else node

    def _value(self, node: OnnxNode, index: int) -> np.ndarray:
        """Return a constant in the shape that goes with a picture's tensor."""
        value = self.constant(node, index, "constant").astype(np.float64)
        axes = len(self.shape(node, 1 - index))
        if value.ndim > axes:
            if value.shape[0] != 1:
                raise ConfigError(f"a constant of {list(value.shape)} is not allowed: equal for all pictures")
            value = value.reshape(value.shape[1:])
        return value.reshape(()) if value.size == 1 else value

    # Functions, pools, shapes.

    def sigmoid(self, node: OnnxNode) -> None:
        """Add a sigmoid."""
        self.add(node, Sigmoid, self.shape(node))

    def softmax(self, node: OnnxNode) -> None:
        """Add a softmax along an axis."""
        shape = self.shape(node)
        self.add(node, Softmax, shape, axis=own_axis(node, node.attributes.get("axis", -1), shape))

    def mean(self, node: OnnxNode) -> None:
        """Add a mean over all positions, or over the axes of the node."""
        shape = self.shape(node)
        if node.operator == "GlobalAveragePool":
            axes, keep = tuple(range(1 - len(shape), 0)), True
        else:
            given: Any = node.attributes.get("axes")
            given = self.constant(node, 1, "axes").tolist() if given is None and len(node.inputs) > 1 else given
            axes = tuple(own_axis(node, each, shape) for each in given or range(1, len(shape) + 1))
            keep = bool(node.attributes.get("keepdims", 1))
        sizes = [1 if index - len(shape) in axes else size for index, size in enumerate(shape)]
        left = tuple(size for index, size in enumerate(sizes) if keep or index - len(shape) not in axes)
        self.add(node, Mean, left, axes=axes)

    def pool(self, node: OnnxNode) -> None:
        """Add a pool of patches."""
        shape, kernel = self.shape(node), node.attributes.get("kernel_shape", ())
        if len(shape) != 3 or len(kernel) != 2:  # type: ignore[arg-type]
            raise ConfigError(f"a kernel of {kernel} for an input of {list(shape)}: two-dimensional pictures")
        allow_only(node, "ceil_mode", 0)
        patches = patches_of(node, shape, kernel)  # type: ignore[arg-type]
        if any(pad >= size for pad, size in zip(patches.pads, 2 * patches.kernel, strict=True)):
            raise ConfigError(f"pads = {patches.pads} are not allowed: fewer than the kernel of {kernel}")
        kind = "max" if node.operator == "MaxPool" else "mean"
        counted = bool(node.attributes.get("count_include_pad", 0))
        self.add(node, Pool, (shape[0], *patches.grid), patches=patches, kind=kind, count_pads=counted)

    def arrange(self, node: OnnxNode) -> None:
        """Add a change of shape."""
        if self.fold(node):
            return
        shape = self.shape(node)
        wanted = wanted_shape(node, (1, *shape), self.constant)
        if wanted[0] != 1 or np.prod(wanted) != np.prod(shape):
            raise ConfigError(f"a tensor of {[1, *shape]} cannot become one of {list(wanted)}: pictures stay apart")
        if wanted[1:] == shape:
            return self.rename(node)
        return self.add(node, Arranged, wanted[1:])

    def transpose(self, node: OnnxNode) -> None:
        """Add an exchange of axes."""
        if self.fold(node):
            return
        shape = self.shape(node)
        axes = tuple(node.attributes.get("perm", tuple(range(len(shape) + 1))[::-1]))  # type: ignore[arg-type]
        if sorted(axes) != list(range(len(shape) + 1)) or axes[0] != 0:
            raise ConfigError(f"perm = {axes} is not allowed: pictures stay the first of {len(shape) + 1} axes")
        inner = tuple(each - 1 for each in axes[1:])
        self.add(node, Arranged, tuple(shape[each] for each in inner), axes=inner)

    def join(self, node: OnnxNode) -> None:
        """Add tensors side by side."""
        if self.fold(node):
            return
        shapes = [self.shape(node, index) for index in range(len(node.inputs))]
        axis = own_axis(node, node.attributes.get("axis", 1), shapes[0])
        apart = [tuple(size for index, size in enumerate(each) if index - len(each) != axis) for each in shapes]
        if len(set(apart)) > 1:
            raise ConfigError(f"tensors of {', '.join(str(list(each)) for each in shapes)} do not fit side by side")
        shape = list(shapes[0])
        shape[axis] = sum(each[axis] for each in shapes)
        self.add(node, Joined, tuple(shape), *node.inputs, axis=axis)

    def shape_of(self, node: OnnxNode) -> None:
        """Take the shape of a tensor of one picture as a constant."""
        name = node.inputs[0]
        shape = self.constants[name].shape if name in self.constants else (1, *self.shape(node))
        self.constants[node.outputs[0]] = np.array(shape, np.int64)

    def number(self, node: OnnxNode) -> None:
        """Take numbers of the node as a constant."""
        [value] = [node.attributes[each] for each in NUMBERS if each in node.attributes]
        self.constants[node.outputs[0]] = np.asarray(value)

    def cast(self, node: OnnxNode) -> None:
        """Take a constant in another type; a tensor stays what it is."""
        if (values := self.constants_of(node)) is None:
            return self.rename(node)
        kind = INTEGERS.get(int(node.attributes.get("to", 1)), np.float32)  # type: ignore[arg-type]
        self.constants[node.outputs[0]] = values[0].astype(kind)
        return None

    def fold_alone(self, node: OnnxNode) -> None:
        """Take the result of constants."""
        if not self.fold(node):
            raise ConfigError(f"operator {node.operator} is allowed for constants alone")

    def fold(self, node: OnnxNode) -> bool:
        """Compute a node whose inputs are constants; return whether it is one."""
        values = self.constants_of(node)
        if values is None:
            return False
        try:
            self.constants[node.outputs[0]] = np.asarray(FOLDED[node.operator](node, *values))
        except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
            raise ConfigError(f"its constants do not fit: {error}") from error
        return True


READERS: dict[str, Callable[[_Reader, OnnxNode], None]] = {
    "Add": _Reader.add_node,
    "AveragePool": _Reader.pool,
    "BatchNormalization": _Reader.batch_norm,
    "Cast": _Reader.cast,
    "Clip": _Reader.clip,
    "Concat": _Reader.join,
    "Constant": _Reader.number,
    "Conv": _Reader.conv,
    "Div": _Reader.divide,
    "Dropout": _Reader.rename,
    "Flatten": _Reader.arrange,
    "Gather": _Reader.fold_alone,
    "Gemm": _Reader.gemm,
    "GlobalAveragePool": _Reader.mean,
    "HardSigmoid": _Reader.hard_sigmoid,
    "HardSwish": _Reader.hard_swish,
    "Identity": _Reader.rename,
    "LogSoftmax": _Reader.softmax,
    "MatMul": _Reader.matmul,
    "MaxPool": _Reader.pool,
    "Mul": _Reader.multiply,
    "ReduceMean": _Reader.mean,
    "Relu": _Reader.relu,
    "Reshape": _Reader.arrange,
    "Shape": _Reader.shape_of,
    "Sigmoid": _Reader.sigmoid,
    "Slice": _Reader.fold_alone,
    "Softmax": _Reader.softmax,
    "Sqrt": _Reader.fold_alone,
    "Squeeze": _Reader.arrange,
    "Sub": _Reader.subtract,
    "Transpose": _Reader.transpose,
    "Unsqueeze": _Reader.arrange,
}
"""Operators that a classifier may have."""


def _stem(name: str) -> str:
    """Return the name of a layer from that of its weights; nothing if that is a name of another kind."""
    ends = [each for each in (".weight", "_weights", "_weight", ".w_0") if name.endswith(each)]
    return name.removesuffix(ends[0]) if ends else ""
