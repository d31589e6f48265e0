"""Toggles of the SIMD MAC for each word, mode by mode, with and without idle parts that stand still."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.cocotb_tests.arith.harness import TOP
from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.harness.activity import Toggles, recorded, toggles, with_gates
from tilewright.cocotb_tests.mac.dots import Dots, dots_vectors
from tilewright.cocotb_tests.mac.suite import MOST_STAGES, MacSuite, build_bench
from tilewright.hw.names import module_name
from tilewright.sim.formats import ALL_MODES, Mode, pack

KINDS = ("random", "normal", "half zero")
"""Kinds of codes: random; normally distributed; normally distributed with half of either operand's numbers zero."""
UNITS = [f"{TOP}.channel{channel}.unit" for channel in range(2)]
"""Paths of the MACs in the harness."""
LENGTH = 64
"""Number of words of a dot product."""


@dataclass(frozen=True)
class Activity:
    """Toggles of a MAC whose idle parts stand still, ``gated``, and of one without, ``plain``, for the same words."""

    mode: Mode
    kind: str
    words: int
    gated: Toggles
    plain: Toggles

    def ratio(self, what: str) -> float:
        """Return the share of the ``registers`` or ``gates`` toggles that is left with gates."""
        return getattr(self.gated, what) / getattr(self.plain, what)


def build(modes: Sequence[Mode] = ALL_MODES, stages: int = MOST_STAGES) -> UnitsBench:
    """Return netlists of a MAC whose idle parts stand still and of one without, so that toggles can be counted."""
    designs = [MacSuite(tuple(modes), stages, gated=gated) for gated in (True, False)]
    modules = [module_name(TOP, unit) for unit in UNITS]
    return build_bench(designs, alike=True, activity=True, edit=lambda verilog: with_gates(verilog, modules))


def words(mode: Mode, kind: str, dots: int, rng: np.random.Generator) -> list[Dots]:
    """Return dot products of ``LENGTH`` words of a mode."""
    format = mode.format
    shape = dots, LENGTH * mode.lanes
    sides = []
    for _ in "ab":
        numbers = rng.standard_normal(shape)
        if kind == "random":
            codes = rng.integers(0, 1 << mode.bits, shape)
        else:
            # An integer's quarter of its range is a standard deviation.
            codes = format.encode(numbers * (format.max / 4 if format.min == 1 else 1.0)).astype(np.int64)
        if kind == "half zero":
            codes = np.where(rng.random(shape) < 0.5, 0, codes)
        sides.append(pack(mode, codes))
    a, b = sides
    return [Dots.of(mode, a, b, mode)]


def saif_of(bench: UnitsBench, operands: Vectors) -> str:
    """Return what a run of some operands writes of its toggles."""
    return recorded(lambda file: bench.run(operands, activity=file))


def count(
    bench: UnitsBench, modes: Sequence[Mode] = ALL_MODES, kinds: Sequence[str] = KINDS, *, dots: int = 16, seed: int = 1
) -> Iterator[Activity]:
    """Run words of each mode and kind through both MACs; yield the toggles of each run, results judged.

    A run has besides its words a cycle in 32 in which operands are random and not valid, while the harness's memories
    are filled, and some 20 more.

    Parameters
    ----------
    bench : UnitsBench
        Of :func:`build`, for these modes at least.
    """
    rng = np.random.default_rng(seed)
    for mode in modes:
        for kind in kinds:
            operands = dots_vectors(words(mode, kind, dots, rng))
            gated, plain = toggles(saif_of(bench, operands), bench.verilog(), UNITS)
            yield Activity(mode, kind, len(operands.stimuli), gated, plain)
