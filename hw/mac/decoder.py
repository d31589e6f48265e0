"""Words of the SIMD MAC taken apart."""

from dataclasses import dataclass, fields

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from tilewright.hw.arith.minifloat_codec import decode_minifloat
from tilewright.hw.arith.posit_codec import decode_posit
from tilewright.hw.mac.plan import Plan
from tilewright.sim.formats import Minifloat, Mode, Posit


@dataclass(frozen=True)
class Operand:
    """A word taken apart; what a mode has no use for is 0. The fields are those of :func:`operand_layout`."""

    significand: Value
    """For the multiplier: one, two or four signed numbers."""
    wide_scale: Value
    """Of the one lane: posit16_1 signed, in units of its significand's point; bf16 the exponent."""
    half_scales: Value
    """Of two lanes, signed."""
    tiny: Value
    """For each of four lanes of fp4_e2m1 or posit4_1: two bits of significand, four of shift, the sign."""
    nan: Value
    """A lane is NaR or NaN."""
    inf: Value
    """Which of two lanes are infinite; the first in words of one lane."""
    zero: Value
    """Which of these are zero."""
    sign: Value
    """Their signs."""

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
            "wide_scale": plan.wide_scale_bits,
            "half_scales": 2 * plan.half_scale_bits,
            "tiny": 28 if plan.tiny else 0,
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


def decode_word(m: Module, modes: tuple[Mode, ...], code: Value, mode: Value, name: str) -> Operand:
    """Take a word apart: ``code`` of 16 bits, ``mode`` a number of :class:`Mode`, one of ``modes``."""
    plan = Plan(modes)
    parts: dict[str, list[Value]] = {field: [] for field, _ in operand_layout(modes)}

    def add(field: str, chosen: Value, value: Value) -> None:
        width = operand_layout(modes)[field].width
        if width:
            parts[field].append(Value.cast(value).as_unsigned() & chosen.replicate(width))

    for which in modes:
        if which in plan.tiny:
            continue
        chosen = Signal(name=f"{name}_is_{which.label}")
        m.d.comb += chosen.eq(mode == which)
        bits = which.bits
        lanes = [_lane(m, plan, which, code.word_select(i, bits), f"{name}_{which.label}_{i}") for i in range(16 // bits)]
        significands, scales, nans, infs, zeros, signs = zip(*lanes, strict=True)
        span = plan.significand_bits if which.lanes == 1 else plan.half_bits if which.lanes == 2 else 4
        add("significand", chosen, Cat(_extended(value, span) for value in significands))
        if which.lanes == 1:
            add("wide_scale", chosen, _extended(scales[0], plan.wide_scale_bits))
        elif which.lanes == 2:
            add("half_scales", chosen, Cat(_extended(value, plan.half_scale_bits) for value in scales))
        add("nan", chosen, Cat(nans).any())
        for field, values in (("inf", infs), ("zero", zeros), ("sign", signs)):
            add(field, chosen, Cat(*values, Const(0, 2 - len(values))) if len(values) <= 2 else Const(0, 2))
    if plan.tiny:
        _tiny(m, plan, code, mode, name, parts)
    result = {}
    for field, shape in operand_layout(modes):
        value = Signal(shape.width, name=f"{name}_{field}")
        m.d.comb += value.eq(_any(parts[field]))
        result[field] = value
    return Operand(**result)


def _any(values: list[Value]) -> Value:
    total: Value = Const(0, 1)
    for value in values:
        total = total | value
    return total


def _extended(value: Value, width: int) -> Value:
    """Return a value, signed or not, in some width."""
    value = Value.cast(value)
    if value.shape().signed:
        return Cat(value, value[-1].replicate(max(width - len(value), 0)))[:width]
    return Cat(value, Const(0, max(width - len(value), 0)))[:width]


def _lane(m: Module, plan: Plan, mode: Mode, code: Value, name: str) -> list[Value]:
    """Return signed significand, scale, and whether it is NaN, infinite, zero, negative."""
    no = Const(0, 1)
    match mode.format:
        case Posit() as format:
            number = decode_posit(m, format, code, name)
            return [number.significand, number.scale, number.nan, no, no, no]
        case Minifloat() as format:
            fields = decode_minifloat(m, format, code, name)
            finite = ~(fields.nan | fields.inf)
            significand = Signal(len(fields.significand) + 1, name=f"{name}_signed")
            scale: Value = fields.exponent
            if mode in plan.half_scale_offsets:
                scale = fields.exponent + plan.half_scale_offsets[mode]
            shape = Value.cast(scale).shape()
            scale_signal = Signal(shape, name=f"{name}_offset_scale")
            m.d.comb += [
                significand.eq(Mux(finite, Mux(fields.sign, -fields.significand, fields.significand), 0)),
                scale_signal.eq(scale),
            ]
            return [significand.as_signed(), scale_signal, fields.nan, fields.inf, fields.zero, fields.sign]
    return [code.as_signed(), Const(plan.half_scale_offsets.get(mode, 0), 5), no, no, no, no]


def _tiny(m: Module, plan: Plan, code: Value, mode: Value, name: str, parts: dict[str, list[Value]]) -> None:
    """Add lanes of two bits; each ``abs(value) == significand * 2 ** (shift - 4)``."""
    is_fp4, is_posit = Signal(name=f"{name}_is_fp4_e2m1"), Signal(name=f"{name}_is_posit4_1")
    m.d.comb += [
        is_fp4.eq((mode == Mode.FP4_E2M1) if Mode.FP4_E2M1 in plan.modes else 0),
        is_posit.eq((mode == Mode.POSIT4_1) if Mode.POSIT4_1 in plan.modes else 0),
    ]
    lanes, nans = [], []
    for lane in range(4):
        own = code.word_select(lane, 4)
        significand, shift = Signal(2, name=f"{name}_tiny{lane}"), Signal(4, name=f"{name}_tiny_shift{lane}")
        nan = Signal(name=f"{name}_tiny_nan{lane}")
        with m.If(is_fp4):
            with m.Switch(own):
                for value in range(16):
                    mantissa, exponent = value & 1, value >> 1 & 3
                    with m.Case(value):
                        # Half of the significand's last bit, so one less of shift.
                        m.d.comb += [
                            significand.eq(mantissa | (2 if exponent else 0)),
                            shift.eq(max(exponent, 1) - 1 + 3),
                        ]
        with m.Elif(is_posit):
            with m.Switch(own):
                for value in range(16):
                    magnitude = value if value < 8 else 16 - value
                    with m.Case(value):
                        m.d.comb += [
                            significand.eq(0 if magnitude in (0, 8) else 1),
                            shift.eq({1: 0, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}.get(magnitude, 0)),
                            nan.eq(value == 8),
                        ]
        lanes.append(Cat(significand, shift, own[3] & (is_fp4 | is_posit)))
        nans.append(nan)
    parts["tiny"].append(Cat(*lanes))
    if plan.has_nan:
        parts["nan"].append(Cat(nans).any())
