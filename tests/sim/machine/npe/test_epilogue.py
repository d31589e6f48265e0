"""The epilogue's exact model beside exact rationals, rounded once by the formats' definition, an element at a time."""

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest

from tilewright.sim.formats import FP32, scalar
from tilewright.sim.formats.activation import ACTIVATIONS, MAX_ERROR, NAMES
from tilewright.sim.formats.scalar import Special
from tilewright.sim.formats.simd import ALL_MODES, Mode
from tilewright.sim.machine.npe.epilogue import epilogue, to_odd_float32

NAN = 0x7FC00000
ZERO, MINUS_INFINITY = 0, 0xFF800000
CORNERS = np.array(
    [0, 1, 2, 0x7FFFFF, 0x800000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x33800000, 0x4B7FFFFF, 0x7F7FFFFF, 0x7F800000,
     0x7F800001, 0x7FC00000, 0x7FFFFFFF],
    np.uint32,
)  # fmt: skip
CORNERS = np.concatenate([CORNERS, CORNERS | np.uint32(1 << 31)])


def fl(value: scalar.Value) -> int:
    """Return the FP32 code of a value."""
    return scalar.encode(FP32, value, saturate=False)


def multiply(a: int, b: int) -> int:
    return fl(scalar.multiply(scalar.decode(FP32, a), scalar.decode(FP32, b)))


def add(a: int, b: int) -> int:
    return fl(scalar.add(scalar.decode(FP32, a), scalar.decode(FP32, b)))


def activated(number: int, y: int) -> int:
    """Return an activation, its gate from the table's integers."""
    value = scalar.decode(FP32, y)
    if value is Special.NAN:
        return NAN
    if number == 0:
        return y
    positive = value is Special.INFINITY or (isinstance(value, Fraction) and value > 0)
    if number == 1:
        return y if positive else ZERO
    table, one = ACTIVATIONS[NAMES[number]], 1 << 24
    # 20 bits of position: 9 of the entry, 11 between it and the next.
    place = 1 << 20
    if value not in scalar.INFINITIES:
        rational = Fraction(0) if value is Special.MINUS_ZERO else value
        place = math.floor(abs(rational) * Fraction(1 << 20, table.range))  # type: ignore[arg-type]
    part = one
    if place < 1 << 20:
        entry, t = divmod(place, 1 << 11)
        part = table.base[entry] + ((table.base[entry + 1] - table.base[entry]) * t >> 11)
    below = value is Special.MINUS_INFINITY or (isinstance(value, Fraction) and value < 0)
    gate = one - part if below else part
    return fl(scalar.multiply(value, Fraction(gate, one))) if gate else ZERO


def larger(a: int, b: int) -> bool:
    """Return whether a > b, of which none is NaN."""

    def order(code: int) -> Fraction:
        value = scalar.decode(FP32, code)
        far = Fraction(2) ** 200
        ends = {Special.INFINITY: far, Special.MINUS_INFINITY: -far, Special.MINUS_ZERO: Fraction(0)}
        return ends[value] if isinstance(value, Special) else value

    return order(a) > order(b)


@dataclass
class Row:
    """Reductions of a row so far."""

    sum: int = ZERO
    squares: int = ZERO
    maximum: int = field(default=MINUS_INFINITY)

    def take(self, y: int) -> None:
        self.sum, self.squares = add(self.sum, y), add(self.squares, multiply(y, y))
        if NAN in (y, self.maximum):
            self.maximum = NAN
        elif larger(y, self.maximum):
            self.maximum = y


def codes_of(rng: np.random.Generator, shape: tuple[int, ...], specials: float) -> np.ndarray:
    """Return FP32 codes: some any, some near one another, some where something begins or ends."""
    values = (rng.standard_normal(shape) * 2.0 ** rng.integers(-6, 7, shape)).astype(np.float32).view(np.uint32)
    kind = rng.random(shape)
    codes = np.where(kind < specials / 2, rng.integers(0, 1 << 32, shape, dtype=np.uint32), values)
    return np.where(kind > 1 - specials / 2, rng.choice(CORNERS, shape), codes).astype(np.uint32)


def as_floats(codes: np.ndarray) -> np.ndarray:
    return codes.astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("specials", [0.0, 0.6])
@pytest.mark.parametrize("out", ALL_MODES, ids=lambda mode: mode.label)
def test_each_element_and_row_is_the_exact_one_rounded(out, specials):
    rng = np.random.default_rng(out)
    operators = set()
    for index in range(24):
        activation, along = index % 4, [(1, 1), (7, 1), (1, 5), (7, 5)]
        on = rng.random(3) < 0.7
        residual_mode = ALL_MODES[int(rng.integers(9))]
        value = codes_of(rng, (7, 5), specials)
        scale, bias = (codes_of(rng, along[int(rng.integers(4))], specials) for _ in range(2))
        residual = rng.integers(0, 1 << residual_mode.bits, (7, 5))
        with np.errstate(invalid="ignore"):  # signalling NaNs
            sums = as_floats(value).astype(np.float64)
            added = residual_mode.format.decode(residual).astype(np.float32)
        done = epilogue(
            sums,
            scale=as_floats(scale) if on[0] else None,
            bias=as_floats(bias) if on[1] else None,
            residual=added if on[2] else None,
            activation=activation,
            out_format=out,
        )
        operators.add((activation, *on))
        scale, bias = np.broadcast_to(scale, (7, 5)), np.broadcast_to(bias, (7, 5))
        for m in range(7):
            row = Row()
            for n in range(5):
                y = fl(scalar.decode(FP32, int(value[m, n])))
                if on[0]:
                    y = multiply(y, int(scale[m, n]))
                if on[1]:
                    y = add(y, int(bias[m, n]))
                if on[2]:
                    y = add(y, fl(scalar.decode(residual_mode.format, int(residual[m, n]))))
                y = activated(activation, y)
                row.take(y)
                code = scalar.encode(out.format, scalar.decode(FP32, y))
                assert int(done.codes[m, n]) == code, (m, n, hex(y))
            got = [int(part[m : m + 1].view(np.uint32)[0]) for part in (done.sum, done.squares, done.maximum)]
            assert got == [row.sum, row.squares, row.maximum], (index, m)
    assert len(operators) >= 10


@pytest.mark.parametrize("mode", ALL_MODES, ids=lambda mode: mode.label)
def test_every_residual_is_exact_in_fp32(mode):
    codes = np.arange(1 << mode.bits)
    exact = mode.format.decode(codes)
    kept = exact.astype(np.float32)
    number = ~np.isnan(exact)
    assert (kept[number] == exact[number]).all()
    done = epilogue(np.zeros((len(codes), 1)), residual=kept[:, None], out_format=mode)
    # FP8 formats saturate: an infinity does not come back. NaN has several codes.
    again, finite = mode.format.decode(done.codes[:, 0]), np.isfinite(exact)
    assert (again[finite] == exact[finite]).all()


def test_sums_are_rounded_to_odd():
    rng = np.random.default_rng(1)
    values = rng.standard_normal(3000) * 2.0 ** rng.integers(-60, 60, 3000)
    steps = np.spacing(values.astype(np.float32)).astype(np.float64)
    near = values.astype(np.float32).astype(np.float64)
    # On an FP32, halfway to the next, a little beside both, and just below the next power of two.
    tiny = steps * 2.0**-25
    values = np.concatenate([values, near, near + steps / 2, near + tiny, near - tiny, near + steps / 2 + tiny])
    values = np.append(values, [np.nextafter(4.0, 0), -np.nextafter(4.0, 0), 4.0, 0.0])
    for value, odd in zip(values.tolist(), to_odd_float32(values).tolist(), strict=True):
        exact, got = Fraction(value), Fraction(odd)
        code = int(np.float32(odd).view(np.uint32))
        if got != exact:
            assert code & 1, value
            # Truncation keeps it within a place: an FP32 on either side of the sum.
            towards = np.float32(np.inf if exact > got else -np.inf)
            assert min(odd, float(np.nextafter(np.float32(odd), towards))) < value, value
            assert value < max(odd, float(np.nextafter(np.float32(odd), towards))), value
        else:
            assert float(np.float32(value)) == value


@pytest.mark.parametrize("out", ALL_MODES, ids=lambda mode: mode.label)
def test_without_operators_the_sum_is_rounded_once(out):
    # Sums with more bits than FP32 has, at and beside the places where rounding turns: the first rounding is not seen.
    form = out.format
    rng = np.random.default_rng(2)
    numbers = form.decode(np.arange(1 << form.bits))
    numbers = np.unique(numbers[np.isfinite(numbers)])
    # Between those of a sum: FP32's normal numbers.
    numbers = numbers[np.abs(numbers) < 2.0**60]
    middle = (numbers[:-1] + numbers[1:]) / 2
    middle = middle[(np.abs(middle) > 2.0**-60)]
    middle = rng.choice(middle, min(len(middle), 400), replace=False)
    sums = np.concatenate([middle, middle * (1 + 2.0**-50), middle * (1 - 2.0**-50), middle * (1 + 2.0**-30)])
    codes = epilogue(sums[:, None], out_format=out).codes[:, 0]
    wanted = [scalar.encode(form, Fraction(value)) for value in sums.tolist()]
    assert codes.tolist() == wanted


@pytest.mark.parametrize("name", ["silu", "gelu"])
def test_errors_of_activations_beside_plain_floating_point(name):
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.standard_normal(20_000) * 4, np.linspace(-20, 20, 20_001)]).astype(np.float32)
    done = epilogue(x.astype(np.float64)[:, None], activation=NAMES.index(name), out_format=Mode.BF16)
    wide = x.astype(np.float64)
    if name == "silu":
        exact = wide / (1 + np.exp(-wide))
    else:
        exact = wide * np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in wide.tolist()])
    # The maximum of a row of one is y; of FP32 half a last place more where the table has ended.
    error = np.abs(done.maximum - exact)
    assert (error <= MAX_ERROR[name] + np.spacing(np.abs(x)) / 2).all()
    # Beside it bf16's own rounding, half of 2**-7.
    coded = Mode.BF16.format.decode(done.codes[:, 0])
    assert (np.abs(coded - exact) <= MAX_ERROR[name] + np.spacing(np.abs(x)) / 2 + np.abs(done.maximum) * 2.0**-8).all()


def test_the_order_of_sums_counts():
    # 2**24 takes no 1, two of them make 2: from the left, one at a time.
    rows = np.array([[2.0**24, 1, 1], [1, 1, 2.0**24]])
    done = epilogue(rows, out_format=Mode.BF16)
    assert done.sum.tolist() == [2.0**24, 2.0**24 + 2]


def test_maxima_of_zeros_infinities_and_nan():
    nan, inf = np.nan, np.inf
    rows = np.array([[0.0, -0.0], [-0.0, 0.0], [-inf, -inf], [inf, nan], [nan, inf], [-3.0, -2.0]])
    maximum = epilogue(rows, out_format=Mode.BF16).maximum.view(np.uint32).tolist()
    assert maximum == [0, 0x80000000, 0xFF800000, NAN, NAN, 0xC0000000]
