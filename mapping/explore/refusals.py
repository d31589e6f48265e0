"""Why designs of a space are no valid systems, so that a space which is narrower than meant shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.space import Space

LOOKED_AT = 1 << 16
"""Number of designs of a larger space, drawn at random, that are looked at."""
VALIDATED = 200
"""Number of refused designs, of those that are looked at, whose reasons are asked for: each takes a millisecond."""


@dataclass(frozen=True)
class Refusal:
    """A field whose value makes designs invalid."""

    field: str
    """Dotted path of the field that validation names."""
    share: float
    """Share of the designs of the space, as far as they were looked at, for which it is the first reason."""
    example: str
    """Reason of one of these designs: field, value, and what is allowed."""


def refusals(space: Space) -> tuple[Refusal, ...]:
    """Return the fields that make designs of a space invalid, the one of the most designs first.

    A space of at most 65,536 designs is looked at as a whole, a larger one by as many draws. The shares of fields
    follow from at most 200 of the invalid designs.
    """
    draws = np.random.default_rng(0)
    whole = space.size <= LOOKED_AT
    designs = space.designs(np.arange(space.size) if whole else draws.integers(space.size, size=LOOKED_AT))
    refused = np.flatnonzero(~designs.legal)
    some = refused if len(refused) <= VALIDATED else draws.choice(refused, VALIDATED, replace=False)
    examples: dict[str, list[str]] = {}
    for index in some:
        try:
            designs.system(int(index))
        except ConfigError as error:
            examples.setdefault(str(error).split(" ", 1)[0], []).append(str(error))
    share = len(refused) / len(designs) / max(len(some), 1)
    found = [Refusal(path, len(reasons) * share, reasons[0]) for path, reasons in examples.items()]
    return tuple(sorted(found, key=lambda each: -each.share))


def first_refusal(space: Space) -> str | None:
    """Return why the first design of a space is no valid system, None if it is one."""
    try:
        space.designs(np.array([0])).system(0)
    except ConfigError as error:
        return str(error)
    return None


def refusal_lines(found: Sequence[Refusal], most: int = 3) -> list[str]:
    """Return a line for each field, for people, without a full stop."""
    return [f"{each.share:.0%} of the designs are refused, such as: {each.example}" for each in found[:most]]
