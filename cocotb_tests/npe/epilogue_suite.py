"""Co-simulation of the NPE's epilogue: its cases, and how the bench is built."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilewright.cocotb_tests.arith.units_suite import UnitsBench
from tilewright.cocotb_tests.arith.vectors import Vectors
from tilewright.cocotb_tests.npe import epilogue_cases as cases
from tilewright.cocotb_tests.npe.epilogue_harness import REDUCTIONS_LAG, EpilogueUnit, care
from tilewright.cocotb_tests.npe.epilogue_vectors import Tile, tile_vectors
from tilewright.sim.config.npe import EPILOGUE_LATENCY
from tilewright.sim.formats.simd import ALL_MODES, Mode

CASES: dict[str, Callable[..., list[Tile]]] = {
    "requantise": cases.requantise,
    "residuals": cases.residuals,
    "scales": cases.scales,
    "biases": cases.biases,
    "activations": cases.activations,
    "reductions": cases.reductions,
    "combinations": cases.combinations,
}
"""Elements of the cases; :mod:`.epilogue_cases` explains them."""


@dataclass(frozen=True)
class EpilogueSuite:
    """An epilogue under test; by default with the rows of the default NPE."""

    modes: tuple[Mode, ...] = ALL_MODES
    rows: int = 24

    @property
    def name(self) -> str:
        """Formats and rows."""
        modes = "all modes" if self.modes == ALL_MODES else " ".join(mode.label for mode in self.modes)
        return f"{modes}, {self.rows} rows"

    @property
    def effort(self) -> float:
        """Number of formats."""
        return len(self.modes)

    def verilog(self) -> str:
        """Return the epilogue in its harness as Verilog."""
        return self.build().verilog()

    def cases(self) -> list[str]:
        """Return the names of all cases."""
        return list(CASES)

    def run(self) -> list[dict]:
        """Build the epilogue and run all cases; return a row for each."""
        bench = self.build()
        return [{"name": f"{self.name}: {case}", **row} for case in CASES for row in bench.run(self.vectors(case))]

    def build(self, *, optimisation: str = "-O1") -> UnitsBench:
        """Return the epilogue in the arithmetic units' harness; its latency is that of the NPE's exact model."""
        unit = EpilogueUnit(self.modes, rows=self.rows)
        return UnitsBench.of(
            [unit], latencies=[EPILOGUE_LATENCY + REDUCTIONS_LAG], care=care, optimisation=optimisation
        )

    def tiles(self, case: str, *, seed: int = 1, **options: Any) -> list[Tile]:
        """Return the tiles of a case."""
        make = CASES[case]
        if "rows" in inspect.signature(make).parameters:
            options["rows"] = self.rows
        return make(self.modes, np.random.default_rng(seed), **options)

    def vectors(self, case: str, *, seed: int = 1, **options: Any) -> Vectors:
        """Return the words of a case."""
        return tile_vectors(self.tiles(case, seed=seed, **options), np.random.default_rng(seed), rows=self.rows)
