"""Shapes of tensors that nodes of ONNX make: of one picture, with or without the axis of pictures."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import Patches

from .onnx_file import OnnxNode

Shape = tuple[int, ...]


def picture_shape(name: str, shape: Sequence[int | None], picture: Shape | None) -> Shape:
    """Return the shape of a picture: that of the file, with open sizes from the pictures."""
    if len(shape) not in (2, 4):
        raise ConfigError(f"input {name} of shape {_open(shape)} is not allowed: pictures, or rows")
    if None not in shape[1:]:
        return tuple(size for size in shape[1:] if size is not None)
    if picture is None or len(picture) != len(shape) - 1:
        raise ConfigError(
            f"input {name} of shape {_open(shape)} leaves its size open: pictures of shape (pictures, channels, "
            "height, width) give it"
        )
    for size, given in zip(shape[1:], picture, strict=True):
        if size is not None and size != given:
            raise ConfigError(f"pictures of shape {list(picture)} are not allowed: {_open(shape[1:])}")
    return picture


def _open(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def allow_only(node: OnnxNode, name: str, allowed: object) -> None:
    value = node.attributes.get(name, allowed)
    if value != allowed:
        raise ConfigError(f"{name} = {value} is not allowed: {allowed}")


def own_axis(node: OnnxNode, given: Any, shape: Shape) -> int:
    """Return an axis of a picture's tensor, counted from the last, from one of all pictures."""
    axis = int(given) - (len(shape) + 1 if given >= 0 else 0)
    if not -len(shape) <= axis < 0:
        raise ConfigError(f"axis = {given} is not allowed: one of a picture's own {len(shape)} axes")
    return axis


def patches_of(node: OnnxNode, shape: Shape, kernel: Sequence[int]) -> Patches:
    allow_only(node, "dilations", (1, 1))
    given = node.attributes.get("kernel_shape", tuple(kernel))
    stride: Any = node.attributes.get("strides", (1, 1))
    pads: Any = node.attributes.get("pads", (0, 0, 0, 0))
    if given != tuple(kernel) or len(stride) != 2 or len(pads) != 4 or min(pads) < 0 or min(stride) < 1:
        raise ConfigError(f"kernel_shape = {given}, strides = {stride}, pads = {pads} do not fit a kernel of {kernel}")
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        sums = [max(0, (-(-size // by) - 1) * by + each - size)
                for size, by, each in zip(shape[1:], stride, kernel, strict=True)]  # fmt: skip
        less, more = tuple(each // 2 for each in sums), tuple(each - each // 2 for each in sums)
        pads = (*less, *more) if automatic == "SAME_UPPER" else (*more, *less)
    elif automatic == "VALID":
        pads = (0, 0, 0, 0)
    elif automatic != "NOTSET":
        raise ConfigError(f"auto_pad = {automatic} is not allowed: NOTSET, SAME_UPPER, SAME_LOWER or VALID")
    patches = Patches(shape, tuple(kernel), tuple(stride), tuple(pads))  # type: ignore[arg-type]
    if min(patches.grid) < 1:
        raise ConfigError(f"a kernel of {list(kernel)} is larger than an input of {list(shape)}")
    return patches


def wanted_shape(node: OnnxNode, shape: Shape, constant: Callable[[OnnxNode, int, str], np.ndarray]) -> Shape:
    """Return the shape that a node gives to the tensor of one picture."""
    if node.operator == "Flatten":
        axis = int(node.attributes.get("axis", 1))  # type: ignore[arg-type]
        return int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))
    if node.operator == "Reshape":
        sizes = constant(node, 1, "shape").tolist()
        wanted = [shape[at] if size == 0 and at < len(shape) else size for at, size in enumerate(sizes)]
        if wanted.count(-1) == 1:
            rest = -int(np.prod(wanted))
            wanted[wanted.index(-1)] = int(np.prod(shape)) // rest if rest > 0 else -1
        return tuple(wanted)
    given: Any = node.attributes.get("axes")
    if given is None and len(node.inputs) > 1:
        given = constant(node, 1, "axes").tolist()
    if node.operator == "Unsqueeze":
        size = len(shape) + len(given or ())
        places = {int(each) % size for each in given or ()}
        sizes_left = iter(shape)
        return tuple(1 if at in places else next(sizes_left) for at in range(size))
    taken = {int(each) % len(shape) for each in given} if given is not None else {
        at for at, size in enumerate(shape) if size == 1 and at
    }  # fmt: skip
    if any(shape[at] != 1 for at in taken):
        raise ConfigError(f"axes = {given} of a tensor of {list(shape)} are not allowed: axes of size 1")
    return tuple(size for at, size in enumerate(shape) if at not in taken)


def fits(shape: Shape, whole: Shape) -> bool:
    """Return whether an array of a shape has a number for each element of another one."""
    try:
        return np.broadcast_shapes(shape, whole) == whole
    except ValueError:
        return False
