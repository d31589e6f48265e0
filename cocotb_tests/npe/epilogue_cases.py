"""Cases of the NPE's epilogue: each operation, format and special value, and all of them mixed."""

from collections.abc import Callable, Sequence

import numpy as np

from tilewright.cocotb_tests.arith.vectors import random_pairs
from tilewright.cocotb_tests.npe.epilogue_vectors import Options, Tile
from tilewright.sim.formats import FP32, Posit
from tilewright.sim.formats.activation import ACTIVATIONS, ENTRIES, NAMES
from tilewright.sim.formats.simd import Mode, ResultFormat, SumFormat

Rng = np.random.Generator
Modes = Sequence[Mode]

_MAGNITUDES = (
    # zero, subnormals, normals at both ends, infinity, NaN: signalling, quiet, all ones
    0, 1, 2, 3, 0x400000, 0x7FFFFE, 0x7FFFFF, 0x800000, 0x800001, 0x1000000, 0x7F7FFFFE, 0x7F7FFFFF, 0x7F800000,
    0x7F800001, 0x7FC00000, 0x7FFFFFFF,
    # one and its neighbours, three quarters of a last place, half and twice, large and small powers
    0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FC00000, 0x3F000000, 0x40000000, 0x33800000, 0x33800001, 0x34000000,
    0x4B800000, 0x4B7FFFFF, 0x1F800000, 0x5F800000, 0x00FFFFFF, 0x7E800000, 0x41800000, 0x41000000,
)  # fmt: skip
SPECIAL = np.array([sign | code for code in _MAGNITUDES for sign in (0, 1 << 31)])
"""FP32 codes at which something begins or ends, or which are no numbers."""


def bits(values: np.ndarray) -> np.ndarray:
    """Return the codes of numbers, rounded to FP32."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(values, np.float64).astype(np.float32).view(np.uint32).astype(np.int64)


def any_codes(rng: Rng, shape: tuple[int, ...] | int) -> np.ndarray:
    """Return FP32 codes, a third of them any, some special, the others of moderate size."""
    moderate = bits(rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 13, shape))
    kind = rng.random(shape)
    codes = np.where(kind < 0.33, rng.integers(0, 1 << 32, shape), moderate)
    return np.where(kind > 0.92, rng.choice(SPECIAL, shape), codes)


def moderate_codes(rng: Rng, shape: tuple[int, ...] | int) -> np.ndarray:
    """Return FP32 codes of numbers about one."""
    return bits(rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 4, shape))


def column(options: Options, rng: Rng, **given: np.ndarray) -> Tile:
    """Return rows of one element each: their maximum is y, all of its bits. What is not given is noise."""
    count = len(next(iter(given.values())))
    fields = {name: rng.integers(0, 1 << width, count) for name, width in _FIELDS.items()} | given
    return Tile(options, **{name: codes.reshape(-1, 1) for name, codes in fields.items()})


_FIELDS = {"value": 32, "scale": 32, "bias": 32, "residual": 16}


def thresholds(mode: Mode) -> np.ndarray:
    """Return numbers on, between and around all numbers of a format."""
    form = mode.format
    numbers = form.decode(np.arange(1 << form.bits))
    numbers = np.unique(numbers[np.isfinite(numbers)])
    # The last step goes on beyond the end, to where what is too large begins.
    ends = [2 * numbers[0] - numbers[1], 2 * numbers[-1] - numbers[-2]]
    numbers = np.unique(np.append(numbers, ends))
    between = (numbers[:-1] + numbers[1:]) / 2
    if isinstance(form, Posit):
        # Where posits lie far apart they do not round to the nearer one: codes count, with one bit more.
        finer = Posit(form.n + 1, form.es).decode(np.arange(1 << (form.n + 1)))
        between = np.concatenate([between, finer[np.isfinite(finer)]])
    with np.errstate(over="ignore"):  # bf16 ends where FP32 does
        exact = np.concatenate([numbers, between]).astype(np.float32)
        near = [np.nextafter(exact, np.float32(towards)) for towards in (np.inf, -np.inf)]
    return np.unique(np.concatenate([exact, *near]))


def requantise(modes: Modes, rng: Rng, most: int = 12_000) -> list[Tile]:
    """Return, for each format of results, numbers around those where rounding turns, and any; integers as they are."""
    tiles = []
    for mode in modes:
        values = bits(thresholds(mode))
        if len(values) > most:
            values = rng.choice(values, most, replace=False)
        values = np.concatenate([values, SPECIAL, any_codes(rng, 1500)])
        tiles.append(column(Options(out=mode), rng, value=values))
    tiles.append(column(Options(out=SumFormat.FP32), rng, value=np.concatenate([SPECIAL, any_codes(rng, 1500)])))
    ends = np.tile(np.arange(-40, 40), 3) + np.repeat([0, (1 << 30) - 40, 40 - (1 << 30)], 80)
    integers = np.concatenate([ends, rng.integers(-(1 << 30), 1 << 30, 1500) >> rng.integers(0, 30, 1500)])
    tiles.append(column(Options(out=SumFormat.INT32), rng, value=integers & ~(1 << 30) & ((1 << 32) - 1)))
    return tiles


def residuals(modes: Modes, rng: Rng, most: int = 12_000) -> list[Tile]:
    """Return, for each format of residuals, all codes, added to zero and to others; the bits above a code are any."""
    tiles = []
    for index, mode in enumerate(modes):
        every = np.arange(1 << mode.bits)
        codes = rng.choice(every, most, replace=False) if len(every) > most else np.tile(every, 4)
        above = rng.integers(0, 1 << 16, len(codes)) >> mode.bits << mode.bits
        options = Options(residual=mode, out=modes[-1 - index])
        for value in (np.zeros(len(codes), np.int64), any_codes(rng, len(codes))):
            tiles.append(column(options, rng, value=value, residual=codes | above))
        # What is nearly minus the residual.
        form = mode.format
        with np.errstate(invalid="ignore"):
            near = (bits(-form.decode(codes)) + rng.integers(-2, 3, len(codes))) % (1 << 32)
        tiles.append(column(options, rng, value=near, residual=codes | above))
    return tiles


def _pairs(rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.repeat(SPECIAL, len(SPECIAL)), np.tile(SPECIAL, len(SPECIAL))
    one, two = random_pairs(FP32, count, rng)
    return np.concatenate([a, one]), np.concatenate([b, two])


def scales(modes: Modes, rng: Rng, count: int = 15_000) -> list[Tile]:
    """Return products: all pairs of special codes, results near powers of two, subnormal and too large ones."""
    value, scale = _pairs(rng, count)
    return [column(Options(scale=True, out=modes[-1]), rng, value=value, scale=scale)]


def biases(modes: Modes, rng: Rng, count: int = 15_000) -> list[Tile]:
    """Return sums: likewise, and those that nearly cancel."""
    value, bias = _pairs(rng, count)
    return [column(Options(bias=True, out=modes[-1]), rng, value=value, bias=bias)]


def activations(modes: Modes, rng: Rng, step: int = 1 << 17) -> list[Tile]:
    """Return a sweep over FP32, every entry of the tables and its neighbours, and each table's end."""
    tiles = []
    for number, name in enumerate(NAMES):
        sweep = np.arange(0, 1 << 32, step) + rng.integers(0, step, (1 << 32) // step)
        values = [sweep, SPECIAL]
        if name in ACTIVATIONS:
            table = ACTIVATIONS[name]
            entries = np.arange(ENTRIES + 2) * table.step
            inside = rng.uniform(0, 1.1 * table.range, 8 * ENTRIES)
            codes = np.concatenate([bits(entries), bits(entries) - 1, bits(entries) + 1, bits(inside)]) % (1 << 32)
            values += [codes, codes ^ (1 << 31)]
        tiles.append(column(Options(activation=number, out=modes[-1]), rng, value=np.concatenate(values)))
    return tiles


def reductions(modes: Modes, rng: Rng, count: int = 150, rows: int = 0) -> list[Tile]:
    """Return tiles of all shapes: ordinary numbers, equal ones, such that cancel, zeros, few and many specials."""
    tiles = []
    for index in range(count):
        m, n = int(rng.integers(1, rows + 1)), int(rng.choice((1, 2, 3, 5, 8, 17, 33)))
        value = moderate_codes(rng, (m, n))
        match index % 5:
            case 1:  # a row of a few numbers again and again, signs of zeros among them
                value = rng.choice(np.array([0, 1 << 31, *bits(rng.standard_normal(2))]), (m, n))
            case 2:  # all below zero, so that the start of the maximum counts
                value |= 1 << 31
            case 3:  # sums that overflow, squares that do or vanish
                value = bits(rng.standard_normal((m, n)) * 2.0 ** rng.choice((-140, -75, 63, 126), (m, 1)))
            case 4:
                value = np.where(rng.random((m, n)) < 0.1, rng.choice(SPECIAL, (m, n)), value)
        tiles.append(_noisy(Options(out=modes[index % len(modes)]), rng, value, shuffled=bool(index % 2)))
    return tiles


def combinations(modes: Modes, rng: Rng, count: int = 400, rows: int = 0) -> list[Tile]:
    """Return small tiles with operators, formats and numbers at random, all together in a quarter of them."""
    tiles = []
    results: tuple[ResultFormat, ...] = (*modes, SumFormat.FP32)
    for index in range(count):
        everything = index % 4 == 0
        on = rng.random(3) < (1 if everything else 0.5)
        options = Options(
            scale=bool(on[0]),
            bias=bool(on[1]),
            residual=modes[int(rng.integers(len(modes)))] if on[2] else None,
            activation=int(rng.integers(len(NAMES))),
            out=results[int(rng.integers(len(results)))],
        )
        m, n = int(rng.integers(1, 2 * rows)), int(rng.integers(1, 9))
        # A NaN hides all that follows it in its row: two tiles in three have few.
        codes: Callable[[Rng, tuple[int, ...]], np.ndarray] = any_codes if index % 3 == 0 else moderate_codes
        tiles.append(
            Tile(
                options,
                codes(rng, (m, n)),
                codes(rng, (m, n)),
                codes(rng, (m, n)),
                rng.integers(0, 1 << 16, (m, n)),
                shuffled=bool(rng.integers(2)),
            )
        )
    return tiles


def _noisy(options: Options, rng: Rng, value: np.ndarray, *, shuffled: bool) -> Tile:
    noise = {name: rng.integers(0, 1 << width, value.shape) for name, width in _FIELDS.items() if name != "value"}
    return Tile(options, value, **noise, shuffled=shuffled)
