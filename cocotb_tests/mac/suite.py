"""Co-simulation of the SIMD MAC: the suites of the table, its cases, and how they are run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.harness.run_options import ALL_CASES, RunOptions, with_files
from tilewright.cocotb_tests.mac import vectors
from tilewright.cocotb_tests.mac.dots import LAYOUT, Dots, dots_vectors, joined
from tilewright.hw.mac.simd_mac import SimdMac
from tilewright.sim.formats import ALL_MODES, XR_NPE_MODES, Mode
from tilewright.sim.machine.mac import simd_mac as model

MOST_STAGES = len(SimdMac.CUTS)


@dataclass(frozen=True)
class MacSuite:
    """A SIMD MAC and the cases to run on it.

    Parameters
    ----------
    modes : tuple of Mode
        Its modes.
    stages : int
        Its pipeline registers.
    gated : bool
        Whether idle parts stand still.
    back_pressure : bool
        Whether its streams can wait.
    seed : int
        Seed of the random numbers in its cases.
    """

    modes: tuple[Mode, ...] = ALL_MODES
    stages: int = MOST_STAGES
    gated: bool = True
    back_pressure: bool = True
    seed: int = 1

    @property
    def name(self) -> str:
        """Modes and options that are not the default."""
        sets = {ALL_MODES: "all modes", XR_NPE_MODES: "xr-npe"}
        modes = sets.get(self.modes) or " ".join(mode.label for mode in self.modes)
        options = [f"{self.stages} stages"]
        options += [] if self.gated else ["not gated"]
        options += [] if self.back_pressure else ["no back-pressure"]
        return ", ".join([modes, *options])

    def build(self) -> SimdMac:
        """Return the MAC."""
        return SimdMac(self.modes, stages=self.stages, gated=self.gated, back_pressure=self.back_pressure)

    @property
    def effort(self) -> float:
        """Number of modes."""
        return len(self.modes)

    def verilog(self) -> str:
        """Return the MAC in its harness as Verilog."""
        return self.bench().verilog()

    def cases(self) -> list[str]:
        """Return the names of the cases that exist for the modes."""
        return cases(self.modes)

    def case_names(self) -> list[str]:
        """Return the names of the cases."""
        return self.cases()

    def seeded(self, seed: int) -> "MacSuite":
        """Return the suite with other random numbers."""
        return replace(self, seed=seed)

    @property
    def usual_name(self) -> str:
        """Name of the circuit's module in a text of a user's: there is no usual one."""
        return ""

    def harness(self, options: RunOptions) -> UnitsBench:
        """Return the bench in which a circuit of a user's can take the place of the MAC."""
        return self.bench(apart=True)

    def run(self, options: RunOptions = ALL_CASES) -> list[dict]:
        """Build the MAC and run the cases, each in a simulation of its own; return a row for each.

        Raises
        ------
        BenchError
            If a run does not end.
        """
        bench, record = self.bench(apart=options.foreign is not None), options.record(self.name)
        rows = []
        for name in options.chosen(self.case_names(), self.cases()):
            waves = replace(options, case=name).wave_file(self.name)
            [row] = bench.run(
                case_vectors(self.modes, name, seed=self.seed), "table", waves=waves, record=record,
                foreign=options.foreign,
            )  # fmt: skip
            rows.append(with_files({"name": f"{self.name}: {name}", **row}, waves, record))
        return rows

    def bench(self, *, apart: bool = False) -> UnitsBench:
        """Return the MAC in its harness, built for long runs; ``apart`` as for :meth:`.UnitsBench.of`."""
        return build_bench([self], optimisation="-O1", apart=apart)


def build_bench(designs: Sequence[MacSuite], **options: Any) -> UnitsBench:
    """Return MACs of the same modes side by side in the harness; their latencies are those of the exact model.

    ``options`` as for :meth:`.UnitsBench.of`.
    """
    units = [design.build() for design in designs]
    assert all(unit.i.p.shape() == LAYOUT for unit in units)
    latencies = [model.latency(design.stages) for design in designs]
    return UnitsBench.of(units, latencies=latencies, **options)


Case = Callable[[Sequence[Mode], np.random.Generator], list[Dots]]


def _each(make: Callable[..., list[Dots]], *args: object) -> Case:
    """Return the case that has the dot products of every mode."""
    return lambda modes, rng: [dots for mode in modes for dots in make(modes, mode, *args, rng)]


CASES: dict[str, Case] = {
    "pairs": lambda modes, _: [dots for mode in modes for dots in vectors.pair_dots(modes, mode)],
    "random": _each(vectors.random_dots, 10_000),
    "cancelling": _each(vectors.cancelling_dots, 2000),
    "specials": _each(vectors.special_dots),
    "long": _each(vectors.long_dots, (1000, 3001)),
    "bf16 window": vectors.window_dots,
}
"""Dot products of all modes of a MAC; :mod:`.vectors` explains them."""


def cases(modes: Sequence[Mode]) -> list[str]:
    """Return the cases that exist for some modes."""
    absent = set()
    if Mode.BF16 not in modes:
        absent.add("bf16 window")
    if not any(mode.format.has_nan or mode.format.has_inf for mode in modes):
        absent.add("specials")
    return [name for name in CASES if name not in absent]


def case_vectors(modes: Sequence[Mode], name: str, *, seed: int = 1) -> Vectors:
    """Return the operands of a case, all modes mixed, and expected results."""
    rng = np.random.default_rng(seed)
    return dots_vectors(CASES[name](modes, rng), rng)


def mixed_vectors(modes: Sequence[Mode], count: int, *, seed: int = 1) -> Vectors:
    """Return single words that all have a result, then ``count`` random dot products of each mode, mixed."""
    rng = np.random.default_rng(seed)
    pairs = vectors.pair_dots(modes, modes[0])[0]
    some = rng.integers(0, len(pairs.a), 256)
    singles = Dots.of(pairs.mode, pairs.a[some], pairs.b[some], pairs.out[some])
    groups = [dots for mode in modes for dots in vectors.random_dots(modes, mode, count, rng)]
    # First, so that they are among the operands that the harness holds at a time.
    return joined(dots_vectors([singles]), dots_vectors(groups, rng))


SUITES = (
    MacSuite(),
    MacSuite(stages=0),
    MacSuite(XR_NPE_MODES),
    MacSuite((Mode.FP4_E2M1, Mode.POSIT4_1, Mode.INT4)),
    *(MacSuite((mode,)) for mode in (Mode.FP4_E2M1, Mode.INT8, Mode.POSIT16_1, Mode.BF16)),
)
"""The suites of the table."""
