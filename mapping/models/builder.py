"""Helper with which families build operator graphs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind, Operator
from tilewright.sim.graph.precision import Precision


@dataclass
class GraphBuilder:
    """Collects operators, by name."""

    precision: Precision
    layer_name: Callable[[int, str], str]
    """Function that returns the name of a part of a layer."""
    layer: int | None = None
    """Layer to which the next operators belong."""
    operators: dict[str, Operator] = field(default_factory=dict)

    def add(self, part: str, kind: Kind, *inputs: str, row: str = "", **fields: Any) -> str:
        """Add an operator; return its name.

        Parameters
        ----------
        part : str
            Name within its layer.
        row : str
            Row of reports, if it is not ``part``.
        """
        name = part if self.layer is None else self.layer_name(self.layer, part)
        self.operators[name] = Operator(
            name=name,
            row=row or part,
            kind=kind,
            inputs=inputs,
            layer=self.layer,
            precision=self.precision.of_matrix(name),
            engine=kind.engine,
            **fields,
        )
        return name

    def graph(self) -> Graph:
        """Return the graph of all operators that were added."""
        return Graph(tuple(self.operators.values()))
