"""Number formats, bit for bit: posits, minifloats, integers and block-scaled formats.

:mod:`.scalar` says what each operation means, in exact rationals; everything else here is its fast twin in numpy.
"""

from .activation import ACTIVATIONS, activate
from .format import Format, ScalarFormat, convert
from .functions import exp, reciprocal, rsqrt
from .integer import Int, UInt
from .microscaling import MXFP4, MXINT8, NVFP4, Blocks, Microscaling
from .minifloat import BF16, E2M1, E2M3, E3M2, E4M3, E5M2, FP16, FP32, Minifloat
from .names import format_names, parse_format
from .posit import Posit
from .quire import Quire
from .scale import E8M0, PowerOfTwo
from .simd import ALL_MODES, XR_NPE_MODES, Mode, pack, parse_modes, simd_dot, simd_matmul, simd_sum, unpack
from .stored import StoredFormat, stored_format

__all__ = [
    "ACTIVATIONS",
    "ALL_MODES",
    "BF16",
    "E2M1",
    "E2M3",
    "E3M2",
    "E4M3",
    "E5M2",
    "E8M0",
    "FP16",
    "FP32",
    "MXFP4",
    "MXINT8",
    "NVFP4",
    "XR_NPE_MODES",
    "Blocks",
    "Format",
    "Int",
    "Microscaling",
    "Minifloat",
    "Mode",
    "Posit",
    "PowerOfTwo",
    "Quire",
    "ScalarFormat",
    "StoredFormat",
    "UInt",
    "activate",
    "convert",
    "exp",
    "format_names",
    "pack",
    "parse_format",
    "parse_modes",
    "reciprocal",
    "rsqrt",
    "simd_dot",
    "simd_matmul",
    "simd_sum",
    "stored_format",
    "unpack",
]
