"""Netlists of cells bit by bit: which net each pin of a cell, each port and each pin of another instance is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tilewright.hw.synth.instances import Instance, instances

_NAME = r"(?:\\\S+|[A-Za-z_$][\w$]*)"
_DECLARED = re.compile(rf"(?m)^  (input|output|wire) (?:\[(\d+):(\d+)\] )?({_NAME}) ?;")
_ASSIGNED = re.compile(r"(?m)^  assign (.*?) = (.*);$")
_TERM = re.compile(rf"\s*(?:(\d+)'([hbd])([0-9a-fxXzZ_]+)|({_NAME}) ?(?:\[(\d+)(?::(\d+))?\])?)\s*")
_KNOWN = {"0": "0", "1": "1"}


@dataclass(frozen=True)
class BitNetlist:
    """A module whose nets are numbered; number 0 is a constant 0, number 1 a constant 1.

    An alias has the number of the net that it stands for.
    """

    inputs: Mapping[str, list[int]]
    """Nets of each input, the least significant bit first."""
    outputs: Mapping[str, list[int]]
    """Nets of each output, the least significant bit first."""
    instances: list[Instance]
    pins: Sequence[Mapping[str, list[int]]]
    """Nets of each pin of each instance, the least significant bit first."""
    names: list[str] = field(repr=False)
    """A name of each net."""


def bit_netlist(netlist: str) -> BitNetlist:
    """Return a netlist that Yosys wrote with ``-simple-lhs``; bits that are unknown are 0."""
    widths: dict[str, int] = {}
    directions: dict[str, list[str]] = {"input": [], "output": [], "wire": []}
    for kind, high, low, name in _DECLARED.findall(netlist):
        widths[name] = int(high or 0) - int(low or 0) + 1
        directions[kind].append(name)
    aliases: dict[str, str] = {}
    for left, right in _ASSIGNED.findall(netlist):
        for to, of in zip(_bits(left, widths), _bits(right, widths), strict=True):
            aliases[to] = of
    numbers = {"0": 0, "1": 1}

    def number(bit: str) -> int:
        while bit in aliases:
            bit = aliases[bit]
        return numbers.setdefault(bit, len(numbers))

    def nets(expression: str) -> list[int]:
        return [number(bit) for bit in _bits(expression, widths)]

    found = instances(netlist)
    pins = [{pin: nets(net) for pin, net in each.connections.items() if net.strip()} for each in found]
    inputs, outputs = ({name: nets(name) for name in directions[kind]} for kind in ("input", "output"))
    return BitNetlist(inputs, outputs, found, pins, list(numbers))


def _bits(expression: str, widths: Mapping[str, int]) -> list[str]:
    """Return the bits of an expression, the least significant one first: names with indices, or 0 and 1."""
    return [bit for term in reversed([*_terms(expression)]) for bit in _term_bits(term, widths)]


def _terms(expression: str) -> Iterator[re.Match]:
    text = expression.strip()
    inner = text[1:-1] if text.startswith("{") else text
    place = 0
    while place < len(inner):
        match = _TERM.match(inner, place)
        if not match:
            raise ValueError(f"unknown expression in a netlist: {expression}")
        yield match
        place = match.end() + 1  # the comma


def _term_bits(term: re.Match, widths: Mapping[str, int]) -> list[str]:
    width, base, digits, name, high, low = term.groups()
    if name is None:
        size = {"h": 4, "b": 1, "d": 0}[base]
        bits = (
            f"{int(digits):b}"
            if base == "d"
            else "".join(
                f"{int(digit, 16):0{size}b}" if digit not in "xXzZ" else "0" * size for digit in digits.replace("_", "")
            )
        )
        return list(reversed(bits.rjust(int(width), "0")[-int(width) :]))
    if high is None:
        # A name of one bit stands alone.
        size = widths.get(name, 1)
        return [name] if size == 1 else [f"{name}[{index}]" for index in range(size)]
    indices = range(int(low if low is not None else high), int(high) + 1)
    return [f"{name}[{index}]" if widths.get(name, 1) > 1 else name for index in indices]
