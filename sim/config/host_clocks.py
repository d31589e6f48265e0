"""Clocks of a host: core, three levels of cache and board each have a clock domain.

Which parts run fast together is what arXiv 2408.03308 varies; the names of its variants are those of its figures' rows.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from tilewright.base.errors import ConfigError, suggest

from .base import Frozen

Part = Literal["core", "l1", "l2", "l3", "board"]
"""Part of a host that has a clock of its own. ``l1`` is both first-level caches; ``board`` is the bus to memory."""
PARTS: tuple[Part, ...] = get_args(Part)

Gigahertz = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]

CRYO_GHZ = 4.0
"""Frequency of core and caches in CMOS at 77 K, in GHz. Source: arXiv 2408.03308, artefact."""
BOARD_GHZ = 1.0
"""Frequency of the bus to memory where it is not fast, in GHz. Source: arXiv 2408.03308, artefact."""

DOMAINS: dict[str, tuple[Part, ...]] = {
    "baseline": (),
    "all-cryo": (),
    "super-core": ("core",),
    "super-core-l1": ("core", "l1"),
    "super-core-l1-l2": ("core", "l1", "l2"),
    "super-core-l1-l2-l3": ("core", "l1", "l2", "l3"),
    "super-everything": ("core", "l1", "l2", "l3", "board"),
}
"""Variants and the parts that run at the high frequency in each; all other parts have the clocks of ``all-cryo``.

``baseline`` has those clocks, too: it is the same frequency at room temperature, with slower caches.
"""


class HostClocks(Frozen):
    """Clock frequency of each part of a host; any combination is allowed."""

    core_ghz: Gigahertz = CRYO_GHZ
    """Clock frequency of the cores."""
    l1_ghz: Gigahertz = CRYO_GHZ
    """Clock frequency of both first-level caches."""
    l2_ghz: Gigahertz = CRYO_GHZ
    """Clock frequency of the second-level cache and of the crossbar in front of it."""
    l3_ghz: Gigahertz = CRYO_GHZ
    """Clock frequency of the third-level cache and of the crossbar in front of it."""
    board_ghz: Gigahertz = BOARD_GHZ
    """Clock frequency of the bus to memory."""


def domain_clocks(domains: str, high_ghz: float) -> HostClocks:
    """Return the clocks of a variant whose fast parts run at ``high_ghz``.

    Raises
    ------
    ConfigError
        If there is no such variant.
    pydantic.ValidationError
        If the frequency is not allowed.
    """
    if domains not in DOMAINS:
        raise ConfigError(f"unknown clock domains '{domains}'{suggest(domains, DOMAINS)}")
    return HostClocks.model_validate({f"{part}_ghz": high_ghz for part in DOMAINS[domains]})
