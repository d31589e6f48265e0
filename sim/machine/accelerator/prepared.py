"""Commands of units with all that does not depend on the cycle: computed once, however often loops run them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import UnitCommand, Vector
from tilewright.sim.isa.footprint import bank_ports
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.vector_command import VectorError
from tilewright.sim.machine.vector.unit import command_cycles
from tilewright.sim.machine.vector.unit import refusal as vector_refusal

from .check import in_banks, in_memory


@dataclass(slots=True)
class PreparedCommand:
    """A command that the processor does not refuse, with all that does not depend on its address register."""

    command: UnitCommand
    register_value: int
    """Content of the address register with which the command was checked last."""
    most: int
    """Largest content of the address register with which the command ends in memory."""
    unit: int
    """Number of which its addresses in memory are multiples, in bytes."""
    reads: frozenset[int]
    """Banks whose read ports the command holds."""
    writes: frozenset[int]
    """Banks whose write ports the command holds."""
    givers: tuple[Unit, ...]
    """Units of which the command takes a signal."""
    takers: tuple[Unit, ...]
    """Units to which the command gives a signal."""
    cycles: int = 0
    """Cycles of a pass of the vector unit."""
    vector_error: VectorError = VectorError.NONE
    """Reason why the vector unit refuses a pass."""

    def takes(self, register_value: int) -> bool:
        """Return whether the command is not refused with another content of its address register, either."""
        return register_value == self.register_value or (
            register_value <= self.most and (register_value - self.register_value) % self.unit == 0
        )


def prepare(
    config: AcceleratorConfig, units: Sequence[Unit], command: UnitCommand, register_value: int
) -> PreparedCommand:
    """Return a command that the processor of an accelerator with some units does not refuse, prepared."""
    end, unit = in_memory(config, command)
    prepared = PreparedCommand(
        command,
        register_value,
        (1 << config.address_bits) - end,
        unit,
        *bank_ports(config, command),
        givers=tuple(unit for unit in units if command.wait >> unit & 1),
        takers=tuple(unit for unit in units if command.signal >> unit & 1),
    )
    if isinstance(command, Vector):
        inside = in_banks(config, command)
        prepared.vector_error = vector_refusal(config.vector, inside)
        if not prepared.vector_error:
            prepared.cycles = command_cycles(config.vector, inside)
    return prepared
