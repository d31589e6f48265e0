"""Coverage of passes of the vector unit: options that go together, and the commands of the unit alone."""

from tilewright.cocotb_tests.coverage.fields import FieldPoint
from tilewright.cocotb_tests.coverage.points import Coverage
from tilewright.cocotb_tests.vector.cases import Case
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Function, Inverse, Reduce, Storage, VectorCommand, VectorError
from tilewright.sim.machine.vector.unit import refusal

ENDS = "ends of commands"
CROSSES = {
    "function x reduction": (("function", Function), ("reduce", Reduce)),
    "reduction x inverse": (("reduce", Reduce), ("inverse", Inverse)),
    "reduction x causal mask": (("reduce", Reduce), ("causal", None)),
    "format of A x format of D": (("a_storage", Storage), ("d_storage", Storage)),
}
"""Points with every combination of two fields, and the enumerations of these fields; a switch has none."""


class PassPoints:
    """Points of combinations of options of a pass, in a program or alone.

    Parameters
    ----------
    coverage : Coverage
    prefix : str
        Begin of the names of the points.
    """

    def __init__(self, coverage: Coverage, prefix: str = ""):
        self.coverage, self.prefix = coverage, prefix
        for name, ((_, one), (_, other)) in CROSSES.items():
            coverage.declare(prefix + name, (f"{a} x {b}" for a in _names(one) for b in _names(other)))

    def sample(self, command: VectorCommand, lanes: int) -> None:
        """Count a pass that was run."""
        values = command.to_fields(lanes)
        for name, sides in CROSSES.items():
            if command.d is not None or "d_storage" not in dict(sides):
                self.coverage.hit(self.prefix + name, " x ".join(_names(kind)[values[field]] for field, kind in sides))


def _names(kind: type | None) -> list[str]:
    """Return the names of an enumeration that counts from 0, or the values of a switch."""
    return ["0", "1"] if kind is None else [member.name.lower() for member in kind]  # type: ignore[attr-defined]


class PassCoverage:
    """Coverage of commands of vector units of any configuration.

    Members
    -------
    coverage : Coverage
    """

    def __init__(self) -> None:
        self.coverage = Coverage()
        self.fields = FieldPoint(self.coverage, "commands", VectorCommand)
        self.passes = PassPoints(self.coverage)
        self.coverage.declare(ENDS, (error.name for error in VectorError))

    def sample(self, config: VectorConfig, case: Case) -> None:
        """Count the commands of a case."""
        for command in case.commands:
            error = refusal(config, command)
            self.coverage.hit(ENDS, error.name)
            if not error:
                self.fields.sample(command.to_fields(config.lanes))
                self.passes.sample(command, config.lanes)
