"""Formats by name."""

import re
from difflib import get_close_matches

from .format import Format
from .integer import Int
from .microscaling import MXFP4, MXINT8, NVFP4, Microscaling
from .minifloat import BF16, E2M1, E2M3, E3M2, E4M3, E5M2, FP16, FP32, parse_minifloat
from .posit import Posit

NAMED: dict[str, Format] = {
    each.name: each
    for each in (
        Posit(4, 1),
        Posit(8, 0),
        Posit(16, 1),
        E2M1,
        E3M2,
        E2M3,
        E4M3,
        E5M2,
        BF16,
        FP16,
        FP32,
        Int(4),
        Int(8),
        MXFP4,
        Microscaling(E3M2),
        Microscaling(E2M3),
        Microscaling(E4M3),
        Microscaling(E5M2),
        MXINT8,
        NVFP4,
    )
}
ALIASES = {"mxfp6": "mxfp6_e3m2", "mxfp8": "mxfp8_e4m3"}
FAMILIES = "posit<n>_<es>, fp<e>m<m>, mxfp<e>m<m>, int<k>"


def format_names() -> list[str]:
    """Return the names of the usual formats; :func:`parse_format` takes all names of their families."""
    return list(NAMED)


def parse_format(name: str) -> Format:
    """Return the format of a name: one of :func:`format_names`, or one of a family.

    Families are ``posit<n>_<es>``, ``int<k>``, ``fp<e>m<m>``, which is OCP's format with these widths or else IEEE
    754's (``fp4m3`` is ``fp8_e4m3``), and ``mxfp<e>m<m>``, blocks of those; ``mxfp6`` and ``mxfp8`` stand for the first
    of their two formats. ``_ieee``, ``_fn`` or ``_none`` after the name of a minifloat says what its highest exponent
    means: infinities and NaNs, one NaN, or numbers.

    Raises
    ------
    ValueError
        If there is no such format, in one line that says what is near and what is allowed.
    """
    known = NAMED.get(ALIASES.get(name, name))
    if known:
        return known
    posit = re.fullmatch(r"posit(\d{1,4})_(\d{1,4})", name, re.ASCII)
    integer = re.fullmatch(r"int(\d{1,4})", name, re.ASCII)
    try:
        if posit:
            return Posit(int(posit[1]), int(posit[2]))
        if integer:
            return Int(int(integer[1]))
        if minifloat := parse_minifloat(name):
            return minifloat
        if name.startswith("mx") and (minifloat := parse_minifloat(name.removeprefix("mx"))):
            return Microscaling(minifloat)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    near = get_close_matches(name.lower(), [*NAMED, *ALIASES], n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ValueError(f"unknown format {name!r} ({hint}one of: {', '.join(NAMED)}, {FAMILIES})")
