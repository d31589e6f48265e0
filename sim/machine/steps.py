"""Values of the steps of a program on flat arrays, bit for bit, without time."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from tilewright.sim.formats.simd import simd_matmul
from tilewright.sim.formats.stored import FP32, INT8, NPE_OPERANDS, npe_mode
from tilewright.sim.isa.descriptor import Activation
from tilewright.sim.isa.steps import Buffer, Job, Matrix, Pass, Product, Recode, Scalars, Step

from .npe.epilogue import epilogue
from .vector.matrix import matrix_view
from .vector.values import PassResult, operand, run_pass

EXACT_PRODUCTS = (1 << 24) // (128 * 128)
"""Number of products of INT8 numbers whose sum FP32 holds exactly."""
BLOCK_COLUMNS = 4096
"""Number of columns of weights that are turned into FP32 numbers together."""
Memory = dict[str, np.ndarray]
"""Flat arrays by name of buffer."""
VectorUnit = Callable[..., PassResult]
"""Function that runs a pass: :func:`run_pass`, or another arithmetic to compare with it."""
CIMArray = Callable[[Product, Memory], None]
"""Function that runs a product: :func:`multiply`, or another arithmetic to compare with it."""


def empty_memory(
    buffers: Iterable[Buffer], contents: Mapping[str, np.ndarray] | None = None, *, copies: bool = True
) -> Memory:
    """Return memory for some buffers: ``contents`` as flat arrays of their storage, zeros elsewhere.

    Parameters
    ----------
    copies : bool
        Whether contents are copied. If not, contiguous arrays of their storage are themselves the memory, so that steps
        change them.

    Raises
    ------
    ValueError
        If contents have another number of elements than their buffer.
    """
    memory: Memory = {}
    for buffer in buffers:
        data = (contents or {}).get(buffer.name)
        if data is None:
            data = np.zeros(buffer.elements)
        elif data.size != buffer.elements:
            raise ValueError(f"{buffer.name}: {data.size} elements for {buffer.elements}")
        memory[buffer.name] = np.array(data, dtype=buffer.storage.dtype, copy=copies or None).ravel()
    return memory


def load(memory: Memory, matrix: Matrix) -> np.ndarray:
    """Return a matrix as FP32, int8 or int32 numbers."""
    return operand(matrix.storage, codes(memory, matrix)).copy()


def store(memory: Memory, matrix: Matrix, values: np.ndarray) -> None:
    """Round FP32 numbers to a matrix's storage, int8, bf16 or fp32, and write them."""
    codes(memory, matrix)[:] = matrix.storage.from_fp32(values.astype(np.float32))


def multiply(step: Product, memory: Memory) -> None:
    """Run a matrix product."""
    codes(memory, step.out)[:] = dot_products(step, memory).astype(np.int64).astype(np.int32)


def dot_products(step: Product, memory: Memory) -> np.ndarray:
    """Return the sums of a product in float64, exact, before they wrap as the accumulators do."""
    if step.a.storage == step.weights.storage == INT8 and not step.scales:
        weights = codes(memory, step.weights)
        return _int8_products(codes(memory, step.a), weights.T if step.transposed else weights)
    # Sums of less than 2**53 are exact, and numpy multiplies float64 fast.
    a, weights = (m.storage.decode(codes(memory, m)) for m in (step.a, step.weights))
    if step.transposed:
        weights = weights.T
    if step.scales:
        factors = step.scales.storage.decode(codes(memory, step.scales))
        weights = weights * np.repeat(factors, step.group, axis=0)[: len(weights)]
    return a @ weights


def _int8_products(a: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the product of INT8 matrices in float64, exact.

    FP32 holds sums of as many products exactly, and needs half the time and memory of float64.
    """
    sums = np.zeros((a.shape[0], weights.shape[1]))
    for first in range(0, a.shape[1], EXACT_PRODUCTS):
        some = slice(first, first + EXACT_PRODUCTS)
        part = a[:, some].astype(np.float32)
        for column in range(0, weights.shape[1], BLOCK_COLUMNS):
            block = slice(column, column + BLOCK_COLUMNS)
            sums[:, block] += part @ weights[some, block].astype(np.float32)
    return sums


def run_job(step: Job | Recode, memory: Memory) -> None:
    """Run a job of the NPE, whose epilogue rounds the result."""
    out_format = npe_mode(step.out.storage)
    residual: np.ndarray | None
    if isinstance(step, Recode):
        sums = np.zeros((step.out.rows, step.out.columns))
        scale = bias = None
        residual, activation = _numbers(memory, step.a), Activation.NONE
    else:
        weights = codes(memory, step.weights)
        sums = simd_matmul(npe_mode(step.a.storage), codes(memory, step.a), weights if step.transposed else weights.T)
        scale, bias = (
            None if each is None else codes(memory, each).view(np.float32) for each in (step.scale, step.bias)
        )
        residual = None if step.residual is None else _numbers(memory, step.residual)
        activation = step.activation
    done = epilogue(sums, scale=scale, bias=bias, residual=residual, activation=activation, out_format=out_format)
    codes(memory, step.out)[:] = NPE_OPERANDS[out_format].kept(done.codes)


def _numbers(memory: Memory, matrix: Matrix) -> np.ndarray:
    """Return the numbers of a matrix in one of the NPE's formats, float32."""
    return npe_mode(matrix.storage).format.decode(codes(memory, matrix)).astype(np.float32)


def run_steps(
    steps: Iterable[Step],
    memory: Memory,
    *,
    lanes: int,
    vector_unit: VectorUnit = run_pass,
    array: CIMArray = multiply,
    scalars: dict[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Run steps one after the other on ``memory``; return the row scalars after the last step, float32 by name.

    Parameters
    ----------
    steps : iterable of Step
        None that writes what it reads, elements of the same place apart.
    memory : Memory
        Changed in place.
    lanes : int
        Number of lanes of the vector unit.
    vector_unit, array : callable
        Run a pass and a product.
    scalars : dict
        Row scalars that steps before have left; changed in place.
    """
    scalars = {} if scalars is None else scalars
    for step in steps:
        if isinstance(step, Product):
            array(step, memory)
        elif isinstance(step, Job | Recode):
            run_job(step, memory)
        else:
            _run_pass(step, memory, scalars, lanes, vector_unit)
    return scalars


def _run_pass(step: Pass, memory: Memory, scalars: dict[str, np.ndarray], lanes: int, unit: VectorUnit) -> None:
    def beside(matrix: Matrix | None) -> np.ndarray | None:
        return None if matrix is None else load(memory, matrix).astype(np.float32)

    def row_scalars(those: Scalars | None) -> np.ndarray | None:
        return None if those is None else scalars[those.name][those.first : those.first + those.rows]

    done = unit(
        step.options,
        load(memory, step.a),
        lanes=lanes,
        output=FP32 if step.out is None else step.out.storage.written,
        add=row_scalars(step.add),
        multiply=row_scalars(step.multiply),
        b=beside(step.b),
        c=beside(step.c),
    )
    if step.out:
        storage = step.out.storage
        codes(memory, step.out)[:] = done.codes if storage.written == storage else storage.kept(done.codes)
    for those, values in ((step.linear, done.linear), (step.inverse, done.inverse)):
        if those is not None:
            kept = scalars.get(those.name, np.zeros(0, np.float32))
            missing = those.first + those.rows - len(kept)
            scalars[those.name] = np.concatenate([kept, np.zeros(max(missing, 0), np.float32)])
            scalars[those.name][those.first : those.first + those.rows] = values


def codes(memory: Memory, matrix: Matrix) -> np.ndarray:
    """Return a view of a matrix as it is stored."""
    flat = memory[matrix.buffer.name]
    if matrix.bits_as:
        flat = flat.view(matrix.bits_as.dtype)
    return matrix_view(flat, matrix.offset, matrix.rows, matrix.columns, matrix.stride)
