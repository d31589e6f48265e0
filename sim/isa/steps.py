"""Steps of a program: products of integers on the CIM array, and passes of the vector unit.

A step names the matrices that it reads and writes and the row scalars of the vector unit. Nothing here says where in
memory or in the scratchpad they lie.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from tilewright.sim.formats import StoredFormat, stored

from .vector_command import Inverse, PassOptions, Reduce

PASS_RESULTS = (stored.INT8, stored.BF16, stored.FP32)
"""Formats that a pass of the vector unit writes."""


@dataclass(frozen=True)
class Buffer:
    """A named array."""

    name: str
    elements: int
    storage: StoredFormat
    operator: object = field(default=None, compare=False, repr=False)
    """Operator of the graph to which the array belongs: its result, an intermediate result, or its weights."""
    parts: int = 1
    """Number of equal parts, one after the other: of a cache of keys or values, or of its scales, one for each head."""


@dataclass(frozen=True)
class Matrix:
    """A part of a buffer: element (r, c) is number ``offset + r * stride + c``.

    Raises
    ------
    ValueError
        If it is empty, or leaves its buffer.
    """

    buffer: Buffer
    rows: int
    columns: int
    stride: int
    """Elements from a row to the next; 0: all rows are the same one."""
    offset: int = 0
    bits_as: StoredFormat | None = None
    """Format of the same size as which the bits of elements are read; None: the format of the buffer."""

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"{self.buffer.name}: {self.rows} x {self.columns} elements are no matrix")
        last = self.offset + (self.rows - 1) * self.stride + self.columns - 1
        if self.offset < 0 or self.stride < 0 or last >= self.buffer.elements:
            raise ValueError(
                f"{self.buffer.name}: element {last if self.offset >= 0 else self.offset} of {self.buffer.elements}"
            )

    @property
    def storage(self) -> StoredFormat:
        """Format of the elements."""
        return self.bits_as or self.buffer.storage

    def part(self, *, rows: slice = slice(None), columns: slice = slice(None)) -> Self:
        """Return some rows and columns that follow one another."""
        first, end, _ = rows.indices(self.rows)
        left, right, _ = columns.indices(self.columns)
        offset = self.offset + first * self.stride + left
        return replace(self, rows=end - first, columns=right - left, offset=offset)

    def repeated(self, rows: int) -> Self:
        """Return one row as a matrix of so many equal ones."""
        if self.rows != 1:
            raise ValueError(f"{self.buffer.name}: {self.rows} rows are not one")
        return replace(self, rows=rows, stride=0)

    def reshaped(self, rows: int, columns: int) -> Self:
        """Return a matrix without gaps in another shape."""
        if rows * columns != self.rows * self.columns or (self.rows > 1 and self.stride != self.columns):
            raise ValueError(f"{self.buffer.name}: {self.rows} x {self.columns} is not {rows} x {columns} without gaps")
        return replace(self, rows=rows, columns=columns, stride=columns)


@dataclass(frozen=True)
class Scalars:
    """Some of the row scalars of a name."""

    name: str
    rows: int
    first: int = 0

    def part(self, first: int, rows: int) -> Self:
        """Return ``rows`` of them."""
        if not 0 <= first <= first + rows <= self.rows:
            raise ValueError(f"{self.name}: scalars {first} to {first + rows - 1} of {self.rows}")
        return replace(self, first=self.first + first, rows=rows)


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product of integers on the CIM array: ``out = a @ weights``, sums in int32.

    With ``transposed``, row n of ``weights`` is column n of the product's matrix: keys, as they lie in the cache.
    Weights are counts: what :meth:`.StoredFormat.decode` makes of their codes. With ``scales`` the weights (k, n) are
    multiplied by the counts of ``scales[k // group, n]``.

    Raises
    ------
    ValueError
        If shapes or storages do not fit.
    """

    a: Matrix
    weights: Matrix
    out: Matrix
    transposed: bool = False
    scales: Matrix | None = None
    group: int = 0
    """Rows of weights that share a scale."""

    @property
    def operator(self) -> object:
        """Operator of the graph that the step serves."""
        return self.out.buffer.operator

    def __post_init__(self) -> None:
        k, n = self.weights.rows, self.weights.columns
        if self.transposed:
            k, n = n, k
        if (self.a.columns, self.out.rows, self.out.columns) != (k, self.a.rows, n):
            raise ValueError(
                f"{self.out.buffer.name}: {self.out.rows} x {self.out.columns} is not the shape of "
                f"{self.a.rows} x {self.a.columns} times {k} x {n}"
            )
        for matrix, allowed in ((self.a, stored.ACTIVATIONS), (self.weights, stored.WEIGHTS)):
            if matrix.storage not in allowed:
                raise ValueError(
                    f"{matrix.buffer.name}: storage {matrix.storage} cannot be multiplied: {_names(allowed)}"
                )
        if self.out.storage != stored.INT32:
            raise ValueError(f"{self.out.buffer.name}: storage {self.out.storage} holds no sums: int32")
        if (self.scales is None) != (self.group == 0):
            raise ValueError(f"{self.out.buffer.name}: group = {self.group} with scales = {self.scales}")
        if self.scales:
            shape = (self.scales.rows, self.scales.columns, self.scales.storage.name)
            if self.transposed or shape not in [(-(-k // self.group), n, kind.name) for kind in stored.GROUP_SCALES]:
                raise ValueError(f"{self.scales.buffer.name}: {shape} do not scale groups of {self.group} of {k} x {n}")


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass of the vector unit; absent parts are off.

    Raises
    ------
    ValueError
        If shapes or storages do not fit, or a result has no place or no source.
    """

    options: PassOptions
    a: Matrix
    b: Matrix | None = None
    c: Matrix | None = None
    out: Matrix | None = None
    add: Scalars | None = None
    multiply: Scalars | None = None
    linear: Scalars | None = None
    inverse: Scalars | None = None

    @property
    def operator(self) -> object:
        """Operator of the graph that the step serves: whose result it writes, or only measures."""
        return (self.out or self.a).buffer.operator

    def __post_init__(self) -> None:
        for matrix in (self.b, self.c, self.out):
            if matrix and (matrix.rows, matrix.columns) != (self.a.rows, self.a.columns):
                raise ValueError(
                    f"{matrix.buffer.name}: {matrix.rows} x {matrix.columns} beside {self.a.rows} x {self.a.columns}"
                )
        for scalars in (self.add, self.multiply, self.linear, self.inverse):
            if scalars and scalars.rows != self.a.rows:
                raise ValueError(f"{scalars.name}: {scalars.rows} scalars of {self.a.rows} rows")
        if self.out and self.out.storage.written not in PASS_RESULTS:
            raise ValueError(
                f"{self.out.buffer.name}: a pass cannot write storage {self.out.storage}: {_names(PASS_RESULTS)}"
            )
        reduce, inverse = self.options.reduce, self.options.inverse
        if (self.linear is None) != (reduce == Reduce.NONE):
            raise ValueError(f"linear = {self.linear} with reduce = {reduce.name.lower()}")
        if (self.inverse is None) != (inverse == Inverse.NONE):
            raise ValueError(f"inverse = {self.inverse} with a function {inverse.name.lower()}")
        if self.options.square and self.b:
            raise ValueError(f"{self.b.buffer.name}: no B beside a square")


def _names(formats: Iterable[StoredFormat]) -> str:
    return " or ".join(map(str, formats))


Step = Product | Pass
