"""What can be generated, synthesised and co-simulated; nothing is imported until it is.

A new block is a new entry of :data:`BLOCKS`: what it is, where its design comes from, and its options.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tilewright.hw.generate import Design


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a block: ``--name VALUE``, given to the builder as ``name=value``, dashes as underscores."""

    name: str
    about: str
    kind: Literal["int", "text", "format"] = "int"
    """``format``: a name that ``sim.formats.parse_format`` knows; the builder gets the format."""
    default: int | str | None = None
    """As it would be typed; ``None``: the builder gets ``None``, unless ``required``."""
    required: bool = False
    choices: tuple[int | str, ...] = ()
    """All that is allowed, as it would be typed. Empty: whatever the builder takes."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block that `generate` and `synth` know.

    ``builder`` and, if they take an import to know, ``options`` are named as ``module:function``. The builder gets
    one keyword for each option; it raises ValueError, with the option's name first, on values that do not go.
    """

    about: str
    builder: str
    example: str
    """Options that work."""
    options: tuple[Option, ...] | str = ()
    notes: str = ""
    """For help: what the options do not say."""

    def load_options(self) -> tuple[Option, ...]:
        """Return the options."""
        return _load(self.options)() if isinstance(self.options, str) else self.options

    def load_builder(self) -> "Callable[..., Design]":
        """Return the builder."""
        return _load(self.builder)


def _load(place: str) -> Callable:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


BLOCKS = {
    "cim-tile": Block(
        about="CIM tile: a grid of bit-serial macros, input buffer, accumulators, streams",
        builder="tilewright.cli.cim_tile:build",
        options="tilewright.cli.cim_tile:options",
        example="--rows 16 --columns 16 --weight-bits 4 --input-bits 4",
        notes="Without --system, rows, columns, weight bits and input bits must be given.",
    ),
}
"""Blocks of ``tilewright generate`` and ``tilewright synth``."""

COSIMS = {
    "cim-tile": "CIM tile against numpy and the exact cycle model, over shapes and memory timings",
}
"""Co-simulations of ``tilewright cosim`` and what they compare."""
