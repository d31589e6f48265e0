"""Attention of one head, or of query heads that share keys and values."""

from dataclasses import dataclass, replace

from tilewright.sim.isa.steps import Matrix, Product
from tilewright.sim.isa.vector_command import Function, Inverse, PassOptions, Reduce

from .lowering import MAGNITUDE, PLAIN, Lowering, Quantised


@dataclass(frozen=True)
class KeysValues:
    """Keys and values of a head as weights, a row for each position."""

    keys: Matrix
    """(positions, head size)."""
    key_scales: Matrix
    """(1, positions)."""
    values: Matrix
    """(positions, head size)."""
    value_scales: Matrix
    """(1, positions)."""


def attend(
    lowering: Lowering, name: str, query: Quantised, cache: KeysValues, out: Matrix, *, base: int | None = None
) -> None:
    """Add ``out = softmax(query @ keys.T) @ values``; queries hold the factor ``1 / sqrt(head size)`` already.

    The scales of values, one a position, go into the probabilities, which are then quantised row by row.

    Parameters
    ----------
    base : int, optional
        Row r attends to positions up to ``base + r`` only.
    """
    rows, positions = query.codes.rows, cache.keys.rows
    mask = PLAIN if base is None else PassOptions(causal=True, mask_base=base)
    sums = lowering.matrix(f"{name}.scores.sums", rows, positions, "int32")
    lowering.steps.append(Product(a=query.codes, weights=cache.keys, out=sums, transposed=True))
    scores = lowering.matrix(f"{name}.scores", rows, positions)
    minus_maximum, _ = lowering.run(
        sums,
        replace(mask, reduce=Reduce.MAXIMUM, scale=-1.0),
        multiply=query.scale,
        b=cache.key_scales,
        out=scores,
        to=f"{name}.maximum",
    )
    exponentials = lowering.matrix(f"{name}.exponentials", rows, positions)
    _, inverse = lowering.run(
        scores,
        replace(mask, function=Function.EXP, reduce=Reduce.SUM, inverse=Inverse.RECIPROCAL),
        add=minus_maximum,
        out=exponentials,
        to=f"{name}.sum",
    )
    weights = lowering.matrix(f"{name}.weights", rows, positions)
    scale = lowering.run(
        exponentials, MAGNITUDE, multiply=inverse, b=cache.value_scales, out=weights, to=f"{name}.weights.scale"
    )
    weights8 = lowering.quantised(weights, scale)
    mixed = lowering.matrix(f"{name}.mixed.sums", rows, out.columns, "int32")
    lowering.steps.append(Product(a=weights8.codes, weights=cache.values, out=mixed))
    lowering.run(mixed, multiply=weights8.scale, out=out)
