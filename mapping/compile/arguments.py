"""Arguments of a program that serves every position: words of its commands that the host writes before it starts it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tilewright.sim.isa.commands import Add, Command, Loop, Set
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, COMMAND_BYTES

WORD = slice(4, 12)
"""Bytes of a SET, an ADD or a LOOP command that hold its value or its count."""


@dataclass(frozen=True)
class Term:
    """``factor * ((position // divisor) % modulus)``, or without ``% modulus`` if that is 0."""

    divisor: int
    modulus: int
    factor: int

    def value(self, position: int) -> int:
        """Return the term for a position."""
        digit = position // self.divisor
        return self.factor * (digit % self.modulus if self.modulus else digit)

    def __str__(self) -> str:
        digit = "p" if self.divisor == 1 else f"(p // {self.divisor})"
        return f"{self.factor} * {f'({digit} % {self.modulus})' if self.modulus else digit}"


@dataclass(frozen=True)
class Formula:
    """A sum of terms and a constant: a number for each position."""

    terms: tuple[Term, ...]
    constant: int = 0

    @classmethod
    def of(cls, *terms: Term, nominal: int = 0, plus: int = 0) -> "Formula":
        """Return the sum of terms, less what they are for a nominal position, plus a number."""
        joined: list[Term] = []
        for term in terms:
            if term.modulus == 1 or not term.factor:
                continue
            if joined and joined[-1].modulus and _continues(joined[-1], term):
                last = joined.pop()
                joined.append(replace(last, modulus=last.modulus * term.modulus))
            else:
                joined.append(term)
        return cls(tuple(joined), plus - sum(term.value(nominal) for term in joined))

    def value(self, position: int) -> int:
        """Return the number for a position."""
        return self.constant + sum(term.value(position) for term in self.terms)

    def __str__(self) -> str:
        parts = [str(term) for term in self.terms]
        if self.constant or not parts:
            parts.append(str(self.constant))
        return " + ".join(parts).replace("+ -", "- ")


def _continues(low: Term, high: Term) -> bool:
    return (high.divisor, high.factor) == (low.divisor * low.modulus, low.factor * low.modulus)


@dataclass(frozen=True)
class Argument:
    """A word of a command that depends on the position: of a SET or an ADD the value, of a LOOP the count."""

    command: int
    """Number of the command in the program."""
    formula: Formula
    """The word for the position of the program's first token, p; an address modulo 2^64."""
    purpose: str
    """Meaning of the word."""

    @property
    def offset(self) -> int:
        """Offset of the word from the beginning of the program in bytes; it has 8 bytes, little-endian."""
        return self.command * COMMAND_BYTES + WORD.start

    def written(self, command: Command, position: int) -> Command:
        """Return the argument's command for a position."""
        value = self.formula.value(position)
        if isinstance(command, Loop):
            return replace(command, count=value)
        assert isinstance(command, Set | Add)
        return replace(command, value=value % (1 << ADDRESS_REGISTER_BITS))


def with_arguments(commands: Sequence[Command], arguments: Sequence[Argument], position: int) -> list[Command]:
    """Return a program's commands for a position."""
    changed = list(commands)
    for each in arguments:
        changed[each.command] = each.written(changed[each.command], position)
    return changed
