"""The operators of transformer layers as programs of the vector unit."""

from typing import Any

import numpy as np

from tilewright.cocotb_tests.vector.cases import Case, Layout, scratchpad
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Function, Inverse, Reduce, Storage, VectorCommand

BF16, FP32, INT8, INT32 = Storage.BF16, Storage.FP32, Storage.INT8, Storage.INT32
EPSILON = 1e-5


def operator_cases(config: VectorConfig, seed: int) -> list[Case]:
    """Return a case for each operator, on random numbers."""
    rng = np.random.default_rng(seed)
    lanes = config.lanes
    programs = {
        "softmax": softmax(config, 7, 5 * lanes + 3),
        "causal softmax": softmax(config, 9, 9, causal=True),
        "softmax of one row": softmax(config, 1, 40 * lanes + 1),
        "LayerNorm": layer_norm(config, 5, 12 * lanes),
        "RMSNorm": rms_norm(config, 3, 16 * lanes - 1),
        "rotary embedding": rotary(config, 6, blocks=3, half=2 * lanes),
        "SwiGLU": swiglu(config, 4, 9 * lanes + 2),
        "dequantise, bias, GELU, quantise": requantise(config, 5, 8 * lanes),
    }
    return [Case(name, scratchpad(config, rng), tuple(program)) for name, program in programs.items()]


def softmax(config: VectorConfig, rows: int, columns: int, *, causal: bool = False) -> list[VectorCommand]:
    """Return the passes of a softmax over each row: maximum; exponentials and their sum; division."""
    layout = Layout(config)
    shape: dict[str, Any] = {"rows": rows, "columns": columns, "causal": causal}
    x, e, y = (layout.matrix(rows, columns, storage) for storage in (FP32, FP32, BF16))
    return [
        VectorCommand(**shape, a=x, reduce=Reduce.MAXIMUM, scale=-1.0),
        VectorCommand(
            **shape, a=x, d=e, add=0, function=Function.EXP, reduce=Reduce.SUM, inverse=Inverse.RECIPROCAL, out=16
        ),
        VectorCommand(**shape, a=e, d=y, multiply=16, multiply_inverse=True),
    ]


def layer_norm(config: VectorConfig, rows: int, columns: int) -> list[VectorCommand]:
    """Return the passes of a LayerNorm: mean; variance; normalised values times gamma plus beta."""
    layout = Layout(config)
    shape: dict[str, Any] = {"rows": rows, "columns": columns}
    x, y = layout.matrix(rows, columns, FP32), layout.matrix(rows, columns, BF16)
    gamma, beta = (layout.matrix(1, columns, FP32, row=True) for _ in range(2))
    return [
        VectorCommand(**shape, a=x, reduce=Reduce.SUM, scale=-1 / columns),
        VectorCommand(
            **shape, a=x, add=0, square=True, reduce=Reduce.SUM, scale=1 / columns, offset=EPSILON,
            inverse=Inverse.RSQRT, out=16,
        ),
        VectorCommand(**shape, a=x, b=gamma, c=beta, d=y, add=0, multiply=16, multiply_inverse=True),
    ]  # fmt: skip


def rms_norm(config: VectorConfig, rows: int, columns: int) -> list[VectorCommand]:
    """Return the passes of an RMSNorm: mean square; values divided by its root, times gamma."""
    layout = Layout(config)
    shape: dict[str, Any] = {"rows": rows, "columns": columns}
    x, y = layout.matrix(rows, columns, BF16), layout.matrix(rows, columns, BF16)
    gamma = layout.matrix(1, columns, BF16, row=True)
    return [
        VectorCommand(
            **shape, a=x, square=True, reduce=Reduce.SUM, scale=1 / columns, offset=EPSILON, inverse=Inverse.RSQRT
        ),
        VectorCommand(**shape, a=x, b=gamma, d=y, multiply=0, multiply_inverse=True),
    ]


def rotary(config: VectorConfig, rows: int, *, blocks: int, half: int) -> list[VectorCommand]:
    """Return the passes of a rotary embedding of heads side by side: turned values times sines; plus cosines."""
    layout = Layout(config)
    shape: dict[str, Any] = {"rows": rows, "columns": blocks * 2 * half}
    x, sine, cosine, turned, y = (
        layout.matrix(rows, shape["columns"], storage) for storage in (BF16, FP32, FP32, FP32, BF16)
    )
    return [
        VectorCommand(**shape, a=x, b=sine, d=turned, rotate=half),
        VectorCommand(**shape, a=x, b=cosine, c=turned, d=y),
    ]


def swiglu(config: VectorConfig, rows: int, columns: int) -> list[VectorCommand]:
    """Return the pass of ``silu(gate) * up``."""
    layout = Layout(config)
    gate, up, y = (layout.matrix(rows, columns, BF16) for _ in range(3))
    return [VectorCommand(rows=rows, columns=columns, a=gate, b=up, d=y, function=Function.SILU)]


def requantise(config: VectorConfig, rows: int, columns: int) -> list[VectorCommand]:
    """Return the passes between two products: scales, bias; GELU and largest magnitude; GELU to INT8."""
    layout = Layout(config)
    shape: dict[str, Any] = {"rows": rows, "columns": columns}
    sums, y, codes = (layout.matrix(rows, columns, storage) for storage in (INT32, FP32, INT8))
    scales, bias = (layout.matrix(1, columns, FP32, row=True) for _ in range(2))
    return [
        VectorCommand(**shape, a=sums, reduce=Reduce.MAGNITUDE, scale=1 / 127, inverse=Inverse.RECIPROCAL),
        VectorCommand(**shape, a=sums, b=scales, c=bias, d=y, multiply=0, multiply_inverse=True),
        VectorCommand(
            **shape, a=y, d=y, function=Function.GELU, reduce=Reduce.MAGNITUDE, scale=1 / 127,
            inverse=Inverse.RECIPROCAL,
        ),
        VectorCommand(**shape, a=y, d=codes, multiply=0, multiply_inverse=True),
    ]  # fmt: skip
