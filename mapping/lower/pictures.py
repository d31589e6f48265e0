"""Lowers a classifier of pictures in formats of the NPE: products to jobs, all other operations to passes.

A tensor of a picture is a matrix with a row for each position, left to right and top to bottom, and a column for each
channel, in BF16. Where a convolution in groups or a pool reads it, it has the rows and columns of zeros that this
reader needs around it. :mod:`.picture_products` lowers the products, and :mod:`.picture_passes` all other operations.
The host gathers the patches of the first convolution.
"""

from dataclasses import dataclass

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
from tilewright.mapping.precision.npe_classifier import NpeClassifier
from tilewright.sim.formats import stored
from tilewright.sim.graph.operator import Kind, Operator

from .lowering import Lowered
from .picture_lowering import PictureLowering
from .picture_passes import (
    lower_arrange,
    lower_clipped,
    lower_grouped,
    lower_joined,
    lower_mean,
    lower_pool,
    lower_summed,
)
from .picture_products import lower_product
from .planes import Plane, beside, picture_shape, positions


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
        return first.rows_of(x)[0] if _host_gathers(classifier) and isinstance(first, Product) else positions(x[0])


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
    classifier, lowering = quantised.classifier, PictureLowering(quantised, lanes)
    lowering.operator = Operator(name="picture", row="picture", kind=Kind.INPUT, m=1, n=classifier.inputs)
    first = classifier.readers(classifier.input)
    if _host_gathers(classifier):
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


def _lower(lowering: PictureLowering, each: Operation) -> None:
    """Add the steps of an operation."""
    kind = Kind.MATMUL if isinstance(each, Product) and each.plain else Kind.CONSTANT
    lowering.operator = Operator(
        name=each.name, row=each.name, kind=kind, m=int(np.prod(each.shape[1:])), n=each.shape[0]
    )
    match each:
        case Product():
            lower_product(lowering, each) if each.plain else lower_grouped(lowering, each)
        case Clipped():
            lower_clipped(lowering, each)
        case Sum() | Scaled():
            lower_summed(lowering, each)
        case Mean():
            lower_mean(lowering, each)
        case Pool():
            lower_pool(lowering, each)
        case Joined():
            lower_joined(lowering, each)
        case Arranged():
            lower_arrange(lowering, each)
        case Sigmoid():
            raise ConfigError(f"{each.name}: a sigmoid is not allowed: the vector unit has x * sigmoid(x) alone")
        case _:
            raise ConfigError(f"{each.name}: a {type(each).__name__.lower()} has no passes of the vector unit")


def _host_gathers(classifier: Classifier) -> bool:
    """Return whether the host gathers the patches of the pictures."""
    readers = classifier.readers(classifier.input)
    return len(readers) == 1 and isinstance(readers[0], Product) and readers[0].plain
