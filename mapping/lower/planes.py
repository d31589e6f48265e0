"""Tensors of a picture as matrices: a row for each position, left to right and top to bottom, a column a channel."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import Classifier, Clipped, Patches, Pool, Product
from tilewright.sim.isa.steps import Matrix


@dataclass(frozen=True)
class Plane:
    """A tensor as positions and channels, with zeros to the left and to the right of each line."""

    matrix: Matrix
    """All positions, those beside the picture included."""
    height: int
    width: int
    left: int = 0
    right: int = 0

    @property
    def bare(self) -> bool:
        """Whether nothing is beside the picture."""
        return not self.left and not self.right

    @property
    def line_width(self) -> int:
        """Number of positions of a line, with those beside the picture."""
        return self.left + self.width + self.right

    def line(self, row: int, column: int = 0, count: int = 0) -> Matrix:
        """Return some positions of a line, by default those of the picture, which begin with column 0."""
        first = row * self.line_width + column + self.left
        return self.matrix.part(rows=slice(first, first + (count or self.width)))

    def places(self, patches: Patches, row: int, first: int, count: int) -> Iterator[tuple[int, Matrix]]:
        """Yield the number of each place of a kernel that is not above or below the picture, with the positions there
        of some patches of a line."""
        top, left, _, _ = patches.pads
        for number in range(patches.kernel[0] * patches.kernel[1]):
            down, across = divmod(number, patches.kernel[1])
            line = row * patches.stride[0] + down - top
            if 0 <= line < self.height:
                yield number, self.line(line, first * patches.stride[1] + across - left, count)

    @property
    def beside(self) -> Iterator[Matrix]:
        """Positions beside the picture, in parts that lie one after the other."""
        if not self.bare:
            ends = [row * self.line_width + self.left + self.width for row in range(self.height)]
            rests = [*(self.right + self.left for _ in ends[1:]), self.right]
            for first, count in ((0, self.left), *zip(ends, rests, strict=True)):
                if count:
                    yield self.matrix.part(rows=slice(first, first + count))


def parts_of_lines(patches: Patches) -> Iterator[tuple[int, int, int]]:
    """Yield patches whose numbers at a place of the kernel follow one another, as a line, the first one and their
    number: a whole line, or each patch alone where the stride leaves positions out."""
    down, across = patches.grid
    for row in range(down):
        if patches.stride[1] == 1:
            yield row, 0, across
        else:
            yield from ((row, first, 1) for first in range(across))


def beside(classifier: Classifier, tensor: str) -> tuple[int, int]:
    """Return the number of positions that readers of a tensor need to the left and to the right of a line."""
    views = (each.patches for each in classifier.readers(tensor) if isinstance(each, Product | Pool))
    pads = [each.pads for each in views if each]
    return max((each[1] for each in pads), default=0), max((each[3] for each in pads), default=0)


def zeros_around(classifier: Classifier, pool: Pool) -> bool:
    """Return whether zeros around the picture of a pool do not change its result."""
    if pool.kind == "mean":
        return pool.count_pads
    made = next((each for each in classifier.operations if each.output == pool.inputs[0]), None)
    return (isinstance(made, Clipped) and made.low >= 0) or (isinstance(made, Product) and made.relu)


def picture_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the shape of a tensor as channels, height and width.

    Raises
    ------
    ConfigError
        If it has other axes.
    """
    if len(shape) not in (1, 3):
        raise ConfigError(f"a tensor of {list(shape)} is not allowed: channels, height and width, or a row")
    channels, height, width = (*shape, 1, 1)[:3]
    return channels, height, width


def by_channel(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return numbers that go with a tensor as a row, (1, channels).

    Raises
    ------
    ConfigError
        If they differ from position to position.
    """
    if values.size != 1 and (values.size != shape[0] or (values.ndim < 3 and len(shape) == 3)):
        raise ConfigError(f"factors of {list(values.shape)} are not allowed on the vector unit: one for each channel")
    return np.broadcast_to(values.reshape(1, -1), (1, shape[0]))


def positions(x: np.ndarray) -> np.ndarray:
    """Return a tensor of a picture, (channels, height, width) or a row, as positions and channels."""
    return x.reshape(len(x), -1).T
