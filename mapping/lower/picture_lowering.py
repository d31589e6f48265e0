"""Steps, buffers and constants of a classifier of pictures while it is lowered, and the plane of each tensor."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tilewright.mapping.models.classifier import Operation
from tilewright.mapping.precision.npe_classifier import NpeClassifier
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.graph.operator import Operator
from tilewright.sim.isa.steps import Buffer, Matrix, Pass, Step
from tilewright.sim.isa.vector_command import PassOptions

from .lowering import PLAIN
from .planes import Plane, beside, picture_shape


@dataclass
class PictureLowering:
    """Steps of a classifier of pictures as they come about, with their buffers and constants."""

    quantised: NpeClassifier
    lanes: int
    steps: list[Step] = field(default_factory=list)
    buffers: dict[str, Buffer] = field(default_factory=dict)
    contents: dict[str, np.ndarray] = field(default_factory=dict)
    planes: dict[str, Plane] = field(default_factory=dict)
    codes: dict[str, Matrix] = field(default_factory=dict)
    """Tensors that a job leaves in the format of the product that reads them."""
    gates: set[str] = field(default_factory=set)
    """Tensors of which the ReLU of the pass that reads them is still to be taken."""
    given: set[str] = field(default_factory=set)
    """Tensors whose patches the host gathers."""
    with_gaps: set[str] = field(default_factory=set)
    """Buffers of patches, whose places begin at multiples of the lanes."""

    def __post_init__(self) -> None:
        self.operator: Operator
        """Operator to which new buffers belong."""

    def matrix(self, name: str, rows: int, columns: int, storage: StoredFormat = stored.BF16) -> Matrix:
        """Return a new matrix."""
        self.buffers[name] = Buffer(name, rows * columns, storage, self.operator)
        return Matrix(self.buffers[name], rows, columns, columns)

    def constant(self, name: str, values: np.ndarray, storage: StoredFormat = stored.FP32) -> Matrix:
        """Return a matrix of constants, (rows, columns); the same one for the same name."""
        if name not in self.buffers:
            self.matrix(name, values.shape[0], values.shape[1], storage)
            self.contents[name] = values if storage is not stored.FP32 else values.astype(np.float32).view(np.uint32)
        return Matrix(self.buffers[name], values.shape[0], values.shape[1], values.shape[1])

    def number(self, value: float, columns: int) -> Matrix:
        """Return a row of equal numbers."""
        return self.constant(f"{np.float32(value)!s}.{columns}", np.full((1, columns), value))

    def plane(self, each: Operation) -> Plane:
        """Return the plane of the result of an operation, with zeros beside it where a reader needs them."""
        channels, height, width = picture_shape(each.shape)
        left, right = beside(self.quantised.classifier, each.output)
        matrix = self.matrix(each.output, height * (left + width + right), channels)
        self.planes[each.output] = plane = Plane(matrix, height, width, left, right)
        for part in plane.beside:
            self.run(self.number(0.0, channels), out=part)
        return plane

    def run(
        self, a: Matrix, options: PassOptions = PLAIN, *, b: Matrix | None = None, c: Matrix | None = None, out: Matrix
    ) -> None:
        """Add a pass; A, B and C of one row serve all rows."""
        b, c = (each.repeated(out.rows) if each and each.rows == 1 else each for each in (b, c))
        self.steps.append(Pass(options=options, a=a.repeated(out.rows) if a.rows == 1 else a, b=b, c=c, out=out))

    def whole(self, tensor: str) -> Matrix:
        """Return all positions of a tensor without anything beside them."""
        plane = self.planes[tensor]
        if plane.bare:
            return plane.matrix
        name = f"{tensor}.bare"
        if name not in self.planes:
            matrix = self.matrix(name, plane.height * plane.width, plane.matrix.columns)
            self.planes[name] = Plane(matrix, plane.height, plane.width)
            self.each_line(plane, self.planes[name], lambda a, d: self.run(a, out=d))
        return self.planes[name].matrix

    def each_line(self, source: Plane, out: Plane, add: Callable[..., None], *others: Plane) -> None:
        """Call a function with the positions of planes: all at once if nothing is beside them, or line by line."""
        planes = (source, out, *others)
        if all(each.bare for each in planes):
            add(*(each.matrix for each in planes))
            return
        for row in range(out.height):
            add(*(each.line(row) for each in planes))
