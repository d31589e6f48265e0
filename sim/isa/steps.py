"""Steps of a program: products of integers on the CIM array, jobs of the NPE, and passes of the vector unit.

A step names the matrices that it reads and writes and the row scalars of the vector unit. Nothing here says where in
memory or in the scratchpad they lie.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from tilewright.sim.formats import StoredFormat, stored

from .descriptor import Activation
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

    @property
    def reads(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrices that the step reads."""
        return _there(self.a, self.weights)

    @property
    def writes(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrix that the step writes."""
        return (self.out,)

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

    @property
    def reads(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrices and row scalars that the step reads."""
        return _there(self.a, self.b, self.c, self.add, self.multiply)

    @property
    def writes(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrix and row scalars that the step writes."""
        return _there(self.out, self.linear, self.inverse)

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


@dataclass(frozen=True, kw_only=True)
class Job:
    """A product on the NPE: ``out = act(scale * (a @ weights) + bias + residual)``, rounded to the format of ``out``.

    Operands are in one of the NPE's formats. The sum of the products is exact, and rounded to odd where FP32 does not
    hold it; each part after it, if it is there, rounds to FP32. With ``transposed``, row n of ``weights`` is column n
    of the product's matrix.

    Raises
    ------
    ValueError
        If shapes or storages do not fit.
    """

    a: Matrix
    weights: Matrix
    out: Matrix
    transposed: bool = False
    scale: Matrix | None = None
    """Factor of each column, one row of FP32 numbers."""
    bias: Matrix | None = None
    """Term of each column, one row of FP32 numbers."""
    residual: Matrix | None = None
    """Term of each element, in one of the NPE's formats."""
    activation: Activation = Activation.NONE

    @property
    def operator(self) -> object:
        """Operator of the graph that the step serves."""
        return self.out.buffer.operator

    @property
    def reads(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrices that the step reads."""
        return _there(self.a, self.weights, self.scale, self.bias, self.residual)

    @property
    def writes(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrix that the step writes."""
        return (self.out,)

    def __post_init__(self) -> None:
        k, n = self.weights.rows, self.weights.columns
        if self.transposed:
            k, n = n, k
        name, rows = self.out.buffer.name, self.a.rows
        if (self.a.columns, self.out.rows, self.out.columns) != (k, rows, n):
            raise ValueError(
                f"{name}: {self.out.rows} x {self.out.columns} is not the shape of {rows} x {self.a.columns} times "
                f"{k} x {n}"
            )
        if self.a.storage != self.weights.storage:
            raise ValueError(
                f"{self.a.buffer.name}: storage {self.a.storage} is multiplied with {self.weights.storage}: the NPE "
                "multiplies numbers of one format"
            )
        stored.npe_mode(self.a.storage)
        stored.npe_mode(self.out.storage)
        for vector in _there(self.scale, self.bias):
            assert isinstance(vector, Matrix)
            if (vector.rows, vector.columns, vector.storage) != (1, n, stored.FP32):
                raise ValueError(
                    f"{vector.buffer.name}: {vector.rows} x {vector.columns} of {vector.storage} is not a number of "
                    f"FP32 for each of {n} columns"
                )
        if self.residual and (self.residual.rows, self.residual.columns) != (rows, n):
            raise ValueError(f"{self.residual.buffer.name}: {self.residual.rows} x {self.residual.columns} beside {n}")


@dataclass(frozen=True, kw_only=True)
class Recode:
    """A matrix in BF16 rounded to another format of the NPE by a job that adds the matrix to a sum of zeros.

    Raises
    ------
    ValueError
        If shapes or storages do not fit.
    """

    a: Matrix
    out: Matrix

    @property
    def operator(self) -> object:
        """Operator of the graph that the step serves."""
        return self.out.buffer.operator

    @property
    def reads(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrix that the step reads."""
        return (self.a,)

    @property
    def writes(self) -> "tuple[Matrix | Scalars, ...]":
        """Matrix that the step writes."""
        return (self.out,)

    def __post_init__(self) -> None:
        if (self.a.rows, self.a.columns) != (self.out.rows, self.out.columns):
            raise ValueError(
                f"{self.out.buffer.name}: {self.out.rows} x {self.out.columns} of {self.a.rows} x {self.a.columns}"
            )
        if self.a.storage != stored.BF16:
            raise ValueError(f"{self.a.buffer.name}: storage {self.a.storage} is not recoded: bf16")
        stored.npe_mode(self.out.storage)


def _names(formats: Iterable[StoredFormat]) -> str:
    return " or ".join(map(str, formats))


def _there(*parts: "Matrix | Scalars | None") -> "tuple[Matrix | Scalars, ...]":
    return tuple(part for part in parts if part is not None)


Step = Product | Pass | Job | Recode
