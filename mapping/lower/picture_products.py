"""Products of a classifier of pictures: jobs of the NPE, and the steps that bring their input into its formats.

A product of single positions is one job. Patches of a convolution over all channels are gathered by passes, one for
each place of the kernel and each line, which round their numbers to the format of the product; then one job multiplies
all of them.
"""

from collections.abc import Iterator

import numpy as np

from tilewright.mapping.models.classifier import Product
from tilewright.mapping.precision.npe_classifier import NpeLayer
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.isa.descriptor import Activation
from tilewright.sim.isa.steps import Job, Matrix, Recode

from .picture_lowering import PictureLowering
from .planes import Plane, beside, parts_of_lines, picture_shape

PATCHES = 1 << 16
"""Largest number of elements of patches that are gathered for one job: larger ones need not find room in a bank."""


def lower_product(lowering: PictureLowering, each: Product) -> None:
    """Add the job of a plain product, and the steps that round its input."""
    layer, source = lowering.quantised.layers[each.name], each.inputs[0]
    n, codes = len(each.weights), layer.codes
    if each.patches and not each.patches.points and source not in lowering.given:
        operands = _gathered(lowering, layer)
        # A patch has its places one after the other, with all channels of each, and zeros up to a whole step.
        channels = each.patches.picture[0]
        places = codes.reshape(n, channels, -1).swapaxes(1, 2)
        codes = np.pad(places, ((0, 0), (0, 0), (0, -channels % lowering.lanes))).reshape(n, -1)
    else:
        operands = iter([lowering.codes.get(source) or _rounded(lowering, layer, lowering.whole(source))])
    operand, result = stored.NPE_OPERANDS[layer.mode], stored.NPE_OPERANDS[layer.out]
    weights = lowering.constant(f"{each.name}.codes", operand.kept(codes.T), operand)
    left, right = beside(lowering.quantised.classifier, each.output)
    moved = bool(left or right)
    out = lowering.matrix(f"{each.output}.job" if moved else each.output, each.rows, n, result)
    first, k = 0, codes.shape[1]
    for a in operands:
        rows = a.rows * a.columns // k
        lowering.steps.append(
            Job(
                a=a.reshaped(rows, k),
                weights=weights,
                out=out.part(rows=slice(first, first + rows)),
                scale=lowering.constant(f"{each.name}.scale", layer.scale[None]),
                bias=lowering.constant(f"{each.name}.bias", layer.bias[None]),
                activation=Activation.RELU if each.relu else Activation.NONE,
            )
        )
        first += rows
    if layer.to_product:
        lowering.codes[each.output] = out
        return
    _, height, width = picture_shape(each.shape)
    lowering.planes[each.output] = plane = Plane(out, height, width)
    if moved:
        # A job writes nothing beside a picture: a pass for each line moves the result.
        lowering.each_line(plane, lowering.plane(each), lambda a, d: lowering.run(a, out=d))


def _rounded(lowering: PictureLowering, layer: NpeLayer, values: Matrix) -> Matrix:
    """Return numbers of BF16 in the format of a product, divided by its step."""
    by_pass, step = _by_pass(lowering, layer), _step(lowering, layer, values.columns)
    if step or by_pass is stored.INT8:
        scaled = lowering.matrix(f"{layer.product.name}.scaled", values.rows, values.columns, by_pass)
        lowering.run(values, b=step, out=scaled)
        values = scaled
    return _recoded(lowering, layer, values)


def _gathered(lowering: PictureLowering, layer: NpeLayer) -> Iterator[Matrix]:
    """Yield the patches of some lines of a convolution in the format of its product, divided by its step, a row for
    each: as many lines at a time as :data:`PATCHES` allows."""
    each, patches = layer.product, layer.product.patches
    assert patches
    plane, (down, across) = lowering.planes[each.inputs[0]], patches.grid
    channels, places = plane.matrix.columns, patches.kernel[0] * patches.kernel[1]
    step, zero = _step(lowering, layer, channels), lowering.number(0.0, channels)
    room = channels + -channels % lowering.lanes
    lines = max(1, PATCHES // (across * places * room))
    for top in range(0, down, lines):
        some = min(lines, down - top)
        name = f"{each.name}.patches.{top}"
        out = lowering.matrix(name, some * across, places * room, _by_pass(lowering, layer))
        lowering.with_gaps.add(name)
        for row, first, count in parts_of_lines(patches):
            if not top <= row < top + some:
                continue
            inside = dict(plane.places(patches, row, first, count))
            at = (row - top) * across + first
            for place in range(places):
                columns = slice(place * room, place * room + channels)
                part = out.part(rows=slice(at, at + count), columns=columns)
                if place in inside:
                    lowering.run(inside[place], b=step, out=part)
                else:
                    lowering.run(zero, out=part)
        yield _recoded(lowering, layer, out, f".{top}")


def _recoded(lowering: PictureLowering, layer: NpeLayer, values: Matrix, suffix: str = "") -> Matrix:
    """Return what passes have written in the format of a product."""
    storage = stored.NPE_OPERANDS[layer.mode]
    if values.storage is storage:
        return values
    out = lowering.matrix(f"{layer.product.name}.operand{suffix}", values.rows, values.columns, storage)
    lowering.steps.append(Recode(a=values, out=out))
    return out


def _by_pass(lowering: PictureLowering, layer: NpeLayer) -> StoredFormat:
    """Return the format in which passes write the input of a product: its own, or BF16 before a recode."""
    return stored.INT8 if stored.NPE_OPERANDS[layer.mode] is stored.INT8 else stored.BF16


def _step(lowering: PictureLowering, layer: NpeLayer, columns: int) -> Matrix | None:
    """Return a row of factors by which a product's input is divided by its step; None if it is 1."""
    return None if layer.step == 1 else lowering.number(1 / layer.step, columns)
