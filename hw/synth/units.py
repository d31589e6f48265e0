"""Units and operating conditions of liberty files, and whether files agree in them."""

import re

from tilewright.base.errors import ConfigError
from tilewright.base.text import shown
from tilewright.hw.synth.liberty import LibertyFile

UNITS = {"time_unit": "s", "voltage_unit": "V", "capacitive_load_unit": "F", "leakage_power_unit": "W"}
"""Attributes with the units of all figures, and what each is a multiple of."""
PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
NOMINAL = ("nom_process", "nom_voltage", "nom_temperature")
COMMON = (
    *UNITS,
    *NOMINAL,
    "delay_model",
    *(f"slew_{end}_threshold_pct_{edge}" for end in ("lower", "upper") for edge in ("rise", "fall")),
    *(f"{side}_threshold_pct_{edge}" for side in ("input", "output") for edge in ("rise", "fall")),
    "slew_derate_from_library",
    "default_cell_leakage_power",
    "default_input_pin_cap",
)
"""Attributes that give figures their meaning: the same in files that belong together. Other defaults and limits may
differ, as they do in ASAP7; those of the first file stand."""


def unit(file: LibertyFile, name: str) -> float:
    """Return a unit of a file in seconds, volts, farads or watts."""
    base = UNITS[name]
    allowed = f"it must be a number and one of {', '.join(prefix + base for prefix in PREFIXES)}"
    if name not in file.level.attributes:
        raise ConfigError(f"{file.path}: {name} is missing: {allowed}")
    value = file.level.attributes[name]
    match = re.fullmatch(rf"([\d.]+)[\s,]*([munpf]?){base}", value, re.IGNORECASE)
    number = float(match[1]) if match and re.fullmatch(r"\d+\.?\d*|\.\d+", match[1]) else 0.0
    if not match or not number:
        raise ConfigError(f"{file.path}: {name} = {shown(value)} is not allowed: {allowed}")
    return number * PREFIXES[match[2].lower()]


def check_units(file: LibertyFile) -> None:
    """Check that a file states its units, and one voltage."""
    for name in UNITS:
        if name != "leakage_power_unit" or b"leakage_power" in file.text.replace(b"leakage_power_unit", b""):
            unit(file, name)
    for name in NOMINAL:
        if name in file.level.attributes and file.level.number(name) is None:
            raise ConfigError(
                f"{file.path}: {name} = {shown(file.level.attributes[name])} is not allowed: it must be a number"
            )
    voltage = file.level.number("nom_voltage")
    if not voltage or voltage < 0:
        stated = "is missing" if voltage is None else f"= {voltage:g} is not allowed"
        raise ConfigError(f"{file.path}: nom_voltage {stated}: it must be above 0")
    default = file.level.attributes.get("default_operating_conditions")
    for group in file.level.groups:
        if group.kind == "operating_conditions" and group.name == default:
            other = group.level.number("voltage")
            if other is not None and other != voltage:
                raise ConfigError(
                    f"{file.path}: nom_voltage = {voltage:g}, and voltage = {other:g} of the default '{default}': "
                    "they must be equal"
                )


def check_common(first: LibertyFile, file: LibertyFile) -> None:
    """Check that two files belong together."""
    for name in COMMON:
        one, other = (each.level.attributes.get(name) for each in (first, file))
        if _comparable(one) != _comparable(other):
            raise ConfigError(
                f"{file.path}: {name} {_said(other)}, and in {first.path} it {_said(one)}: "
                "files that belong together are of the same units and conditions"
            )


def check_conditions(first: LibertyFile, file: LibertyFile) -> None:
    """Check that the figures of two files hold at the same process, voltage and temperature."""
    for name in NOMINAL:
        one, other = (each.level.number(name) for each in (first, file))
        if one != other:
            raise ConfigError(
                f"{file.path}: {name} {_said(file.level.attributes.get(name))}, and in {first.path} it "
                f"{_said(first.level.attributes.get(name))}: cells and memories must have the same conditions"
            )


def _comparable(value: str | None) -> str | float | None:
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return re.sub(r"[\s,]", "", value).lower()


def _said(value: str | None) -> str:
    return "is missing" if value is None else f"is {shown(value)}"
