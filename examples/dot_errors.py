"""What formats lose: dot products of 1,024 normally distributed numbers, exact but for the operands and one rounding.

.venv/bin/python examples/dot_errors.py
"""

import numpy as np

from tilewright.sim.formats import BF16, parse_format

SEED, DOTS, LENGTH = 1, 200, 1024

rng = np.random.default_rng(SEED)
x, w = rng.normal(size=(2, DOTS, LENGTH))
exact = (x * w).sum(-1)
scale = np.sqrt(LENGTH)  # standard deviation of a dot product

print(f"{'format':>12} {'bits':>6} {'error of dot products, rms / standard deviation':>50}")
for name in (
    "posit16_1",
    "bf16",
    "fp8_e4m3",
    "fp8_e5m2",
    "posit8_0",
    "mxfp8",
    "mxfp6",
    "mxfp4",
    "nvfp4",
    "fp4_e2m1",
    "posit4_1",
):
    format = parse_format(name)
    dots = BF16.decode(format.dot(format.encode(x), format.encode(w), out=BF16))
    error = np.sqrt(np.mean((dots - exact) ** 2)) / scale
    print(f"{name:>12} {format.bits_per_value:6.2f} {error:50.4f}")
