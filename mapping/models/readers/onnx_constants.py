"""Operators of ONNX on constants, which a reader computes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .onnx_file import OnnxNode


def _reshaped(node: OnnxNode, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return values.reshape([values.shape[at] if size == 0 else size for at, size in enumerate(wanted.tolist())])


def _sliced(node: OnnxNode, values: np.ndarray, *bounds: np.ndarray) -> np.ndarray:
    starts, ends, *rest = (each.tolist() for each in bounds)
    axes = rest[0] if rest else range(len(starts))
    steps = rest[1] if len(rest) > 1 else [1] * len(starts)
    parts = [slice(None)] * values.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        parts[axis] = slice(start, end, step)
    return values[tuple(parts)]


def _unsqueezed(node: OnnxNode, values: np.ndarray, *axes: np.ndarray) -> np.ndarray:
    return np.expand_dims(values, tuple(axes[0].tolist() if axes else node.attributes["axes"]))  # type: ignore[arg-type]


def _squeezed(node: OnnxNode, values: np.ndarray, *axes: np.ndarray) -> np.ndarray:
    given = axes[0].tolist() if axes else node.attributes.get("axes")
    return np.squeeze(values, None if given is None else tuple(given))  # type: ignore[arg-type]


FOLDED: dict[str, Callable[..., Any]] = {
    "Add": lambda _, a, b: a + b,
    "Concat": lambda node, *values: np.concatenate(values, axis=node.attributes["axis"]),
    "Div": lambda _, a, b: a / b if a.dtype.kind == "f" else a // b,
    "Flatten": lambda node, a: a.reshape(int(np.prod(a.shape[: node.attributes.get("axis", 1)])), -1),
    "Gather": lambda node, a, indices: np.take(a, indices, axis=node.attributes.get("axis", 0)),
    "Mul": lambda _, a, b: a * b,
    "Reshape": _reshaped,
    "Slice": _sliced,
    "Sqrt": lambda _, a: np.sqrt(a),
    "Squeeze": _squeezed,
    "Sub": lambda _, a, b: a - b,
    "Transpose": lambda node, a: a.transpose(node.attributes.get("perm")),
    "Unsqueeze": _unsqueezed,
}
"""Operators of constants."""
