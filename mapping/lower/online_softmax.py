"""Softmax and weighted sum over positions that come block by block.

Of each row the largest score so far, the sum of exponentials and the weighted sum are kept. When a block has a larger
score, both sums are multiplied by ``exp(old maximum - new maximum)``, so that all exponentials are of one maximum: the
method of Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867, and of FlashAttention,
arXiv 2205.14135.
"""

import numpy as np

from tilewright.sim.formats import stored
from tilewright.sim.isa.steps import Matrix, Scalars
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce

from .lowering import Lowering, Quantised
from .masks import HIDDEN

LOWEST, ZEROS = "softmax.lowest", "softmax.zeros"
"""Names of the constants with which a softmax begins that is repeated for each block."""
MAXIMUM = PassOptions(reduce=Reduce.MAXIMUM)
"""Options of the pass that finds the maximum of the blocks so far."""
MINUS_MAXIMUM = PassOptions(reduce=Reduce.MAXIMUM, scale=-1.0)
"""Options of the pass over the maxima of blocks that finds the negative of the maximum of all."""
CORRECTION = PassOptions(function=Function.EXP, reduce=Reduce.MAXIMUM)
"""Options of the pass over the maxima of earlier blocks that finds the factor of their sums."""
INVERSE = PassOptions(reduce=Reduce.SUM, inverse=Inverse.RECIPROCAL)
"""Options of the pass over sums of exponentials that finds their inverses."""


class OnlineSoftmax:
    """Adds the passes that bring together what the blocks of a head's rows give.

    For each block, in this order: :meth:`add_maximum`, :meth:`add_sum`, :meth:`add_weighted`.

    Parameters
    ----------
    lowering : Lowering
        Gets the passes; they belong to the operator that it lowers at the time.
    name : str
        Beginning of the names of all buffers and row scalars.
    rows, blocks : int
        Number of rows, and of blocks.
    """

    def __init__(self, lowering: Lowering, name: str, rows: int, blocks: int):
        self.lowering, self.name, self.rows = lowering, name, rows
        self.maxima = self._matrix("maxima", blocks)
        """Largest score of each row in each block."""
        self.block = -1
        """Number of the block that was begun last."""
        self.correction: Scalars | None = None
        """Factor of the sums of earlier blocks; none in the first block."""
        self.total: Matrix
        """Sum of exponentials of each row."""
        self.weighted: Matrix
        """Weighted sum of each row."""

    def scales_of(self, query: Quantised) -> Scalars | None:
        """Return the scales of the rows of queries, if there are some."""
        return query.scale

    def add_maximum(self, maximum: Scalars) -> Scalars:
        """Take the largest score of each row of the next block; return the negative of that of all blocks so far."""
        self.block += 1
        name = f"{self.name}.{self.block}"
        self.lowering.write_scalars(maximum, self.maxima.part(columns=slice(self.block, self.block + 1)))
        minus_maximum, _ = self.lowering.run(
            self.maxima.part(columns=slice(self.block + 1)), MINUS_MAXIMUM, to=f"{name}.minus_maximum"
        )
        if self.block:
            # Of the exponentials of earlier maxima the largest is that of the maximum of all earlier blocks.
            before = self.maxima.part(columns=slice(self.block))
            self.correction, _ = self.lowering.run(before, CORRECTION, add=minus_maximum, to=f"{name}.correction")
        return minus_maximum

    def add_sum(self, sums: Scalars) -> None:
        """Take the sums of exponentials of the rows of the block."""
        own = self._matrix(f"{self.block}.total", 1)
        self.lowering.write_scalars(sums, own)
        if self.correction is None:
            self.total = own
        else:
            self.lowering.run(self.total, multiply=self.correction, c=own, out=self.total)

    def add_weighted(self, sums: Matrix, scale: Scalars | None) -> None:
        """Take the weighted sums of the block, and the scale of each row if there are scales."""
        if self.correction is None:
            self.weighted = self._matrix("weighted", sums.columns)
            self.lowering.run(sums, multiply=scale, out=self.weighted)
        else:
            self.lowering.run(self.weighted, multiply=self.correction, out=self.weighted)
            self.lowering.run(sums, multiply=scale, c=self.weighted, out=self.weighted)

    def finish(self, out: Matrix) -> None:
        """Write the weighted sums of the probabilities of all blocks."""
        _, inverse = self.lowering.run(self.total, INVERSE, to=f"{self.name}.total")
        self.lowering.run(self.weighted, multiply=inverse, out=out)

    def _matrix(self, name: str, columns: int) -> Matrix:
        return self.lowering.matrix(f"{self.name}.{name}", self.rows, columns, stored.FP32)


class RepeatedSoftmax(OnlineSoftmax):
    """Adds the passes for one block, which are repeated for each block; those for no block have been added before them.

    Parameters
    ----------
    columns : int
        Number of elements of a weighted sum.
    """

    def __init__(self, lowering: Lowering, name: str, rows: int, columns: int):
        super().__init__(lowering, name, rows, 2)
        self.block = 0
        self.scales: Matrix | None = None
        """Scales of the queries, if they are kept so."""
        self.total, self.weighted = self._matrix("total", 1), self._matrix("weighted", columns)
        before, _ = self._columns()
        lowering.run(lowering.table(LOWEST, 1, 1), out=before)
        zeros = lowering.table(f"{ZEROS}.{columns}", 1, columns)
        lowering.run(zeros, out=self.weighted)
        lowering.run(lowering.table(f"{ZEROS}.1", 1, 1), out=self.total)

    def keep_scales(self, query: Quantised) -> None:
        """Write the scales of many queries, for which there are no row scalars while the blocks are repeated."""
        if query.scale is None:
            return
        self.scales = self._matrix("query.scales", 1)
        self.lowering.write_scalars(query.scale, self.scales)

    def scales_of(self, query: Quantised) -> Scalars | None:
        if self.scales is None:
            return query.scale
        scales, _ = self.lowering.run(self.scales, MAXIMUM, to=f"{self.name}.query.scale")
        return scales

    def add_maximum(self, maximum: Scalars) -> Scalars:
        before, own = self._columns()
        self.lowering.write_scalars(maximum, own)
        minus_maximum, _ = self.lowering.run(self.maxima, MINUS_MAXIMUM, to=f"{self.name}.minus_maximum")
        self.correction, _ = self.lowering.run(before, CORRECTION, add=minus_maximum, to=f"{self.name}.correction")
        largest, _ = self.lowering.run(self.maxima, MAXIMUM, to=f"{self.name}.largest")
        self.lowering.write_scalars(largest, before)
        return minus_maximum

    def _columns(self) -> tuple[Matrix, Matrix]:
        """Return the columns of maxima: of all blocks before, and of the block."""
        return self.maxima.part(columns=slice(0, 1)), self.maxima.part(columns=slice(1, 2))


def first_block_constants(columns: int) -> dict[str, np.ndarray]:
    """Return the constants with which :class:`RepeatedSoftmax` begins, as they are stored, for heads of so many
    elements."""
    constants = {LOWEST: [HIDDEN], f"{ZEROS}.1": [0.0], f"{ZEROS}.{columns}": [0.0] * columns}
    return {name: stored.FP32.from_fp32(np.array(values, np.float32)) for name, values in constants.items()}
