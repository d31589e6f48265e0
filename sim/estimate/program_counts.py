"""Events of a program of the compiler, in counts that energy follows from, from its commands alone."""

from collections.abc import Sequence

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.energy.commands import count_command, executions
from tilewright.sim.energy.events import Counts
from tilewright.sim.isa.commands import Command, End, Loop, Repeat, Store


def program_counts(config: AcceleratorConfig, commands: Sequence[Command]) -> Counts:
    """Return the counts of a program, without cycles.

    Beats that are written are those of stores whose address registers are multiples of a beat, as the compiler's are.
    """
    counts = Counts(commands=_fetched(config, commands))
    for command, times in executions(commands):
        count_command(config, command, times, counts)
        if isinstance(command, Store):
            counts.write_beats += times * _written(config, command)
    beats = counts.load_beats + counts.weight_beats_in + counts.write_beats
    counts.memory_bytes = beats * config.bus_bytes + counts.commands * config.command_read_bytes
    return counts


def _fetched(config: AcceleratorConfig, commands: Sequence[Command]) -> int:
    """Return the number of commands that are fetched: each REPEAT that goes back, and END, drop what is ahead."""
    fetched, times = config.fetch_depth, [1]
    for command in commands:
        fetched += times[-1]
        if isinstance(command, Loop):
            times.append(times[-1] * command.count)
        elif isinstance(command, Repeat):
            runs = times.pop()
            fetched += (runs - times[-1]) * config.fetch_depth
        elif isinstance(command, End):
            break
    return fetched


def _written(config: AcceleratorConfig, command: Store) -> int:
    """Return the beats that a store writes."""
    bus = config.bus_bytes
    firsts = (
        command.address + plane * command.plane_stride + row * command.stride
        for plane in range(command.planes)
        for row in range(command.rows)
    )
    return sum(-(-(first % bus + command.row_bytes) // bus) for first in firsts)
