"""Placement of operators on the host core, and the accelerator's program without them.

The accelerator's program then leaves out the passes that the host makes needless: for a norm the pass of mean squares
and their roots, for a softmax the maximum of each row and the pass of exponentials and their sums. The passes around
them stay, since they also make scores of integer sums and measure rows that become integers; they read the operands of
an operator on the host in place of its result, which has the same shape. Such a program is for times: its numbers mean
nothing.

The accelerator stands still while the host works. So a run with operators on the host takes the time of the
accelerator's program, the time of the operators on the host, and the time in which their operands cross main memory,
all added up. For a machine in which host and accelerator work at once, this sum is an upper bound of the times that are
counted. Not counted: the hand-over by software (an interrupt, a look at a flag, caches to be emptied), conversions
between the formats of accelerator and host, and that a core may not reach the bandwidth of the memory by itself.
"""

from collections.abc import Collection
from dataclasses import replace

from tilewright.base.errors import ConfigError, suggest
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Engine, Kind

PLACEABLE = {"softmax": Kind.SOFTMAX, "norms": Kind.RMS_NORM}
"""Kinds of operators that ``map_model`` can place on the host."""


def place(graph: Graph, names: Collection[str]) -> Graph:
    """Return a graph whose operators of some kinds run on the host.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    for name in names:
        if name not in PLACEABLE:
            raise ConfigError(f"on_host = {name!r} is not allowed{suggest(name, PLACEABLE)}")
    kinds = {PLACEABLE[name] for name in names}
    return Graph(
        tuple(replace(operator, engine=Engine.HOST) if operator.kind in kinds else operator for operator in graph)
    )
