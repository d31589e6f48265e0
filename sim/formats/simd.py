"""Words of several numbers, and their dot products, as the SIMD MAC computes them."""

import enum

import numpy as np
from numpy.typing import ArrayLike

from . import fixed_point, window
from .format import ScalarFormat
from .integer import Int
from .matmul import matmul
from .minifloat import BF16, E2M1, E4M3, E5M2, FP32, usual_name
from .posit import Posit
from .window import Window

WORD_BITS = 16


class Mode(enum.IntEnum):
    """Format of the lanes of a word; the number is the value of the hardware's ``mode`` ports."""

    FP4_E2M1 = 0
    POSIT4_1 = 1
    INT4 = 2
    POSIT8_0 = 3
    FP8_E4M3 = 4
    FP8_E5M2 = 5
    INT8 = 6
    POSIT16_1 = 7
    BF16 = 8

    @property
    def format(self) -> ScalarFormat:
        """Format of a lane."""
        return _FORMATS[self]

    @property
    def bits(self) -> int:
        """Width of a lane: 4, 8 or 16 bits."""
        return self.format.bits

    @property
    def lanes(self) -> int:
        """Number of lanes of a word: 4, 2 or 1."""
        return WORD_BITS // self.bits

    @property
    def label(self) -> str:
        """Name of the format."""
        return self.format.name


_FORMATS: dict[Mode, ScalarFormat] = {
    Mode.FP4_E2M1: E2M1,
    Mode.POSIT4_1: Posit(4, 1),
    Mode.INT4: Int(4),
    Mode.POSIT8_0: Posit(8, 0),
    Mode.FP8_E4M3: E4M3,
    Mode.FP8_E5M2: E5M2,
    Mode.INT8: Int(8),
    Mode.POSIT16_1: Posit(16, 1),
    Mode.BF16: BF16,
}

ALL_MODES = tuple(Mode)


class SumFormat(enum.IntEnum):
    """Format of 32 bits for results of the NPE; the numbers continue those of :class:`Mode`."""

    FP32 = 9
    INT32 = 10

    @property
    def format(self) -> ScalarFormat:
        """Format of an element."""
        return FP32 if self is SumFormat.FP32 else Int(32)

    @property
    def bits(self) -> int:
        """Width of an element: 32 bits."""
        return self.format.bits

    @property
    def label(self) -> str:
        """Name of the format."""
        return self.format.name


INTEGER_MODES = (Mode.INT4, Mode.INT8)
"""Modes whose sums are integers: ``SumFormat.INT32`` holds each of them."""
ResultFormat = Mode | SumFormat
"""Format of a result of the NPE."""


def result_format(number: int) -> ResultFormat:
    """Return the format of a result that a number stands for.

    Raises
    ------
    ValueError
        If the number stands for none.
    """
    return Mode(number) if number in ALL_MODES else SumFormat(number)


XR_NPE_MODES = (Mode.FP4_E2M1, Mode.POSIT4_1, Mode.POSIT8_0, Mode.POSIT16_1)
"""Formats of XR-NPE (arXiv 2508.13049)."""

BF16_SUM_LSB = -80
"""Exponent of two of the last bit of a sum of bf16 products; a product with smaller bits counts as zero."""
BF16_TOP_EXPONENT = 15
"""A bf16 product ``significand * 2 ** e`` with a larger ``e`` counts as infinite."""
BF16_WINDOW = Window(BF16_SUM_LSB, BF16_TOP_EXPONENT)
"""Window of bf16 products that are summed as they are: all in [2**-64, 2**31)."""
MODE_SETS = {"all": ALL_MODES, "xr-npe": XR_NPE_MODES}


def parse_modes(text: str) -> tuple[Mode, ...]:
    """Return the modes of ``all``, ``xr-npe`` or a list of formats with commas, in the order of their numbers.

    A minifloat may be named ``fp<e>m<m>``, as in :func:`.names.parse_format`.

    Raises
    ------
    ValueError
        If a name is none, or comes twice, or there is none.
    """
    if text in MODE_SETS:
        return MODE_SETS[text]
    labels = {mode.label: mode for mode in Mode}
    names = {name.strip(): usual_name(name.strip()) for name in text.split(",")}
    unknown = next((name for name, usual in names.items() if usual not in labels), None)
    if unknown is not None:
        allowed = ", ".join((*MODE_SETS, *labels))
        raise ValueError(f"modes = {text} is not allowed: {unknown!r} is none of {allowed}")
    if len(set(names.values())) < text.count(",") + 1:
        raise ValueError(f"modes = {text} is not allowed: each mode once")
    return tuple(sorted(labels[name] for name in names.values()))


def pack(mode: Mode, codes: ArrayLike) -> np.ndarray:
    """Return codes as words.

    Parameters
    ----------
    mode : Mode
        Format of the codes.
    codes : array of integers, shape (..., length)
        Only their low ``bits`` bits count.

    Returns
    -------
    ndarray of uint16, shape (..., ceil(length / lanes))
        The first code in the lowest lane; zeros in what is left of the last word, which is the value 0 in every mode.
    """
    codes = np.asarray(codes).astype(np.int64) & ((1 << mode.bits) - 1)
    missing = -codes.shape[-1] % mode.lanes
    padded = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, missing)])
    lanes = padded.reshape(*codes.shape[:-1], -1, mode.lanes)
    return np.bitwise_or.reduce(lanes << _offsets(mode), axis=-1).astype(np.uint16)


def unpack(mode: Mode, words: ArrayLike) -> np.ndarray:
    """Return the codes of words: shape (..., length) gives (..., length * lanes), the lowest lane first."""
    words = np.asarray(words).astype(np.int64)[..., None]
    codes = (words >> _offsets(mode)) & ((1 << mode.bits) - 1)
    return codes.reshape(*words.shape[:-2], -1).astype(mode.format.code_dtype)


def _offsets(mode: Mode) -> np.ndarray:
    return mode.bits * np.arange(mode.lanes)


def simd_sum(mode: Mode, a_words: ArrayLike, b_words: ArrayLike) -> np.ndarray:
    """Return the dot products of words along their last axis, all lanes of all words in one sum.

    The sum is exact, in bf16 within ``BF16_WINDOW``.

    Parameters
    ----------
    mode : Mode
        Format of the words.
    a_words, b_words : arrays of 16-bit words, shapes (..., length)
        Leading axes broadcast.

    Returns
    -------
    ndarray of float64
        Rounded to odd (see :mod:`.exact`). NaN and infinities as in IEEE 754; an exact zero is +0.
    """
    a, b = (mode.format.decode(unpack(mode, words)) for words in (a_words, b_words))
    grid = mode.format.grid
    if mode is Mode.BF16:
        return window.dot(a, b, grid, BF16_WINDOW)
    return fixed_point.dot(a, grid, b, grid)


def simd_dot(mode: Mode, a_words: ArrayLike, b_words: ArrayLike, out: Mode | None = None) -> np.ndarray:
    """Return the dot products of :func:`simd_sum`, each rounded once to the format of ``out`` (default: ``mode``)."""
    return (mode if out is None else out).format.encode(simd_sum(mode, a_words, b_words))


def simd_matmul(mode: Mode, a_codes: ArrayLike, b_codes: ArrayLike) -> np.ndarray:
    """Return the matrix product whose elements are the dot products of a row of either matrix.

    Parameters
    ----------
    mode : Mode
        Format of the codes.
    a_codes, b_codes : arrays of integers, shapes (M, K) and (N, K)
        Codes, not words.

    Returns
    -------
    ndarray of float64, shape (M, N)
        Sums in the way of :func:`simd_sum`.
    """
    a, b = mode.format.decode(a_codes), mode.format.decode(b_codes)
    return matmul(a, b, mode.format.grid, BF16_WINDOW if mode is Mode.BF16 else None)
