"""Lowers a classifier of pictures in formats of the NPE: products to jobs, all other operations to passes.

A tensor of a picture is a matrix with a row for each position, left to right and top to bottom, and a column for each
channel, in BF16. Where a convolution in groups or a pool reads it, it has the rows and columns of zeros that this
reader needs around it.

- A product of single positions is one job, and so is the first convolution, whose patches the host gathers.
- Patches of any other convolution over all channels are gathered by passes, one for each place of the kernel and each
  line, which round their numbers to the format of the product; then one job multiplies all of them.
- A depth-wise convolution is a pass for each place of the kernel and each line of the result: numbers of the input
  times the weights of their channels, plus what the places before have left.
- ``clip(s * x + t, low, high)`` takes a pass for the line and one for each limit: ``max(y, low)`` is
  ``relu(y - low) + low``.
- A mean of all positions adds lines, and then halves of a line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import (
    Arranged,
    Classifier,
    Clipped,
    Joined,
    Mean,
    Operation,
    Pool,
    Product,
    Scaled,
    Sigmoid,
    Sum,
)
from tilewright.mapping.precision.npe_classifier import NpeClassifier, NpeLayer
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.isa.descriptor import Activation
from tilewright.sim.isa.steps import Buffer, Job, Matrix, Pass, Recode, Step
from tilewright.sim.isa.vector_command import Function, PassOptions

from .lowering import PLAIN, Lowered
from .planes import Plane, beside, by_channel, parts_of_lines, picture_shape, positions, zeros_around

RELU = PassOptions(function=Function.RELU)
PATCHES = 1 << 16
"""Largest number of elements of patches that are gathered for one job: larger ones need not find room in a bank."""


@dataclass(frozen=True)
class LoweredClassifier:
    """Steps for one picture, and the contents of their constants."""

    lowered: Lowered
    contents: dict[str, np.ndarray]
    """Codes of each constant."""
    quantised: NpeClassifier

    def input(self, picture: np.ndarray) -> np.ndarray:
        """Return the rows of the input for the elements of a picture: patches of the first convolution, or
        positions."""
        classifier = self.quantised.classifier
        first = classifier.readers(classifier.input)[0]
        x = picture.reshape(1, *classifier.shape)
        return first.rows_of(x)[0] if _gathered(classifier) and isinstance(first, Product) else positions(x[0])


@dataclass
class _Lowering:
    """Collects steps and constants."""

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

    # Buffers.

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

    # Products.

    def product(self, each: Product) -> None:
        """Add the job of a plain product, and the steps that round its input."""
        layer, source = self.quantised.layers[each.name], each.inputs[0]
        n, codes = len(each.weights), layer.codes
        if each.patches and not each.patches.points and source not in self.given:
            operands = self.gathered(layer)
            # A patch has its places one after the other, with all channels of each, and zeros up to a whole step.
            channels = each.patches.picture[0]
            places = codes.reshape(n, channels, -1).swapaxes(1, 2)
            codes = np.pad(places, ((0, 0), (0, 0), (0, -channels % self.lanes))).reshape(n, -1)
        else:
            operands = iter([self.codes.get(source) or self.rounded(layer, self.whole(source))])
        operand, result = stored.NPE_OPERANDS[layer.mode], stored.NPE_OPERANDS[layer.out]
        weights = self.constant(f"{each.name}.codes", operand.kept(codes.T), operand)
        left, right = beside(self.quantised.classifier, each.output)
        moved = bool(left or right)
        out = self.matrix(f"{each.output}.job" if moved else each.output, each.rows, n, result)
        first, k = 0, codes.shape[1]
        for a in operands:
            rows = a.rows * a.columns // k
            self.steps.append(
                Job(
                    a=a.reshaped(rows, k),
                    weights=weights,
                    out=out.part(rows=slice(first, first + rows)),
                    scale=self.constant(f"{each.name}.scale", layer.scale[None]),
                    bias=self.constant(f"{each.name}.bias", layer.bias[None]),
                    activation=Activation.RELU if each.relu else Activation.NONE,
                )
            )
            first += rows
        if layer.to_product:
            self.codes[each.output] = out
            return
        _, height, width = picture_shape(each.shape)
        self.planes[each.output] = plane = Plane(out, height, width)
        if moved:
            # A job writes nothing beside a picture: a pass for each line moves the result.
            self.each_line(plane, self.plane(each), lambda a, d: self.run(a, out=d))

    def rounded(self, layer: NpeLayer, values: Matrix) -> Matrix:
        """Return numbers of BF16 in the format of a product, divided by its step."""
        by_pass, step = self._by_pass(layer), self._step(layer, values.columns)
        if step or by_pass is stored.INT8:
            scaled = self.matrix(f"{layer.product.name}.scaled", values.rows, values.columns, by_pass)
            self.run(values, b=step, out=scaled)
            values = scaled
        return self.recoded(layer, values)

    def gathered(self, layer: NpeLayer) -> Iterator[Matrix]:
        """Yield the patches of some lines of a convolution in the format of its product, divided by its step, a row for
        each: as many lines at a time as :data:`PATCHES` allows."""
        each, patches = layer.product, layer.product.patches
        assert patches
        plane, (down, across) = self.planes[each.inputs[0]], patches.grid
        channels, places = plane.matrix.columns, patches.kernel[0] * patches.kernel[1]
        step, zero = self._step(layer, channels), self.number(0.0, channels)
        room = channels + -channels % self.lanes
        lines = max(1, PATCHES // (across * places * room))
        for top in range(0, down, lines):
            some = min(lines, down - top)
            name = f"{each.name}.patches.{top}"
            out = self.matrix(name, some * across, places * room, self._by_pass(layer))
            self.with_gaps.add(name)
            for row, first, count in parts_of_lines(patches):
                if not top <= row < top + some:
                    continue
                inside = dict(plane.places(patches, row, first, count))
                at = (row - top) * across + first
                for place in range(places):
                    columns = slice(place * room, place * room + channels)
                    part = out.part(rows=slice(at, at + count), columns=columns)
                    if place in inside:
                        self.run(inside[place], b=step, out=part)
                    else:
                        self.run(zero, out=part)
            yield self.recoded(layer, out, f".{top}")

    def recoded(self, layer: NpeLayer, values: Matrix, suffix: str = "") -> Matrix:
        """Return what passes have written in the format of a product."""
        storage = stored.NPE_OPERANDS[layer.mode]
        if values.storage is storage:
            return values
        out = self.matrix(f"{layer.product.name}.operand{suffix}", values.rows, values.columns, storage)
        self.steps.append(Recode(a=values, out=out))
        return out

    def _by_pass(self, layer: NpeLayer) -> StoredFormat:
        """Return the format in which passes write the input of a product: its own, or BF16 before a recode."""
        return stored.INT8 if stored.NPE_OPERANDS[layer.mode] is stored.INT8 else stored.BF16

    def _step(self, layer: NpeLayer, columns: int) -> Matrix | None:
        """Return a row of factors by which a product's input is divided by its step; None if it is 1."""
        return None if layer.step == 1 else self.number(1 / layer.step, columns)

    # Passes.

    def grouped(self, each: Product) -> None:
        """Add the passes of a depth-wise convolution."""
        patches, plane = each.patches, self.planes[each.inputs[0]]
        assert patches
        if not each.groups == len(each.weights) == patches.picture[0]:
            raise ConfigError(
                f"{each.name}: {each.groups} groups of {patches.picture[0]} channels for {len(each.weights)} outputs "
                "are not allowed: depth-wise"
            )
        taps = self.constant(f"{each.name}.codes", stored.BF16.encode(each.weights.T), stored.BF16)
        bias = self.constant(f"{each.name}.bias", each.bias[None])
        out = self.plane(each)
        sums = self.matrix(f"{each.output}.sums", patches.grid[1], len(each.weights), stored.FP32)
        for row, first, count in parts_of_lines(patches):
            places, some = list(plane.places(patches, row, first, count)), sums.part(rows=slice(0, count))
            for number, (place, numbers) in enumerate(places):
                last = number + 1 == len(places) and not each.relu
                to = out.line(row, first, count) if last else some
                self.run(numbers, b=taps.part(rows=slice(place, place + 1)), c=some if number else bias, out=to)
            if each.relu:
                self.run(some, RELU, out=out.line(row, first, count))

    def clipped(self, each: Clipped) -> None:
        """Add the passes of a line between two limits."""
        source, out = self.planes[each.inputs[0]], self.plane(each)
        if each.relu:
            return self.each_line(source, out, lambda a, d: self.run(a, RELU, out=d))
        scale, offset = by_channel(each.scale, each.shape), by_channel(each.offset, each.shape)
        channels, bounded = scale.shape[1], np.isfinite(each.low)
        low = each.low if bounded else 0.0
        # Passes as a function, then a factor and a term. With an upper limit, min(y, high) - low is
        # (high - low) - relu(high - y).
        upper = np.isfinite(each.high)
        parts = [(PLAIN, -scale, each.high - offset) if upper else (PLAIN, scale, offset - low)]
        if upper:
            parts.append((RELU, np.full((1, channels), -1.0), np.full((1, channels), each.high - low)))
        if bounded and low == 0 and self._is_gate(each):
            self.gates.add(each.output)
        elif bounded:
            parts.append((RELU, np.ones((1, channels)), np.full((1, channels), low)))
        current = source
        for number, (options, factor, term) in enumerate(parts, 1):
            target = out
            if number < len(parts):
                middle = self.matrix(f"{each.output}.{number}", source.height * source.width, channels, stored.FP32)
                target = Plane(middle, source.height, source.width)
            b = None if (factor == 1).all() else self.constant(f"{each.name}.{number}.factor", factor)
            c = None if (term == 0).all() else self.constant(f"{each.name}.{number}.term", term)
            self.each_line(current, target, lambda a, d, o=options, b=b, c=c: self.run(a, o, b=b, c=c, out=d))
            current = target
        return None

    def _is_gate(self, each: Clipped) -> bool:
        """Return whether the last limit, a ReLU, is part of the pass of a product of two tensors that alone reads the
        result."""
        readers = self.quantised.classifier.readers(each.output)
        if len(readers) != 1 or not isinstance(readers[0], Scaled):
            return False
        return len(set(readers[0].inputs)) == 2 and not self.gates.intersection(readers[0].inputs)

    def each_line(self, source: Plane, out: Plane, add: Callable[..., None], *others: Plane) -> None:
        """Call a function with the positions of planes: all at once if nothing is beside them, or line by line."""
        planes = (source, out, *others)
        if all(each.bare for each in planes):
            add(*(each.matrix for each in planes))
            return
        for row in range(out.height):
            add(*(each.line(row) for each in planes))

    def summed(self, each: Operation) -> None:
        """Add the pass of a sum or a product of two tensors; one of them may be a number for each channel."""
        names = sorted(each.inputs, key=lambda name: name not in self.gates)
        first, second = (self.planes[name] for name in names)
        gate = RELU if names[0] in self.gates else PLAIN
        out, added = self.plane(each), isinstance(each, Sum)
        shape, wide = (out.height, out.width), []
        for plane in (first, second):
            if (plane.height, plane.width) == shape:
                wide.append(plane)
            elif (plane.height, plane.width) != (1, 1):
                raise ConfigError(
                    f"{each.name}: tensors of {plane.height} x {plane.width} and {out.height} x {out.width} positions "
                    "are not allowed: equal ones, or one position"
                )

        def add(_: Matrix, d: Matrix, *lines: Matrix) -> None:
            found = iter(lines)
            a, operand = (next(found) if plane in wide else plane.matrix for plane in (first, second))
            self.run(a, gate, b=None if added else operand, c=operand if added else None, out=d)

        self.each_line(out, out, add, *wide)

    def mean(self, each: Mean) -> None:
        """Add the passes of a mean over all positions."""
        plane = self.planes[each.inputs[0]]
        if set(each.axes) != {-1, -2}:
            raise ConfigError(f"{each.name}: a mean over axes {each.axes} is not allowed: over all positions")
        rows, channels = plane.width, plane.matrix.columns
        total = self.matrix(f"{each.output}.sums", rows, channels, stored.FP32)
        for line in range(plane.height):
            self.run(plane.line(line), c=total if line else None, out=total)
        while rows > 1:
            half, odd = rows // 2, rows % 2
            other = self.matrix(f"{each.output}.{rows}", half + odd, channels, stored.FP32)
            self.run(total.part(rows=slice(half, rows)), out=other)
            lower = total.part(rows=slice(0, half))
            self.run(lower, c=other.part(rows=slice(0, half)), out=lower)
            if odd:
                first = total.part(rows=slice(0, 1))
                self.run(first, c=other.part(rows=slice(half, half + 1)), out=first)
            rows = half
        share = self.number(1 / (plane.height * plane.width), channels)
        self.planes[each.output] = out = Plane(self.matrix(each.output, 1, channels), 1, 1)
        self.run(total.part(rows=slice(0, 1)), b=share, out=out.matrix)

    def pool(self, each: Pool) -> None:
        """Add the passes of a pool."""
        plane, patches, out = self.planes[each.inputs[0]], each.patches, self.plane(each)
        if any(patches.pads) and not zeros_around(self.quantised.classifier, each):
            raise ConfigError(
                f"{each.name}: pads of a pool are not allowed on the vector unit but of zeros: around the results of a "
                "ReLU of which the largest is taken, or in a mean that counts them"
            )
        size, channels = patches.kernel[0] * patches.kernel[1], plane.matrix.columns
        minus, share = self.number(-1.0, channels), self.number(1 / size, channels)
        kept = self.matrix(f"{each.output}.kept", patches.grid[1], channels, stored.FP32)
        more = self.matrix(f"{each.output}.more", patches.grid[1], channels, stored.FP32)
        for row, first, count in parts_of_lines(patches):
            some, less = (matrix.part(rows=slice(0, count)) for matrix in (kept, more))
            taps = [tap for _, tap in plane.places(patches, row, first, count)]
            for number, tap in enumerate(taps):
                to = out.line(row, first, count) if number + 1 == len(taps) else some
                if each.kind == "mean":
                    self.run(tap, b=share, c=some if number else None, out=to)
                elif number == 0:
                    self.run(tap, out=to)
                else:
                    # The larger of two numbers is one of them plus what the other has more.
                    self.run(some, b=minus, c=tap, out=less)
                    self.run(less, RELU, c=some, out=to)

    def joined(self, each: Joined) -> None:
        """Add the passes that bring the channels of tensors side by side."""
        if each.axis != -len(each.shape):
            raise ConfigError(f"{each.name}: tensors side by side along axis {each.axis} are not allowed: channels")
        out, first = self.plane(each), 0
        for name in each.inputs:
            plane = self.planes[name]
            last = first + plane.matrix.columns
            if first % self.lanes:
                raise ConfigError(
                    f"{each.name}: {first} channels before others side by side are not allowed: a multiple of the "
                    f"{self.lanes} lanes"
                )
            part = replace(out, matrix=out.matrix.part(columns=slice(first, last)))
            self.each_line(plane, part, lambda a, d: self.run(a, out=d))
            first = last

    def arrange(self, each: Arranged) -> None:
        """Take a tensor in another shape that has the same rows."""
        source = each.inputs[0]
        _, height, width = picture_shape(each.shape)
        before = self.codes[source] if source in self.codes else self.planes[source].matrix
        if each.axes or (height, width) != (1, 1) or before.rows != 1:
            raise ConfigError(f"{each.name}: a change of shape is not allowed but of one position to a row")
        if source in self.codes:
            self.codes[each.output] = before
        else:
            self.planes[each.output] = self.planes[source]


def lower_classifier(quantised: NpeClassifier, lanes: int) -> LoweredClassifier:
    """Return the steps of a classifier for one picture.

    Parameters
    ----------
    lanes : int
        Number of lanes of the vector unit.

    Raises
    ------
    ConfigError
        If an operation has no steps on NPE and vector unit; names it.
    """
    classifier, lowering = quantised.classifier, _Lowering(quantised, lanes)
    lowering.operator = Operator(name="picture", row="picture", kind=Kind.INPUT, m=1, n=classifier.inputs)
    first = classifier.readers(classifier.input)
    if _gathered(classifier):
        [product] = first
        assert isinstance(product, Product)
        source = lowering.matrix(classifier.input, product.rows, product.weights.shape[1])
        lowering.planes[classifier.input] = Plane(source, product.rows, 1)
        lowering.given.add(classifier.input)
    else:
        channels, height, width = picture_shape(classifier.shape)
        source = lowering.matrix(f"{classifier.input}.picture", height * width, channels)
        lowering.planes[classifier.input] = Plane(source, height, width)
        if any(beside(classifier, classifier.input)):
            raise ConfigError(f"{first[0].name}: the first operation on pictures must be a product")
    for each in classifier.operations:
        _lower(lowering, each)
    result = lowering.planes[classifier.operations[-1].output].matrix
    logits = lowering.matrix(f"{classifier.operations[-1].output}.logits", result.rows, result.columns, stored.FP32)
    lowering.run(result, out=logits)
    lowered = Lowered(
        tuple(lowering.steps),
        lowering.buffers,
        tuple(lowering.contents),
        (),
        input=source,
        output=logits,
        with_gaps=frozenset(lowering.with_gaps),
    )
    return LoweredClassifier(lowered, lowering.contents, quantised)


def _lower(lowering: _Lowering, each: Operation) -> None:
    """Add the steps of an operation."""
    kind = Kind.MATMUL if isinstance(each, Product) and each.plain else Kind.CONSTANT
    lowering.operator = Operator(
        name=each.name, row=each.name, kind=kind, m=int(np.prod(each.shape[1:])), n=each.shape[0]
    )
    match each:
        case Product():
            lowering.product(each) if each.plain else lowering.grouped(each)
        case Clipped():
            lowering.clipped(each)
        case Sum() | Scaled():
            lowering.summed(each)
        case Mean():
            lowering.mean(each)
        case Pool():
            lowering.pool(each)
        case Joined():
            lowering.joined(each)
        case Arranged():
            lowering.arrange(each)
        case Sigmoid():
            raise ConfigError(f"{each.name}: a sigmoid is not allowed: the vector unit has x * sigmoid(x) alone")
        case _:
            raise ConfigError(f"{each.name}: a {type(each).__name__.lower()} has no passes of the vector unit")


def _gathered(classifier: Classifier) -> bool:
    """Return whether the host gathers the patches of the pictures."""
    readers = classifier.readers(classifier.input)
    return len(readers) == 1 and isinstance(readers[0], Product) and readers[0].plain
