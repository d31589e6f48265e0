"""Operations of a classifier of pictures that are passes of the vector unit.

- A depth-wise convolution is a pass for each place of the kernel and each line of the result: numbers of the input
  times the weights of their channels, plus what the places before have left.
- ``clip(s * x + t, low, high)`` takes a pass for the line and one for each limit: ``max(y, low)`` is
  ``relu(y - low) + low``.
- A mean of all positions adds lines, and then halves of a line.
"""

from dataclasses import replace

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import Arranged, Clipped, Joined, Mean, Operation, Pool, Product, Scaled, Sum
from tilewright.sim.formats import stored
from tilewright.sim.isa.steps import Matrix
from tilewright.sim.isa.vector_command import Function, PassOptions

from .lowering import PLAIN
from .picture_lowering import PictureLowering
from .planes import Plane, by_channel, parts_of_lines, picture_shape, zeros_around

RELU = PassOptions(function=Function.RELU)


def lower_grouped(lowering: PictureLowering, each: Product) -> None:
    """Add the passes of a depth-wise convolution."""
    patches, plane = each.patches, lowering.planes[each.inputs[0]]
    assert patches
    if not each.groups == len(each.weights) == patches.picture[0]:
        raise ConfigError(
            f"{each.name}: {each.groups} groups of {patches.picture[0]} channels for {len(each.weights)} outputs "
            "are not allowed: depth-wise"
        )
    taps = lowering.constant(f"{each.name}.codes", stored.BF16.encode(each.weights.T), stored.BF16)
    bias = lowering.constant(f"{each.name}.bias", each.bias[None])
    out = lowering.plane(each)
    sums = lowering.matrix(f"{each.output}.sums", patches.grid[1], len(each.weights), stored.FP32)
    for row, first, count in parts_of_lines(patches):
        places, some = list(plane.places(patches, row, first, count)), sums.part(rows=slice(0, count))
        for number, (place, numbers) in enumerate(places):
            last = number + 1 == len(places) and not each.relu
            to = out.line(row, first, count) if last else some
            lowering.run(numbers, b=taps.part(rows=slice(place, place + 1)), c=some if number else bias, out=to)
        if each.relu:
            lowering.run(some, RELU, out=out.line(row, first, count))


def lower_clipped(lowering: PictureLowering, each: Clipped) -> None:
    """Add the passes of a line between two limits."""
    source, out = lowering.planes[each.inputs[0]], lowering.plane(each)
    if each.relu:
        return lowering.each_line(source, out, lambda a, d: lowering.run(a, RELU, out=d))
    scale, offset = by_channel(each.scale, each.shape), by_channel(each.offset, each.shape)
    channels, bounded = scale.shape[1], np.isfinite(each.low)
    low = each.low if bounded else 0.0
    # Passes as a function, then a factor and a term. With an upper limit, min(y, high) - low is
    # (high - low) - relu(high - y).
    upper = np.isfinite(each.high)
    parts = [(PLAIN, -scale, each.high - offset) if upper else (PLAIN, scale, offset - low)]
    if upper:
        parts.append((RELU, np.full((1, channels), -1.0), np.full((1, channels), each.high - low)))
    if bounded and low == 0 and _is_gate(lowering, each):
        lowering.gates.add(each.output)
    elif bounded:
        parts.append((RELU, np.ones((1, channels)), np.full((1, channels), low)))
    current = source
    for number, (options, factor, term) in enumerate(parts, 1):
        target = out
        if number < len(parts):
            middle = lowering.matrix(f"{each.output}.{number}", source.height * source.width, channels, stored.FP32)
            target = Plane(middle, source.height, source.width)
        b = None if (factor == 1).all() else lowering.constant(f"{each.name}.{number}.factor", factor)
        c = None if (term == 0).all() else lowering.constant(f"{each.name}.{number}.term", term)
        lowering.each_line(current, target, lambda a, d, o=options, b=b, c=c: lowering.run(a, o, b=b, c=c, out=d))
        current = target
    return None


def _is_gate(lowering: PictureLowering, each: Clipped) -> bool:
    """Return whether the last limit, a ReLU, is part of the pass of a product of two tensors that alone reads the
    result."""
    readers = lowering.quantised.classifier.readers(each.output)
    if len(readers) != 1 or not isinstance(readers[0], Scaled):
        return False
    return len(set(readers[0].inputs)) == 2 and not lowering.gates.intersection(readers[0].inputs)


def lower_summed(lowering: PictureLowering, each: Operation) -> None:
    """Add the pass of a sum or a product of two tensors; one of them may be a number for each channel."""
    names = sorted(each.inputs, key=lambda name: name not in lowering.gates)
    first, second = (lowering.planes[name] for name in names)
    gate = RELU if names[0] in lowering.gates else PLAIN
    out, added = lowering.plane(each), isinstance(each, Sum)
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
        lowering.run(a, gate, b=None if added else operand, c=operand if added else None, out=d)

    lowering.each_line(out, out, add, *wide)


def lower_mean(lowering: PictureLowering, each: Mean) -> None:
    """Add the passes of a mean over all positions."""
    plane = lowering.planes[each.inputs[0]]
    if set(each.axes) != {-1, -2}:
        raise ConfigError(f"{each.name}: a mean over axes {each.axes} is not allowed: over all positions")
    rows, channels = plane.width, plane.matrix.columns
    total = lowering.matrix(f"{each.output}.sums", rows, channels, stored.FP32)
    for line in range(plane.height):
        lowering.run(plane.line(line), c=total if line else None, out=total)
    while rows > 1:
        half, odd = rows // 2, rows % 2
        other = lowering.matrix(f"{each.output}.{rows}", half + odd, channels, stored.FP32)
        lowering.run(total.part(rows=slice(half, rows)), out=other)
        lower = total.part(rows=slice(0, half))
        lowering.run(lower, c=other.part(rows=slice(0, half)), out=lower)
        if odd:
            first = total.part(rows=slice(0, 1))
            lowering.run(first, c=other.part(rows=slice(half, half + 1)), out=first)
        rows = half
    share = lowering.number(1 / (plane.height * plane.width), channels)
    lowering.planes[each.output] = out = Plane(lowering.matrix(each.output, 1, channels), 1, 1)
    lowering.run(total.part(rows=slice(0, 1)), b=share, out=out.matrix)


def lower_pool(lowering: PictureLowering, each: Pool) -> None:
    """Add the passes of a pool."""
    plane, patches, out = lowering.planes[each.inputs[0]], each.patches, lowering.plane(each)
    if any(patches.pads) and not zeros_around(lowering.quantised.classifier, each):
        raise ConfigError(
            f"{each.name}: pads of a pool are not allowed on the vector unit but of zeros: around the results of a "
            "ReLU of which the largest is taken, or in a mean that counts them"
        )
    size, channels = patches.kernel[0] * patches.kernel[1], plane.matrix.columns
    minus, share = lowering.number(-1.0, channels), lowering.number(1 / size, channels)
    kept = lowering.matrix(f"{each.output}.kept", patches.grid[1], channels, stored.FP32)
    more = lowering.matrix(f"{each.output}.more", patches.grid[1], channels, stored.FP32)
    for row, first, count in parts_of_lines(patches):
        some, less = (matrix.part(rows=slice(0, count)) for matrix in (kept, more))
        taps = [tap for _, tap in plane.places(patches, row, first, count)]
        for number, tap in enumerate(taps):
            to = out.line(row, first, count) if number + 1 == len(taps) else some
            if each.kind == "mean":
                lowering.run(tap, b=share, c=some if number else None, out=to)
            elif number == 0:
                lowering.run(tap, out=to)
            else:
                # The larger of two numbers is one of them plus what the other has more.
                lowering.run(some, b=minus, c=tap, out=less)
                lowering.run(less, RELU, c=some, out=to)


def lower_joined(lowering: PictureLowering, each: Joined) -> None:
    """Add the passes that bring the channels of tensors side by side."""
    if each.axis != -len(each.shape):
        raise ConfigError(f"{each.name}: tensors side by side along axis {each.axis} are not allowed: channels")
    out, first = lowering.plane(each), 0
    for name in each.inputs:
        plane = lowering.planes[name]
        last = first + plane.matrix.columns
        if first % lowering.lanes:
            raise ConfigError(
                f"{each.name}: {first} channels before others side by side are not allowed: a multiple of the "
                f"{lowering.lanes} lanes"
            )
        part = replace(out, matrix=out.matrix.part(columns=slice(first, last)))
        lowering.each_line(plane, part, lambda a, d: lowering.run(a, out=d))
        first = last


def lower_arrange(lowering: PictureLowering, each: Arranged) -> None:
    """Take a tensor in another shape that has the same rows."""
    source = each.inputs[0]
    _, height, width = picture_shape(each.shape)
    before = lowering.codes[source] if source in lowering.codes else lowering.planes[source].matrix
    if each.axes or (height, width) != (1, 1) or before.rows != 1:
        raise ConfigError(f"{each.name}: a change of shape is not allowed but of one position to a row")
    if source in lowering.codes:
        lowering.codes[each.output] = before
    else:
        lowering.planes[each.output] = lowering.planes[source]
