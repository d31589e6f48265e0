"""Passes of the vector unit that random programs do not have: docs/coverage.md tells which."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tilewright.cocotb_tests.vector.cases import Case, fill_scalars, scratchpad, show_scalars
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Function, Inverse, Matrix, Reduce, Storage, VectorCommand

SEED = 17
NUMBERS = (0.0, 1e-40, float("inf"), float("-inf"), float("nan"))
"""Factors and terms of reductions that random programs do not have."""


def directed_passes(config: VectorConfig, *, result: int) -> Iterator[VectorCommand]:
    """Yield passes that are right one after the other: A lies from address 0 on, D from ``result`` on."""
    yield from odd_reductions(config)
    yield from own_scalars(config)
    yield from rotations(config, result)
    near, far = (Matrix(address=start + 1, stride=3, storage=Storage.INT8) for start in (0, result))
    for a, d in ((near, far), (far, near)):
        yield VectorCommand(rows=3, columns=config.lanes + 1, a=a, d=d)


def odd_reductions(config: VectorConfig) -> Iterator[VectorCommand]:
    """Yield reductions with an odd factor or term, and each inverse of them."""
    for number in NUMBERS:
        for inverse in Inverse:
            yield _reduction(config, inverse, 0, scale=number)
            yield _reduction(config, inverse, 2, offset=number)


def _reduction(
    config: VectorConfig, inverse: Inverse, out: int, *, scale: float = 1.0, offset: float = 0.0
) -> VectorCommand:
    return VectorCommand(
        rows=2, columns=3 * config.lanes, a=Matrix(stride=12), reduce=Reduce.SUM, scale=scale, offset=offset,
        inverse=inverse, out=out,
    )  # fmt: skip


def own_scalars(config: VectorConfig) -> Iterator[VectorCommand]:
    """Yield reductions whose rows read the scalar that the same row writes, or one that the command does not write."""
    rows = 4
    sums = VectorCommand(rows=rows, columns=config.lanes, a=Matrix(stride=4), reduce=Reduce.SUM, out=rows)
    for slot in (0, rows, 2 * rows):
        yield from (replace(sums, add=slot), replace(sums, multiply=slot))


def rotations(config: VectorConfig, result: int) -> Iterator[VectorCommand]:
    """Yield rotary embeddings of one block each, of every size that fits between A and D."""
    steps = 0
    while 2 << steps <= result:
        half = config.lanes << steps
        a, d = (Matrix(address=start, storage=Storage.INT8) for start in (0, result))
        function = Function.RELU if steps % 2 else Function.NONE
        yield VectorCommand(rows=1, columns=2 * half, a=a, d=d, rotate=half, function=function)
        steps += 1


def directed_case(config: VectorConfig) -> Case:
    """Return the passes on random numbers; row scalars are filled before them and written out after them."""
    passes = directed_passes(config, result=1 << config.address_bits - 1)
    program = (*fill_scalars(config), *passes, *show_scalars(config))
    return Case("directed", scratchpad(config, np.random.default_rng(SEED)), program)
