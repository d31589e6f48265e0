"""Small graphs of ONNX, one or two for each operator that a classifier may have, and what they compute by definition."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import correlate2d
from scipy.special import expit

from tilewright.mapping.models.readers.onnx_file import OnnxGraph, OnnxNode

RNG = np.random.default_rng(11)
SHAPE = (4, 6, 7)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


CONSTANTS = {
    "point": normal(4, 4, 1, 1),
    "dense": normal(6, 4, 3, 2),
    "depth": normal(4, 1, 5, 5),
    "twice": normal(8, 1, 3, 3),
    "halves": normal(6, 2, 3, 3),
    "bias": normal(4),
    "scale": normal(4),
    "mean": normal(4),
    "variance": np.abs(normal(4)),
    "plane": normal(1, 4, 1, 1),
    "three": np.array(3, np.float32),
    "six": np.array(6, np.float32),
    "zero": np.array(0, np.float32),
    "matrix": normal(42, 5),
    "row": normal(5),
    "to_rows": np.array([0, 4, -1]),
    "first": np.array([0]),
    "one": np.array([1]),
    "flat": np.array([-1]),
    "axes": np.array([2, 3]),
}


def convolved(x: np.ndarray, weights: np.ndarray, groups: int, stride: tuple[int, int], pads: tuple[int, ...]):
    """Return a convolution of (channels, height, width) by SciPy's correlation."""
    padded = np.pad(x, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    each, inputs = len(weights) // groups, len(x) // groups
    found = []
    for output, kernel in enumerate(weights.astype(np.float64)):
        channels = padded[output // each * inputs :][:inputs]
        whole = sum(correlate2d(*both, mode="valid") for both in zip(channels, kernel, strict=True))
        found.append(whole[:: stride[0], :: stride[1]])
    return np.array(found)


def point(x: np.ndarray) -> np.ndarray:
    """Return the convolution that all other graphs begin with."""
    return convolved(x, CONSTANTS["point"], 1, (1, 1), (0, 0, 0, 0))


def per_channel(name: str) -> np.ndarray:
    return CONSTANTS[name].astype(np.float64).reshape(4, 1, 1)


def pooled(x: np.ndarray, pads: tuple[int, ...], how: Callable) -> np.ndarray:
    """Return the pool of patches of 3 x 2 with a stride of 2 x 1; what is around is NaN."""
    around = ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]))
    padded = np.pad(x, around, constant_values=np.nan)
    down, across = (padded.shape[1] - 3) // 2 + 1, padded.shape[2] - 1
    rows = [[how(padded[:, 2 * r : 2 * r + 3, c : c + 2], axis=(1, 2)) for c in range(across)] for r in range(down)]
    return np.array(rows).transpose(2, 0, 1)


@dataclass(frozen=True)
class Example:
    """A graph after a convolution of single positions, whose result is ``t``, and its definition."""

    nodes: tuple[OnnxNode, ...]
    defined: Callable[[np.ndarray], np.ndarray]
    """Function from the result of that convolution to that of the graph, which is ``y``."""
    operations: tuple[str, ...] = field(default=())
    """Kinds of the operations that the graph becomes, the convolution included."""

    @property
    def graph(self) -> OnnxGraph:
        """The graph."""
        conv = OnnxNode("Conv", ("x", "point"), ("t",), {}, "first")
        return OnnxGraph((conv, *self.nodes), CONSTANTS, {"x": (None, *SHAPE)}, {"y": (None,)})


def node(operator: str, *names: str, **attributes: object) -> OnnxNode:
    """Return a node whose result is the last name."""
    return OnnxNode(operator, names[:-1], names[-1:], attributes)  # type: ignore[arg-type]


def conv(weights: str, groups: int, stride: tuple[int, int], pads: tuple[int, ...], *bias: str) -> Example:
    size = CONSTANTS[weights].shape[2:]
    made = node("Conv", "t", weights, *bias, "y", group=groups, strides=stride, pads=pads, kernel_shape=size)
    term = per_channel(*bias) if bias else 0.0
    return Example((made,), lambda t: convolved(t, CONSTANTS[weights], groups, stride, pads) + term, ("Product",) * 2)


def hard_swish(t: np.ndarray) -> np.ndarray:
    return t * np.clip(t + 3, 0, 6) / 6


POOL = {"kernel_shape": (3, 2), "strides": (2, 1), "pads": (1, 1, 0, 0)}
PATCH = {"kernel_shape": (3, 2), "strides": (2, 1)}
ONE, TWO = ("Product",), ("Product", "Product")
GATED = ("Product", "Clipped", "Scaled")
EXAMPLES: Mapping[str, Example] = {
    "dense": conv("dense", 1, (2, 1), (1, 0, 2, 1)),
    "depthwise": conv("depth", 4, (2, 1), (2, 2, 2, 2), "bias"),
    "depthwise, leaving out": conv("depth", 4, (1, 2), (2, 2, 2, 2)),
    "two outputs a channel": conv("twice", 4, (1, 1), (1, 1, 1, 1)),
    "groups": conv("halves", 2, (1, 2), (0, 0, 0, 0)),
    "same": Example(
        (node("Conv", "t", "dense", "y", auto_pad="SAME_UPPER", strides=(2, 2)),),
        lambda t: convolved(t, CONSTANTS["dense"], 1, (2, 2), (0, 0, 1, 1)),
        TWO,
    ),
    "batch norm": Example(
        (node("BatchNormalization", "t", "scale", "bias", "mean", "variance", "y", epsilon=1e-3),),
        lambda t: (
            (t - per_channel("mean")) / np.sqrt(per_channel("variance") + 1e-3) * per_channel("scale")
            + per_channel("bias")
        ),
        ONE,
    ),
    "bias and relu": Example(
        (node("Add", "plane", "t", "a"), node("Relu", "a", "y")),
        lambda t: np.maximum(t + CONSTANTS["plane"][0], 0),
        ONE,
    ),
    "clip": Example((node("Clip", "t", "zero", "six", "y"),), lambda t: np.clip(t, 0, 6), ("Product", "Clipped")),
    "hard swish": Example((node("HardSwish", "t", "y"),), hard_swish, GATED),
    "hard swish in parts": Example(
        (node("Add", "t", "three", "a"), node("Clip", "a", "zero", "six", "b"), node("Mul", "t", "b", "c"),
         node("Div", "c", "six", "y")),
        hard_swish, GATED,
    ),
    "hard swish of a hard sigmoid": Example(
        (node("HardSigmoid", "t", "a", alpha=1 / 6, beta=0.5), node("Mul", "a", "t", "y")), hard_swish, GATED
    ),
    "silu": Example(
        (node("Sigmoid", "t", "a"), node("Mul", "t", "a", "y")), lambda t: t * expit(t), ("Product", "Sigmoid", "Scaled")
    ),
    "minus": Example((node("Sub", "three", "t", "y"),), lambda t: 3 - t, ONE),
    "squeeze and excite": Example(
        (node("GlobalAveragePool", "t", "a"), node("Conv", "a", "point", "bias", "b"),
         node("HardSigmoid", "b", "c", alpha=0.2, beta=0.5), node("Mul", "t", "c", "y")),
        lambda t: t * np.clip(
            0.2 * (point(t.mean(axis=(1, 2), keepdims=True)) + per_channel("bias")) + 0.5, 0, 1
        ),
        ("Product", "Mean", "Product", "Clipped", "Scaled"),
    ),
    "residual": Example(
        (node("Conv", "t", "depth", "a", group=4, pads=(2, 2, 2, 2)), node("Add", "a", "t", "y")),
        lambda t: convolved(t, CONSTANTS["depth"], 4, (1, 1), (2, 2, 2, 2)) + t,
        (*TWO, "Sum"),
    ),
    "largest": Example((node("MaxPool", "t", "y", **POOL),), lambda t: pooled(t, (1, 1, 0, 0), np.nanmax)),
    "largest of patches": Example(
        (node("MaxPool", "t", "y", **PATCH),), lambda t: pooled(t, (0, 0, 0, 0), np.nanmax), ("Product", "Pool")
    ),
    "largest of padded patches": Example(
        (node("Relu", "t", "a"), node("MaxPool", "a", "y", **POOL)),
        lambda t: pooled(np.maximum(t, 0), (1, 1, 0, 0), np.nanmax), ("Product", "Pool"),
    ),
    "average of patches": Example(
        (node("AveragePool", "t", "y", **PATCH),), lambda t: pooled(t, (0, 0, 0, 0), np.nanmean), ("Product", "Pool")
    ),
    "two gates": Example(
        (node("Clip", "t", "zero", "six", "a"), node("HardSigmoid", "t", "b"), node("Mul", "a", "b", "y")),
        lambda t: np.clip(t, 0, 6) * np.clip(0.2 * t + 0.5, 0, 1),
        ("Product", "Clipped", "Clipped", "Scaled"),
    ),
    "two readers": Example(
        (node("Conv", "t", "depth", "a", group=4, pads=(2, 2, 2, 2)), node("Conv", "t", "point", "b"),
         node("Add", "a", "b", "y")),
        lambda t: convolved(t, CONSTANTS["depth"], 4, (1, 1), (2, 2, 2, 2)) + point(t),
        ("Product", "Product", "Product", "Sum"),
    ),
    "average": Example((node("AveragePool", "t", "y", **POOL),), lambda t: pooled(t, (1, 1, 0, 0), np.nanmean)),
    "average with pads": Example(
        (node("AveragePool", "t", "y", count_include_pad=1, **POOL),),
        lambda t: pooled(t, (1, 1, 0, 0), np.nansum) / 6,
    ),
    "means": Example(
        (node("ReduceMean", "t", "a", axes=(2,), keepdims=0), node("Unsqueeze", "a", "one", "b"),
         node("Squeeze", "b", "one", "y")),
        lambda t: t.mean(axis=1),
    ),
    "rows of a matrix": Example(
        (node("Reshape", "t", "to_rows", "a"), node("MatMul", "a", "matrix", "b"), node("Add", "b", "row", "c"),
         node("Transpose", "c", "d", perm=(0, 2, 1)), node("Softmax", "d", "e", axis=1), node("Identity", "e", "f"),
         node("Mul", "f", "three", "y")),
        lambda t: 3 * _softmax(t.reshape(4, -1) @ CONSTANTS["matrix"].astype(np.float64) + CONSTANTS["row"]).T,
        (*ONE, "Arranged", "Product", "Arranged", "Softmax", "Clipped"),
    ),
    "side by side": Example(
        (node("Relu", "t", "a"), node("Concat", "t", "a", "y", axis=1)),
        lambda t: np.concatenate([t, np.maximum(t, 0)]), ("Product", "Clipped", "Joined"),
    ),
    "a shape from the graph": Example(
        (node("Shape", "t", "a"), node("Cast", "a", "b", to=6), node("Slice", "b", "first", "one", "c"),
         node("Cast", "c", "d", to=7), node("Concat", "d", "flat", "e", axis=0), node("Reshape", "t", "e", "y")),
        np.ravel, ("Product", "Arranged"),
    ),
}  # fmt: skip


def _softmax(rows: np.ndarray) -> np.ndarray:
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
