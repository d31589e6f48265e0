"""Events of a program that lies in memory, from its commands and from a run on the exact model."""

from tilewright.sim.energy.commands import count_command, executions, fetched_commands
from tilewright.sim.energy.events import Counts
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.isa.commands import Command, End
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.widths import COMMAND_BYTES
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel


def run_counts(model: AcceleratorModel, address: int, timing: AxiMemoryModel) -> Counts:
    """Run the program at an address, whose END is outside of loops, on a model; return its events.

    Raises
    ------
    RuntimeError
        If the program is stopped.
    """
    commands: list[Command] = []
    while not commands or not isinstance(commands[-1], End):
        begin = address + len(commands) * COMMAND_BYTES
        commands.append(decode(model.config, model.memory[begin : begin + COMMAND_BYTES].tobytes()))
    counts = Counts()
    for command, times in executions(commands):
        count_command(model.config, command, times, counts)
    run = model.run(address, timing)
    if run.error:
        raise RuntimeError(f"{run.error.name} at command {run.index}")
    read, counts.write_beats = run.counters[Register.READ_BEATS], run.counters[Register.WRITE_BEATS]
    counts.commands = fetched_commands(model.config, counts, read)
    counts.memory_bytes = (read + counts.write_beats) * model.config.bus_bytes
    counts.cycles = run.cycles
    return counts
