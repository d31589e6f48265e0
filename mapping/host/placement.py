"""Operators that a program of the accelerator leaves to the host core, and the program without them.

The accelerator stands still while the host works. So a run with operators on the host takes as long as the program
without them, and what they take on the host, and what their operands take through main memory and back, all added up.
For a machine in which the two work at once that is an upper bound, of the times that are counted. Not counted: what
software needs to hand over (an interrupt, a look at a flag, caches to be emptied), conversions between the formats of
accelerator and host, and that a core may not reach the bandwidth of the memory by itself.

Of an operator those passes of the vector unit go that the host makes needless: the one of exponentials and their sums,
and the one of mean squares and their roots. The passes beside them stay, as they are needed for something else, too: to
make scores of integer sums, and to measure rows in order to make integers of them.

In place of such a pass stays one over a single element, so that units signal each other as before: a few cycles each in
which the accelerator is slower than it need be.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from tilewright.base.errors import ConfigError, suggest
from tilewright.sim.isa.commands import Command, Vector
from tilewright.sim.isa.vector_command import Function, Inverse, VectorCommand
from tilewright.sim.machine.accelerator.values import in_order

from .steps import HostStep


@dataclass(frozen=True)
class Placeable:
    """A kind of operators that may be on the host."""

    kernel: str
    """The program of ``gem5_configs/workloads`` that does the same."""
    goes: Callable[[VectorCommand], bool]
    """Tells the pass that goes: one for each of the operators, or for each part of one that has no room at once."""


PLACEABLE = {
    "softmax": Placeable("softmax", lambda command: command.function is Function.EXP),
    "norms": Placeable("rmsnorm", lambda command: command.inverse is Inverse.RSQRT),
}
"""What ``map_model`` can place on the host."""

CROSSINGS = 4
"""Transfers of a call: the accelerator writes operands and the host reads them, and back."""


def without(commands: Sequence[Command], kinds: Collection[str]) -> list[Command]:
    """Return a program whose passes of some kinds go over one element: no work, and the same signals.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    _check(kinds)
    return [
        replace(command, command=replace(command.command, rows=1, columns=1))
        if isinstance(command, Vector) and any(PLACEABLE[kind].goes(command.command) for kind in kinds)
        else command
        for command in commands
    ]


def placed(programs: Iterable[Sequence[Command]], kinds: Collection[str]) -> tuple[HostStep, ...]:
    """Return what the host does for programs without such passes: a call for each pass that goes, as often as it runs.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    _check(kinds)
    calls: dict[str, Counter[int]] = {kind: Counter() for kind in kinds}
    moved: Counter[str] = Counter()
    for commands in programs:
        for command, _ in in_order(commands):
            if not isinstance(command, Vector):
                continue
            for kind in kinds:
                if PLACEABLE[kind].goes(command.command):
                    elements = _elements(command.command)
                    calls[kind][elements] += 1
                    moved[kind] += elements * _bytes_of_element(command.command)
    return tuple(
        HostStep(kind, PLACEABLE[kind].kernel, dict(calls[kind]), CROSSINGS * calls[kind].total(), moved[kind])
        for kind in kinds
    )


def _elements(command: VectorCommand) -> int:
    """Return the elements that a pass goes over, without those that a causal mask hides."""
    if not command.causal:
        return command.rows * command.columns
    return sum(min(command.columns, command.mask_base + row + 1) for row in range(command.rows))


def _bytes_of_element(command: VectorCommand) -> int:
    """Return what an element moves: written and read on its way to the host, and as its result on the way back."""
    operand, result = command.a, command.d or command.a
    return 2 * ((1 << operand.storage.size) + (1 << result.storage.size))


def _check(kinds: Collection[str]) -> None:
    for kind in kinds:
        if kind not in PLACEABLE:
            raise ConfigError(f"on_host = {kind!r} is not allowed{suggest(kind, PLACEABLE)}")
