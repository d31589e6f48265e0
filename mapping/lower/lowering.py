"""Building blocks of lowerings: products, and the passes around them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.isa.steps import Buffer, Job, Matrix, Pass, Product, Recode, Scalars, Step
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce

from .e2m1 import ROUND, factors_name, two_passes
from .operands import ARRAY, Operand, activations_of

PLAIN = PassOptions()


def _part_name(name: str, part: slice, parts: list[slice]) -> str:
    """Return the name of what belongs to one of some parts of columns: the name itself if there is one part alone."""
    return name if len(parts) == 1 else f"{name}.{parts.index(part)}"


@dataclass(frozen=True)
class Lowered:
    """Steps, and the buffers that they use."""

    steps: tuple[Step, ...]
    buffers: dict[str, Buffer]
    constants: tuple[str, ...]
    """Buffers that hold weights and the like."""
    states: tuple[str, ...]
    """Buffers that stay from run to run: keys, values and their scales."""
    input: Matrix
    output: Matrix
    repeated: tuple[tuple[int, int], ...] = ()
    """Steps that are repeated for each block of the cache: of each loop the number of the first step, and of the one
    after the last."""
    blocks: tuple[int, ...] = ()
    """Numbers of the steps with which blocks of rows begin; none: the scratchpad holds all rows at once. A block takes
    its rows of the input from main memory, and leaves those of the output there."""
    cut_rows: Mapping[str, int] = field(default_factory=dict)
    """Elements in a row of each constant of which steps take parts, side by side."""
    with_gaps: frozenset[str] = frozenset()
    """Buffers in whose rows each part that a pass writes begins at a multiple of the lanes, with a gap before the next:
    the last step of the pass writes zeros there."""


@dataclass(frozen=True)
class Quantised:
    """A matrix of numbers for the array or the NPE, with a scale for each row if the format needs scales."""

    codes: Matrix
    scale: Scalars | None

    def part(self, columns: slice) -> "Quantised":
        """Return some columns of the matrix."""
        return Quantised(self.codes.part(columns=columns), self.scale)

    def row_part(self, first: int, rows: int) -> "Quantised":
        """Return some rows of the matrix."""
        scale = self.scale.part(first, rows) if self.scale else None
        return Quantised(self.codes.part(rows=slice(first, first + rows)), scale)


@dataclass(frozen=True)
class Projected:
    """Sums of a product that are not yet scaled: ``sums * rows * columns + addend``, each factor if it is there."""

    sums: Matrix
    rows: Scalars | None
    columns: Matrix | None
    addend: Matrix | None

    def part(self, columns: slice) -> "Projected":
        """Return some columns of the sums."""
        scales, addend = (each.part(columns=columns) if each else None for each in (self.columns, self.addend))
        return Projected(self.sums.part(columns=columns), self.rows, scales, addend)


@dataclass(frozen=True)
class Activation:
    """Numbers of an operator's result, and the measurements of its rows that passes made."""

    values: Matrix
    scales: tuple[tuple[Scalars, Scalars], ...] = ()
    """Scales of the rows as numbers that products take, and their inverses, for each part of the columns; none if the
    rows are not measured."""
    minus_mean: Scalars | None = None
    measured: Operand = ARRAY
    """Format for which the scales of the rows were measured."""
    complete: bool = False
    """Flag: the epilogue of a job has done what the operator that reads the result does: it has added the residual, or
    has applied the function."""


@dataclass(frozen=True)
class Rotation:
    """Heads that are rotated when they are stored in the cache."""

    operator: Operator
    source: Matrix


@dataclass(frozen=True)
class Stored:
    """Keys or values of a head as weights of a product: a row for each position."""

    codes: Matrix
    """Codes of the rows, shape (positions, head size), or of several heads side by side."""
    scales: Matrix | None
    """Scales of the rows of the head, shape (1, positions), if the format needs scales."""
    first: int = 0
    """First column of the head."""

    def part(self, positions: slice) -> "Stored":
        """Return some of the positions."""
        scales = self.scales.part(columns=positions) if self.scales else None
        return Stored(self.codes.part(rows=positions), scales, self.first)


Result = Activation | Quantised | Projected | Rotation | list[Quantised] | list[Stored]
"""Result of an operator's lowering, for the operators that read it; lists have an element for each head."""


@dataclass
class Lowering:
    """Collects the steps of a graph's operators."""

    graph: Graph
    steps: list[Step] = field(default_factory=list)
    buffers: dict[str, Buffer] = field(default_factory=dict)
    constants: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    repeated: list[tuple[int, int]] = field(default_factory=list)
    results: dict[str, Result] = field(default_factory=dict)
    """Results of the lowered operators, by name of the operator."""
    quantised_results: dict[tuple[str, StoredFormat, int], list[Quantised]] = field(default_factory=dict)
    """Results as numbers that engines multiply, by name of the operator, format, and columns that share a scale: both
    engines take the same INT8."""

    def __post_init__(self) -> None:
        self.operator = self.graph.operators[0]
        """Operator that is being lowered; new buffers belong to it."""
        self.source: Matrix
        """Input matrix of the graph."""

    def values(self, name: str) -> Matrix:
        """Return an operator's result as numbers."""
        result = self.results[name]
        assert isinstance(result, Activation), f"{name}: {type(result).__name__}"
        return result.values

    def multiplied(self, name: str, operand: Operand = ARRAY) -> list[Quantised]:
        """Return an operator's result as numbers that an engine multiplies, for each part of its columns; add the steps
        that quantise them, once."""
        result = self.results[name]
        if isinstance(result, Quantised):
            return [result]
        assert isinstance(result, Activation), f"{name}: {type(result).__name__}"
        key = name, operand.storage, operand.part_columns
        if key not in self.quantised_results:
            self.quantised_results[key] = self._multiplied(result, operand)
        return self.quantised_results[key]

    def _multiplied(self, result: Activation, operand: Operand) -> list[Quantised]:
        values, name = result.values, result.values.buffer.name
        parts = operand.parts(values.columns)
        of_parts = f".{len(parts)}" if len(parts) > 1 else ""
        scales = result.scales if result.measured == operand else ()
        if operand.scaled and not scales:
            beside = "" if operand == ARRAY else f".{operand.storage}{of_parts}"
            scales = tuple(
                self.run(
                    values.part(columns=part), operand.magnitude, to=_part_name(f"{name}{beside}.scale", part, parts)
                )
                for part in parts
            )
        if len(parts) == 1:
            return [self.quantised(values, scales[0] if scales else None, operand=operand)]
        codes = self.matrix(
            f"{name}.{operand.storage}{of_parts}", values.rows, values.columns, operand.storage, values.buffer.operator
        )
        return [
            self.quantised(values.part(columns=part), scale, operand=operand, out=codes.part(columns=part))
            for part, scale in zip(parts, scales, strict=True)
        ]

    def read_by(self, *kinds: Kind) -> list[Operator]:
        """Return the readers of the operator's result that are of some kinds."""
        return [reader for reader in self.graph.readers(self.operator.name) if reader.kind in kinds]

    @property
    def taken_as(self) -> Operand:
        """Format in which the first product that reads the operator's result takes the result."""
        return next((activations_of(reader) for reader in self.read_by(Kind.MATMUL)), ARRAY)

    def run_measured(
        self,
        a: Matrix,
        *,
        function: Function = Function.NONE,
        b: Matrix | None = None,
        c: Matrix | None = None,
        out: Matrix,
        add: Scalars | None = None,
        multiply: Scalars | None = None,
        to: str,
    ) -> Activation:
        """Add the pass that makes the operator's result, and return the result: rows are measured if products take them
        and need their scales, and a pass makes each part of the columns that has a scale of its own."""
        taken = self.taken_as
        options = replace(taken.magnitude if self.read_by(Kind.MATMUL) else PLAIN, function=function)
        parts, scales = taken.parts(out.columns), []
        for part in parts:
            of_a, of_b, of_c = (each.part(columns=part) if each else None for each in (a, b, c))
            assert of_a
            scales.append(
                self.run(
                    of_a, options, b=of_b, c=of_c, out=out.part(columns=part), add=add, multiply=multiply,
                    to=_part_name(to, part, parts),
                )
            )  # fmt: skip
        return Activation(out, tuple(scales) if options.reduce else (), measured=taken)

    def finish(self, result: Matrix) -> Lowered:
        """Return all steps and buffers that were collected."""
        return Lowered(
            tuple(self.steps),
            self.buffers,
            tuple(self.constants),
            tuple(self.states),
            input=self.source,
            output=result,
            repeated=tuple(self.repeated),
        )

    def matrix(
        self,
        name: str,
        rows: int,
        columns: int,
        storage: StoredFormat | None = None,
        operator: object = None,
        *,
        parts: int = 1,
    ) -> Matrix:
        """Return a new matrix of the operator that is being lowered, in its usual storage if none is named."""
        if name in self.buffers:
            raise ValueError(f"buffer {name} is there already")
        storage = storage or self.operator.precision.activations
        self.buffers[name] = Buffer(name, rows * columns, storage, operator or self.operator, parts)
        return Matrix(self.buffers[name], rows, columns, columns)

    def constant(
        self, name: str, rows: int, columns: int, storage: StoredFormat = stored.FP32, operator: Operator | None = None
    ) -> Matrix:
        """Return a matrix of constants, the same one for the same name."""
        if name not in self.buffers:
            self.constants.append(name)
            return self.matrix(name, rows, columns, storage, operator)
        return Matrix(self.buffers[name], rows, columns, columns)

    def table(self, name: str, rows: int, columns: int) -> Matrix:
        """Return a matrix of constants that belongs to no single operator."""
        operator = Operator(name=name, row=name, kind=Kind.CONSTANT, m=rows, n=columns)
        return self.constant(name, rows, columns, operator=operator)

    def state(
        self,
        name: str,
        rows: int,
        columns: int,
        storage: StoredFormat,
        parts: int,
        operator: Operator | None = None,
    ) -> Matrix:
        """Return a matrix that stays from run to run, as so many equal parts of its rows."""
        self.states.append(name)
        return self.matrix(name, rows, columns, storage, operator, parts=parts)

    def run(
        self,
        a: Matrix,
        options: PassOptions = PLAIN,
        *,
        b: Matrix | None = None,
        c: Matrix | None = None,
        out: Matrix | None = None,
        add: Scalars | None = None,
        multiply: Scalars | None = None,
        to: str = "",
    ) -> tuple[Scalars, Scalars]:
        """Add a pass; return the row scalars ``to`` that it makes, and their inverse (if the options ask for one).

        A, B and C of one row serve all rows. The result is stored as ``out`` is.
        """
        if out is not None and a.rows == 1:
            a = a.repeated(out.rows)
        linear, inverse = Scalars(to, a.rows), Scalars(f"{to}.inverse", a.rows)
        b, c = (m.repeated(a.rows) if m and m.rows == 1 else m for m in (b, c))
        self.steps.append(
            Pass(
                options=options,
                a=a,
                b=b,
                c=c,
                out=out,
                add=add,
                multiply=multiply,
                linear=linear if options.reduce != Reduce.NONE else None,
                inverse=inverse if options.inverse != Inverse.NONE else None,
            )
        )
        return linear, inverse

    def run_scaled(
        self,
        projected: Projected,
        options: PassOptions = PLAIN,
        *,
        out: Matrix,
        to: str = "",
    ) -> tuple[Scalars, Scalars]:
        """Add the pass that scales sums and adds their addend."""
        those = projected
        return self.run(those.sums, options, multiply=those.rows, b=those.columns, c=those.addend, out=out, to=to)

    def quantised(
        self,
        values: Matrix,
        scalars: tuple[Scalars, Scalars] | None,
        *,
        operand: Operand = ARRAY,
        out: Matrix | None = None,
        recode: bool = False,
    ) -> Quantised:
        """Add the steps that quantise values, into ``out`` if it is given.

        Parameters
        ----------
        scalars : tuple of Scalars
            Scales of the rows and their inverses, from a pass with the operand's ``magnitude``; None without scales.
        recode : bool
            Whether a job of the NPE makes the numbers even if the vector unit can.
        """
        scale, inverse = scalars or (None, None)
        storage, name = operand.storage if out is None else out.storage, values.buffer.name
        jobs = operand.npe and (recode or storage not in (stored.INT8, stored.BF16))
        if out is None:
            if operand.npe and storage == stored.BF16 and not recode:
                return Quantised(values, None)
            part = f".{values.offset}" if values.offset else ""
            out = self.matrix(f"{name}{part}.{storage}", values.rows, values.columns, storage, values.buffer.operator)
        if jobs:
            source = values
            if inverse or values.storage != stored.BF16:
                part = f"{name}.{values.offset}.scaled.{storage}"
                source = self.matrix(part, values.rows, values.columns, stored.BF16, values.buffer.operator)
                self.run(values, multiply=inverse, out=source)
            self.steps.append(Recode(a=source, out=out))
        elif two_passes(out.storage):
            assert inverse
            self._to_e2m1(values, inverse, out)
        else:
            self.run(values, multiply=inverse, out=out)
        return Quantised(out, scale)

    def _to_e2m1(self, values: Matrix, inverse: Scalars, out: Matrix) -> None:
        """Add the passes that turn ``values * inverse`` into E2M1; :mod:`.e2m1` explains the method."""
        name = f"{values.buffer.name}.{values.offset}.small"
        factors = self.table(factors_name(values.columns), 2, values.columns)
        small = self.matrix(name, values.rows, values.columns, stored.FP32, values.buffer.operator)
        offset, _ = self.run(values, ROUND, multiply=inverse, b=factors.part(rows=slice(0, 1)), out=small, to=name)
        self.run(replace(small, bits_as=stored.INT32), add=offset, b=factors.part(rows=slice(1, 2)), out=out)

    def smoothed(self, values: Matrix, factors: Matrix) -> Quantised:
        """Add the passes that measure and quantise values whose columns are multiplied with ``factors``."""
        name = values.buffer.name
        scale, inverse = self.run(values, ARRAY.magnitude, b=factors, to=f"{name}.scale")
        out = self.matrix(f"{name}.int8", values.rows, values.columns, stored.INT8)
        self.run(values, multiply=inverse, b=factors, out=out)
        return Quantised(out, scale)

    def project(self, parts: list[Quantised], name: str, columns: int, addend: Matrix | None = None) -> Projected:
        """Add the product with a weight matrix, which has as many parts as its input: each is added to the sum of those
        before it. Constants of part i of several have the names of :meth:`_project` with ``name.i``."""
        if len(parts) == 1:
            return self._project(parts[0], name, columns, addend)
        projected = self._project(parts[0], f"{name}.0", columns, addend)
        for number, part in enumerate(parts[1:], start=1):
            before = self.matrix(f"{name}.{number}.before", part.codes.rows, columns, stored.FP32)
            self.run_scaled(projected, out=before)
            projected = self._project(part, f"{name}.{number}", columns, before)
        return projected

    def _project(self, a: Quantised, name: str, columns: int, addend: Matrix | None) -> Projected:
        """Add the product with a weight matrix, whose constants are ``name.codes``, ``.columns`` and ``.groups``."""
        precision = self.operator.precision
        k, group, kind = a.codes.columns, precision.group, precision.group_scale
        if self.operator.engine is Engine.NPE:
            sums = self.matrix(f"{name}.sums", a.codes.rows, columns, stored.BF16)
            self.multiply(a, name, sums)
            return Projected(sums, a.scale, None, addend)
        codes = self.constant(f"{name}.codes", k, columns, precision.weights)
        scales = self.constant(f"{name}.groups", -(-k // group), columns, kind) if group else None
        sums = self.matrix(f"{name}.sums", a.codes.rows, columns, stored.INT32)
        self.steps.append(Product(a=a.codes, weights=codes, out=sums, scales=scales, group=group))
        return Projected(sums, a.scale, self.constant(f"{name}.columns", 1, columns, precision.column_scale), addend)

    def multiply(self, a: Quantised, name: str, out: Matrix, **parts: Any) -> None:
        """Add the job that multiplies with a weight matrix, whose constants are ``name.codes`` and ``.columns``.

        Parameters
        ----------
        parts
            Further parts of the job's epilogue.
        """
        operator, k = self.operator, a.codes.columns
        operand = activations_of(operator)
        codes = self.constant(f"{name}.codes", k, out.columns, operand.storage)
        scale = self.constant(f"{name}.columns", 1, out.columns) if operand.scaled else None
        self.steps.append(Job(a=a.codes, weights=codes, out=out, scale=scale, **parts))

    def write_scalars(self, scalars: Scalars, out: Matrix) -> None:
        """Add the pass that writes row scalars into ``out``, a matrix of one column."""
        self.run(self.table("one", 1, 1), multiply=scalars, out=out)
