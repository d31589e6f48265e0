"""Co-simulation of the vector unit: its configurations and programs, and how they are run."""

from dataclasses import dataclass, replace

from tilewright.cocotb_tests.harness.suite import HarnessSuite
from tilewright.cocotb_tests.vector.cases import Case, random_case
from tilewright.cocotb_tests.vector.cb_vector import BENCH
from tilewright.cocotb_tests.vector.harness import DUT, TOP, harness_verilog
from tilewright.cocotb_tests.vector.operator_programs import operator_cases
from tilewright.sim.config.vector import VectorConfig

SEED = 20261124


@dataclass(frozen=True)
class VectorSuite(HarnessSuite):
    """A vector unit; the operators of a layer and some random programs run on it."""

    config: VectorConfig
    programs: int = 12
    seed: int = SEED
    optimisation = "-O0"
    top = TOP
    coroutines = BENCH
    circuit = DUT

    @property
    def name(self) -> str:
        """Number of lanes."""
        return f"{self.config.lanes} lanes"

    @property
    def effort(self) -> float:
        return self.config.lanes

    def verilog(self) -> str:
        return harness_verilog(self.config)

    def repeated(self) -> tuple[str, ...]:
        return ("vector_lane",)

    def prepared(self, verilog: str) -> str:
        return self.traced(verilog)

    def cases(self) -> list[Case]:
        return [
            *operator_cases(self.config, self.seed),
            *random_cases(self.config, self.programs, seed=self.seed),
        ]

    def seeded(self, seed: int) -> "VectorSuite":
        return replace(self, seed=seed)


SMALL = VectorConfig(lanes=4, scalars=64, address_bits=13)
SUITES = (
    VectorSuite(VectorConfig(lanes=2, scalars=32, address_bits=13)),
    VectorSuite(SMALL),
    VectorSuite(VectorConfig(lanes=16, scalars=64, address_bits=13)),
)
"""The suites of the table."""


def random_cases(config: VectorConfig, count: int, *, commands: int = 60, seed: int = SEED) -> list[Case]:
    """Return cases without and with NaN, infinities and subnormals, back to back and with gaps."""
    return [
        random_case(config, seed + i, commands=commands, specials=0.2 * (i % 2), gap=(0, 0, 1, 7)[i % 4])
        for i in range(count)
    ]
