"""Operations of a classifier while its file is read: what several nodes write becomes one operation."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tilewright.mapping.models.classifier import Clipped, Operation, Product, Scaled


class OperationList:
    """Operations in order, by the tensors that they make.

    Parameters
    ----------
    read : iterable of str
        Names of tensors, as often as nodes read them or they are results.
    """

    def __init__(self, read: Iterable[str]):
        self.shapes: dict[str, tuple[int, ...]] = {}
        """Shapes of tensors of one picture."""
        self.same: dict[str, str] = {}
        """Tensors that are another one under a second name."""
        self.made: dict[str, Operation] = {}
        """Operations by the names of their results, in order."""
        self.reads: dict[str, int] = {}
        for each in read:
            self.reads[each] = self.reads.get(each, 0) + 1

    def source(self, name: str) -> str:
        """Return the first name of a tensor."""
        return self.same.get(name, name)

    def same_as(self, name: str, other: str) -> None:
        """Take a name for another one of the same tensor."""
        self.same[name] = self.source(other)
        self.shapes[name] = self.shapes[self.same[name]]

    def put(self, operation: Operation) -> None:
        """Take an operation as the one that makes a tensor."""
        self.made[operation.output] = operation
        self.shapes[operation.output] = operation.shape

    def unique(self, name: str) -> str:
        """Return a name that no operation has, which begins with another one."""
        names = {each.name for each in self.made.values()}
        return name if name not in names else f"{name}.{len(names)}"

    def add_line(self, line: Clipped, name: str) -> None:
        """Add a line between limits, to the operation before if that can take it.

        Parameters
        ----------
        name : str
            Name under which the node reads the tensor.
        """
        before = self.made.get(name) if self._read_once(name) else None
        joined: Operation | None = None
        if isinstance(before, Product):
            joined = _in_product(before, line)
        elif isinstance(before, Clipped):
            joined = _as_one(before, line)
        elif isinstance(before, Scaled) and line.linear and not line.scale.ndim and not line.offset.any():
            joined = before if self._in_factor(before, line) else None
        if before is None or joined is None:
            self.put(line)
            return
        del self.made[before.output]
        self.put(replace(joined, output=line.output))

    def _in_factor(self, product: Scaled, line: Clipped) -> bool:
        """Put a factor of a product of two tensors into a line that this product alone reads; return whether there is
        one."""
        for each in product.inputs:
            factor = self.made.get(each)
            joined = _as_one(factor, line) if isinstance(factor, Clipped) and self._read_once(each) else None
            if joined:
                self.made[each] = replace(joined, output=each)
                return True
        return False

    def _read_once(self, name: str) -> bool:
        return self.reads.get(name, 1) == 1 and name not in self.same and name not in self.same.values()


def _in_product(product: Product, line: Clipped) -> Product | None:
    """Return a product with a line after it, if that is a ReLU or has numbers for each output."""
    if product.relu:
        return None
    if line.relu:
        return replace(product, relu=True)
    factor, term = _by_output(product, line.scale), _by_output(product, line.offset)
    if not line.linear or factor is None or term is None:
        return None
    return replace(product, weights=product.weights * factor[:, None], bias=product.bias * factor + term)


def _by_output(product: Product, values: np.ndarray) -> np.ndarray | None:
    """Return a number for each output of a product, if values are equal for all positions."""
    count, axes = len(product.weights), len(product.shape)
    if values.ndim == 0:
        return np.full(count, values)
    along = axes - 3 if product.patches else axes - 1
    shape = (1,) * (axes - values.ndim) + values.shape
    if any(size != 1 for axis, size in enumerate(shape) if axis != along):
        return None
    return np.broadcast_to(values.ravel(), (count,))


def _as_one(before: Clipped, after: Clipped) -> Clipped | None:
    """Return both lines as one, if that is a line between limits."""
    if before.linear:
        scale, offset = before.scale * after.scale, before.offset * after.scale + after.offset
        return replace(after, inputs=before.inputs, scale=scale, offset=offset)
    if not after.linear or after.scale.ndim or after.offset.ndim or not after.scale > 0:
        return None
    low, high = (float(each * after.scale + after.offset) for each in (before.low, before.high))
    scale, offset = before.scale * after.scale, before.offset * after.scale + after.offset
    return replace(after, inputs=before.inputs, scale=scale, offset=offset, low=low, high=high)
