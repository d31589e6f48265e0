"""Operands of products: the format in which an engine multiplies, and whether rows and columns have scales."""

from dataclasses import dataclass, replace

from tilewright.mapping.precision.npe_weights import LARGEST, is_scaled
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.graph.operator import Engine, Kind, Operator
from tilewright.sim.isa.vector_command import Inverse, PassOptions, Reduce

SMALLEST_SCALE = 2.0**-100
"""Term of the scale of a row: a row of zeros has a scale, so that its numbers are zeros."""


@dataclass(frozen=True)
class Operand:
    """Format of the operands of a product."""

    storage: StoredFormat
    npe: bool = False
    """Flag: the NPE multiplies, otherwise the CIM array."""
    part_columns: int = 0
    """Number of columns that share the scale of a row; 0: all."""

    @property
    def scaled(self) -> bool:
        """Flag: each row, and each column of weights, has a scale."""
        return not self.npe or is_scaled(self.storage)

    def parts(self, columns: int) -> list[slice]:
        """Return the parts of so many columns that have scales of their own."""
        size = self.part_columns or columns
        return [slice(first, min(first + size, columns)) for first in range(0, columns, size)]

    @property
    def largest(self) -> float:
        """Number to which the largest magnitude of a row or a column is scaled: a count of the CIM array, or a
        value."""
        return LARGEST[stored.npe_mode(self.storage)] if self.npe else self.storage.largest

    @property
    def magnitude(self) -> PassOptions:
        """Options of a pass that measures rows for :meth:`.Lowering.quantised`; of no reduction without scales."""
        if not self.scaled:
            return PassOptions()
        offset = SMALLEST_SCALE if self.npe and self.storage != stored.INT8 else 0.0
        return PassOptions(reduce=Reduce.MAGNITUDE, scale=1 / self.largest, offset=offset, inverse=Inverse.RECIPROCAL)


ARRAY = Operand(stored.INT8)
"""Activations of the CIM array."""


def activations_of(product: Operator) -> Operand:
    """Return the format of the activations of a product: of its input, of queries, or of probabilities."""
    if product.engine is not Engine.NPE:
        return ARRAY if product.part_columns == product.k else replace(ARRAY, part_columns=product.part_columns)
    return Operand(product.precision.weights if product.kind is Kind.MATMUL else product.precision.cache, npe=True)


def cached_of(product: Operator) -> Operand:
    """Return the format of the keys or values that a product takes."""
    return Operand(product.precision.cache, npe=product.engine is Engine.NPE)
