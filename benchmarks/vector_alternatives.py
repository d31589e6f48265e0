"""Arithmetics that a vector unit could have, to compare the one that it has with."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.isa.steps import Pass, Product
from tilewright.sim.isa.vector_command import Function as PassFunction
from tilewright.sim.isa.vector_command import Inverse, PassOptions, Reduce
from tilewright.sim.machine.steps import Memory, VectorUnit, codes
from tilewright.sim.machine.vector.values import PassResult, sums

Numbers = np.ndarray
Function = Callable[[Numbers], Numbers]


def rounded_unit(rounded: Function, add_up: Function, **functions: Function) -> VectorUnit:
    """Return what runs passes (none that are causal or rotate) in another arithmetic.

    Parameters
    ----------
    rounded : callable
        Rounds the result of every operation.
    add_up : callable
        Sums of rows.
    exp, gelu : callable
        The functions.
    """

    def run(
        options: PassOptions,
        a: Numbers,
        *,
        lanes: int,
        output: StoredFormat,
        add: Numbers | None,
        multiply: Numbers | None,
        b: Numbers | None,
        c: Numbers | None,
    ) -> PassResult:
        y = rounded(a.astype(np.float64))
        if add is not None:
            y = rounded(y + add[:, None])
        if multiply is not None:
            y = rounded(y * multiply[:, None])
        if options.function != PassFunction.NONE:
            y = rounded(functions[options.function.name.lower()](y))
        if options.square or b is not None:
            y = rounded(y * (y if b is None else rounded(b)))
        if c is not None:
            y = rounded(y + rounded(c))
        linear = inverse = None
        if options.reduce != Reduce.NONE:
            reduced = {
                Reduce.SUM: add_up,
                Reduce.MAXIMUM: lambda y: y.max(axis=1),
                Reduce.MAGNITUDE: lambda y: np.abs(y).max(axis=1),
            }[options.reduce](y)
            linear = rounded(rounded(reduced * options.scale) + options.offset)
            if options.inverse != Inverse.NONE:
                inverse = rounded(1 / linear if options.inverse == Inverse.RECIPROCAL else 1 / np.sqrt(linear))
        return PassResult(y, output.from_fp32(y.astype(np.float32)), linear, inverse)

    return run


def unquantised(unit: VectorUnit) -> VectorUnit:
    """Return the same without the rounding to int8: codes keep their fractions."""

    def run(options: PassOptions, a: Numbers, **operands) -> PassResult:
        done = unit(options, a, **operands)
        kept = done.y if operands["output"] == stored.INT8 else done.codes
        return PassResult(done.y, kept, done.linear, done.inverse)

    return run


def rounding_only(unit: VectorUnit, passes: Iterable[Pass], chosen: Callable[[str], bool]) -> VectorUnit:
    """Return the same, the rounding to int8 left out but for buffers of chosen names. Runs ``passes``, in order."""
    those = iter(passes)
    free = unquantised(unit)

    def run(options: PassOptions, a: Numbers, **operands) -> PassResult:
        out = next(those).out
        return (unit if out and chosen(out.buffer.name) else free)(options, a, **operands)

    return run


def multiply_unquantised(step: Product, memory: Memory) -> None:
    """Run a product of INT8 numbers with fractions, which are their own codes."""
    assert (step.scales, step.weights.storage) == (None, stored.INT8)
    weights = codes(memory, step.weights)
    codes(memory, step.out)[:] = codes(memory, step.a) @ (weights.T if step.transposed else weights)


def with_fractions(memory: Memory) -> Memory:
    """Return memory whose integers may have fractions."""
    return {name: data if data.dtype.kind == "u" else data.astype(np.float64) for name, data in memory.items()}


def _identity(y: Numbers) -> Numbers:
    return y


def _fp32(y: Numbers) -> Numbers:
    return y.astype(np.float32).astype(np.float64)


def _bf16(y: Numbers) -> Numbers:
    return stored.BF16.to_fp32(stored.BF16.from_fp32(y.astype(np.float32))).astype(np.float64)


def _exact_sum(y: Numbers) -> Numbers:
    return y.sum(axis=1)


def _fp32_sum(y: Numbers) -> Numbers:
    return sums(y.astype(np.float32), 16).astype(np.float64)


def _bf16_sum(y: Numbers) -> Numbers:
    """Neighbours added in pairs, 16 lanes; then step by step."""
    rows, columns = y.shape
    tree = np.pad(y, ((0, 0), (0, -columns % 16))).reshape(rows, -1, 16)
    while tree.shape[2] > 1:
        tree = _bf16(tree[:, :, 0::2] + tree[:, :, 1::2])
    total = np.zeros(rows)
    for step in tree[:, :, 0].T:
        total = _bf16(total + step)
    return total


def _gelu(y: Numbers) -> Numbers:
    return y * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) / 2


def _ibert_exp(y: Numbers) -> Numbers:
    """I-BERT (Kim et al., 2021), section 3.5: a square over -ln 2 to 0, shifted."""
    shifts = np.floor(-y / math.log(2))
    return (0.3585 * (y + shifts * math.log(2) + 1.353) ** 2 + 0.344) * 2.0**-shifts


def _ibert_gelu(y: Numbers) -> Numbers:
    """I-BERT, section 3.4: erf as a square, clipped."""
    x = y / math.sqrt(2)
    erf = np.sign(x) * (-0.2888 * (np.minimum(np.abs(x), 1.769) - 1.769) ** 2 + 1)
    return y * (1 + erf) / 2


FLOAT64 = rounded_unit(_identity, _exact_sum, exp=np.exp, gelu=_gelu)
BF16_WIDE = rounded_unit(_bf16, _fp32_sum, exp=np.exp, gelu=_gelu)
"""Sums in FP32."""
BF16_ONLY = rounded_unit(_bf16, _bf16_sum, exp=np.exp, gelu=_gelu)
IBERT = rounded_unit(_fp32, _fp32_sum, exp=_ibert_exp, gelu=_ibert_gelu)
"""I-BERT's polynomials; the rest in FP32."""
