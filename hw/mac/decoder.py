"""Decodes words of the SIMD MAC."""

from dataclasses import dataclass, fields

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.mac.plan import TINY_LANE_BITS, Plan
from tilewright.hw.mac.posit_pair import decode_posits
from tilewright.hw.mac.select import any_of, gated, is_one_of
from tilewright.hw.mac.tiny import decode_tiny
from tilewright.sim.formats import Minifloat, Mode, Posit


@dataclass(frozen=True)
class Operand:
    """A decoded word; :func:`operand_layout` lists its fields.

    With four lanes of fp4_e2m1 or posit4_1, ``significand`` and ``scale`` together hold what :mod:`.tiny` says. Else:
    """

    significand: Value
    """Operand of the multiplier: one, two or four signed numbers, the first lowest; 0 for a zero and for what is not a
    number."""
    scale: Value
    """Signed scales, see :class:`.plan.Plan`: the scale of one lane, or twice the scale of the second of two lanes with
    the scale of the first above it."""
    live: Value
    """Flags: the lower and the upper of two lanes, or both parts of one lane, are not 0; both are 0 if the word is not
    multiplied."""
    nan: Value
    """Flag: a lane is NaR or NaN."""
    inf: Value
    """Flags of two lanes that are infinite; words of one lane use the first flag."""
    zero: Value
    """Flags of lanes that are zero, in the order of ``inf``."""
    sign: Value
    """Signs of the lanes, in the order of ``inf``."""

    def packed(self) -> Value:
        """Return the fields as one word, as :func:`operand_layout` has them."""
        return Cat(getattr(self, field.name) for field in fields(self))


def operand_layout(modes: tuple[Mode, ...]) -> data.StructLayout:
    """Return the layout of a word taken apart for a MAC of some modes."""
    plan = Plan(modes)
    flags = 2 if plan.has_inf else 0
    return data.StructLayout(
        {
            "significand": plan.significand_bits,
            "scale": plan.scale_bits,
            "live": 2 if plan.significand_bits else 0,
            "nan": 1 if plan.has_nan else 0,
            "inf": flags,
            "zero": flags,
            "sign": flags,
        }
    )


def operand(packed: Value, modes: tuple[Mode, ...]) -> Operand:
    """Return the fields of a packed operand."""
    layout = operand_layout(modes)
    return Operand(**{name: packed[field.offset : field.offset + field.width] for name, field in layout})


def decode_word(
    m: Module,
    modes: tuple[Mode, ...],
    code: Value,
    mode: Value,
    name: str,
    *,
    gating: bool = True,
    when: Value = Const(1, 1),  # noqa: B008 - a constant
) -> Operand:
    """Return the parts of a word: ``code`` has 16 bits, and ``mode`` is the number of a :class:`Mode` of ``modes``.

    With ``gating`` decoders of other formats than the mode's get a code of 0, and stand still; without ``when`` all of
    them do.
    """
    plan = Plan(modes)
    layout = operand_layout(modes)
    parts: dict[str, list[Value]] = {field: [] for field, _ in layout}

    def add(chosen: Value, **values: Value) -> None:
        for field, value in values.items():
            width = layout[field].width
            if width:
                # A code of 0 makes all other fields 0.
                needed = not gating or field in ("scale", "zero")
                parts[field].append(gated(_extended(value, width), chosen) if needed else _extended(value, width))

    left = [which for which in modes if which not in plan.tiny]
    if {Mode.POSIT16_1, Mode.POSIT8_0} <= set(modes):
        wide, half = (_choice(m, mode, plan, name, which, when) for which in (Mode.POSIT16_1, Mode.POSIT8_0))
        significand, scale, live, nan = decode_posits(m, plan, code, wide, half, name, gating=gating)
        parts["significand"].append(significand)
        parts["scale"].append(scale)
        parts["live"].append(live)
        parts["nan"].append(nan)
        left = [which for which in left if which not in (Mode.POSIT16_1, Mode.POSIT8_0)]
    for which in left:
        count, chosen = which.lanes, _choice(m, mode, plan, name, which, when)
        own = Signal(16, name=f"{name}_{which.label}_code")
        m.d.comb += own.eq(gated(code, chosen) if gating else code)
        lanes = [
            _lane(m, plan, which, own.word_select(i, which.bits), f"{name}_{which.label}_{i}") for i in range(count)
        ]
        significands, scales, nans, infs, zeros, signs = zip(*lanes, strict=True)
        if count == 1:
            significand = _extended(significands[0], plan.significand_bits)
            scale = _extended(scales[0], plan.scale_bits)
        elif count == 2:
            significand = Cat(_extended(value, plan.half_bits) for value in significands)
            first, second = (_extended(value, plan.half_scale_bits) for value in scales)
            scale = Cat(_extended(Cat(Const(0, 1), second).as_signed(), plan.wide_scale_bits), first)
        else:
            significand, scale = Cat(significands), Const(0, 1)
        add(
            chosen,
            significand=significand,
            scale=scale,
            live=Cat(own[:8].any(), own[8:].any()) if count == 2 else own.any().replicate(2),
            nan=any_of(nans),
            inf=Cat(infs),
            zero=Cat(zeros),
            sign=Cat(signs),
        )
    if plan.tiny:
        lanes_word, nan = decode_tiny(
            m,
            plan,
            code,
            {which: _choice(m, mode, plan, name, which, when) for which in plan.tiny},
            name,
            gating=gating,
        )
        both = _extended(lanes_word, max(4 * TINY_LANE_BITS, plan.significand_bits))
        parts["significand"].append(both[: plan.significand_bits])
        parts["scale"].append(both[plan.significand_bits :])
        parts["nan"].append(nan)
    result = {}
    for field, shape in layout:
        value = Signal(shape.width, name=f"{name}_{field}")
        m.d.comb += value.eq(any_of(parts[field]))
        result[field] = value
    return Operand(**result)


def _choice(m: Module, mode: Value, plan: Plan, name: str, which: Mode, when: Value) -> Value:
    chosen = Signal(name=f"{name}_is_{which.label}")
    m.d.comb += chosen.eq(is_one_of(mode, [which], plan.modes) & when)
    return chosen


def _extended(value: Value, width: int) -> Value:
    """Return a value, signed or not, in some width."""
    value = Value.cast(value)
    if value.shape().signed:
        return Cat(value, value[-1].replicate(max(width - len(value), 0)))[:width]
    return Cat(value, Const(0, max(width - len(value), 0)))[:width]


def _lane(m: Module, plan: Plan, mode: Mode, code: Value, name: str) -> list[Value]:
    """Return signed significand and scale of a lane, and whether it is NaN, infinite, zero, negative."""
    no = Const(0, 1)
    match mode.format:
        case Posit() as format:
            number = decode_posit(m, format, code, name)
            return [number.significand, number.scale, number.nan, no, no, no]
        case Minifloat() as format:
            parts = decode_minifloat(m, format, code, name)
            finite = ~(parts.nan | parts.inf)
            significand = Signal(len(parts.significand) + 1, name=f"{name}_signed")
            scale = Signal(Value.cast(parts.exponent + plan.scale_offset(mode)).shape(), name=f"{name}_offset_scale")
            m.d.comb += [
                significand.eq(Mux(finite, Mux(parts.sign, -parts.significand, parts.significand), 0)),
                scale.eq(parts.exponent + plan.scale_offset(mode)),
            ]
            return [significand.as_signed(), scale, parts.nan, parts.inf, parts.zero, parts.sign]
    return [code.as_signed(), Const(plan.scale_offset(mode), 5), no, no, no, no]
