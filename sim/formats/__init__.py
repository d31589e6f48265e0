"""Number formats, bit for bit: posits, minifloats, integers and block-scaled formats.

:mod:`.scalar` says what each operation means, in exact rationals; everything else here is its fast twin in numpy.
"""

from .format import Format, ScalarFormat, convert
from .integer import Int
from .microscaling import MXFP4, MXINT8, NVFP4, Blocks, Microscaling
from .minifloat import BF16, E2M1, E2M3, E3M2, E4M3, E5M2, FP16, FP32, Minifloat
from .names import format_names, parse_format
from .posit import Posit
from .quire import Quire
from .scale import E8M0, PowerOfTwo

__all__ = [
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
    "Blocks",
    "Format",
    "Int",
    "Microscaling",
    "Minifloat",
    "Posit",
    "PowerOfTwo",
    "Quire",
    "ScalarFormat",
    "convert",
    "format_names",
    "parse_format",
]
