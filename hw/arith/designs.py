"""Arithmetic units by the names and options of the command line: options as typed become a design.

Every function returns a :class:`.generate.Design` and raises ValueError, the option's name first, on what does not go.
"""

from typing import Any

from tilewright.hw.arith.adder import Adder
from tilewright.hw.arith.codec_units import Decoder, Encoder, number_layout
from tilewright.hw.arith.converter import Converter
from tilewright.hw.arith.fp4_unit import Fp4Unit
from tilewright.hw.arith.mac import Mac
from tilewright.hw.arith.mac_core import MacCore
from tilewright.hw.arith.mixed_mac import MixedMac, SumShape
from tilewright.hw.arith.multiplier import Multiplier
from tilewright.hw.arith.read_out import ReadOut
from tilewright.hw.arith.segmented_quire import SegmentedQuire
from tilewright.hw.arith.significand_multiplier import SignificandMultiplier
from tilewright.hw.arith.unit import Unit
from tilewright.hw.generate import Design, unit
from tilewright.sim.formats import Format, Int, Minifloat, Posit, ScalarFormat


def posit_decoder(*, format: Format, **options: Any) -> Design:
    return _design("posit_decoder", Decoder, _posit(format), **options)


def posit_encoder(*, format: Format, **options: Any) -> Design:
    return _encoder("posit_encoder", _posit(format), **options)


def posit_adder(*, format: Format, **options: Any) -> Design:
    return _design("posit_adder", Adder, _posit(format), **options)


def posit_multiplier(*, format: Format, **options: Any) -> Design:
    return _design("posit_multiplier", Multiplier, _posit(format), **options)


def posit_mac(*, format: Format, **options: Any) -> Design:
    return _design("posit_mac", Mac, _posit(format), **options)


def posit_mac_core(*, format: Format, **options: Any) -> Design:
    return _design("posit_mac_core", MacCore, _posit(format), **options)


def float_decoder(*, format: Format, **options: Any) -> Design:
    return _design("float_decoder", Decoder, _minifloat(format), **options)


def float_encoder(*, format: Format, **options: Any) -> Design:
    return _encoder("float_encoder", _minifloat(format), **options)


def float_adder(*, format: Format, **options: Any) -> Design:
    return _design("float_adder", Adder, _minifloat(format), **options)


def float_multiplier(*, format: Format, **options: Any) -> Design:
    return _design("float_multiplier", Multiplier, _minifloat(format), **options)


def float_mac(*, format: Format, **options: Any) -> Design:
    return _design("float_mac", Mac, _minifloat(format), **options)


def converter(*, format: Format, to: Format, stages: int, back_pressure: str) -> Design:
    source, destination = _scalar("format", format), _scalar("to", to)
    component = Converter(source, destination, stages=stages, back_pressure=back_pressure == "yes")
    return unit("converter", component, format=source, to=destination, stages=stages, back_pressure=back_pressure)


def read_out(*, format: Format, of: Format, stages: int, back_pressure: str) -> Design:
    out, source = _scalar("format", format), _scalar("of", of)
    component = ReadOut(
        out, width=source.quire_bits, lsb=source.quire_lsb, stages=stages, back_pressure=back_pressure == "yes"
    )
    return unit("read_out", component, format=out, of=source, stages=stages, back_pressure=back_pressure)


def mixed_mac(*, weights: Format, activations: Format, **options: Any) -> Design:
    return _named_design("mixed_mac", MixedMac, _mixed(weights, activations), **options)


def mixed_read_out(
    *, format: Format, weights: Format, activations: Format, scale_bits: int, stages: int, back_pressure: str
) -> Design:
    out, formats = _scalar("format", format), _mixed(weights, activations)
    shape = SumShape.of(*formats.values())
    component = ReadOut(
        out, width=shape.bits, lsb=shape.lsb, scale_bits=scale_bits, stages=stages, back_pressure=back_pressure == "yes"
    )
    chosen = {"format": out, **formats, "scale_bits": scale_bits, "stages": stages, "back_pressure": back_pressure}
    return unit("mixed_read_out", component, **chosen)


def fp4_unit(**options: Any) -> Design:
    return _design("fp4_unit", Fp4Unit, **options)


def significand_multiplier(**options: Any) -> Design:
    return _design("significand_multiplier", SignificandMultiplier, **options)


def segmented_quire(**options: Any) -> Design:
    return _design("segmented_quire", SegmentedQuire, **options)


def _design(name: str, component: type[Unit], *format: ScalarFormat, back_pressure: str, **options: Any) -> Design:
    formats = {"format": format[0]} if format else {}
    return _named_design(name, component, formats, back_pressure=back_pressure, **options)


def _named_design(
    name: str, component: type[Unit], formats: dict[str, Any], *, back_pressure: str, **options: Any
) -> Design:
    """Return the design of a component whose first arguments are formats, by the names of their options."""
    made = component(*formats.values(), **options, back_pressure=back_pressure == "yes")
    return unit(name, made, **formats, **options, back_pressure=back_pressure)


def _mixed(weights: Format, activations: Format) -> dict[str, Any]:
    """Return the formats of a mixed MAC by the names of their options."""
    return {
        "weights": _posit(weights, "weights", "posit8_2"),
        "activations": _minifloat(activations, "activations", "fp8_e4m3 or fp6_e3m2"),
    }


def _encoder(name: str, format: Posit | Minifloat, **options: Any) -> Design:
    """Return an encoder whose number has room for the product of two numbers of the format, unless widths are given."""
    parts = number_layout(format)
    defaults = {"scale_bits": parts["scale"].shape.width + 1, "fraction_bits": 2 * format.significand_bits - 1}
    chosen = {key: default if (given := options.pop(key)) is None else given for key, default in defaults.items()}
    return _design(name, Encoder, format, **chosen, **options)


def _posit(format: Format, option: str = "format", widest: str = "posit32_4") -> Posit:
    if not isinstance(format, Posit):
        raise ValueError(f"{option} = {format.name} is not allowed: it must be a posit, posit3_0 to {widest}")
    return format


def _minifloat(format: Format, option: str = "format", examples: str = "fp8_e4m3 or bf16") -> Minifloat:
    if not isinstance(format, Minifloat):
        raise ValueError(f"{option} = {format.name} is not allowed: it must be a minifloat, such as {examples}")
    return format


def _scalar(option: str, format: Format) -> Posit | Minifloat | Int:
    if not isinstance(format, Posit | Minifloat | Int):
        raise ValueError(f"{option} = {format.name} is not allowed: it must be a posit, a minifloat or an integer")
    return format
