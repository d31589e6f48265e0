"""A model as a graph of operators."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from .operator import Kind, Operator

INPUT = "input"
"""Name of the operator that stands for the data that a part of a graph reads from the rest."""


@dataclass(frozen=True)
class Graph:
    """Operators in an order in which each follows its inputs.

    Raises
    ------
    ValueError
        If two operators have one name, or an operator comes before one of its inputs.
    """

    operators: tuple[Operator, ...]

    def __post_init__(self) -> None:
        names: set[str] = set()
        for operator in self.operators:
            if operator.name in names:
                raise ValueError(f"{operator.name}: there are two operators of this name")
            missing = [name for name in operator.inputs if name not in names]
            if missing:
                raise ValueError(f"{operator.name}: its inputs {', '.join(missing)} do not come before it")
            names.add(operator.name)

    def __iter__(self) -> Iterator[Operator]:
        return iter(self.operators)

    def __getitem__(self, name: str) -> Operator:
        return self._by_name[name]

    def readers(self, name: str) -> list[Operator]:
        """Return the operators that need an operator's result."""
        return self._readers.get(name, [])

    def of(self, kind: Kind) -> list[Operator]:
        """Return the operators of a kind."""
        return [operator for operator in self.operators if operator.kind is kind]

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates of all matrix products."""
        return sum(operator.macs for operator in self.operators)

    @property
    def dram_bytes(self) -> int:
        """Number of bytes read and written in main memory, with each operator's data once."""
        return sum(operator.read_bytes + operator.written_bytes for operator in self.operators)

    def part(self, operators: Iterable[Operator]) -> "Graph":
        """Return some operators as a graph of its own, which begins with an operator for the result that they need.

        Raises
        ------
        ValueError
            If they need several results of other operators.
        """
        chosen = tuple(operators)
        names = {operator.name for operator in chosen}
        needed = {name: reader for reader in reversed(chosen) for name in reader.inputs if name not in names}
        constants = [self[name] for name in needed if self[name].kind is Kind.CONSTANT]
        outside = [name for name in needed if self[name] not in constants]
        if len(outside) != 1:
            raise ValueError(f"a part of a graph has one input, and this one needs {', '.join(outside) or 'none'}")
        [source] = outside
        begin = input_operator(needed[source].m, self[source])
        body = (
            replace(each, inputs=tuple(INPUT if name == source else name for name in each.inputs)) for each in chosen
        )
        return Graph((begin, *sorted(constants, key=self.operators.index), *body))

    @cached_property
    def _by_name(self) -> dict[str, Operator]:
        return {operator.name: operator for operator in self.operators}

    @cached_property
    def _readers(self) -> dict[str, list[Operator]]:
        readers: dict[str, list[Operator]] = {}
        for operator in self.operators:
            for name in dict.fromkeys(operator.inputs):
                readers.setdefault(name, []).append(operator)
        return readers


def input_operator(rows: int, source: Operator) -> Operator:
    """Return an operator that stands for the last rows of another operator's result."""
    return Operator(
        name=INPUT, row=INPUT, kind=Kind.INPUT, m=rows, n=source.n, precision=source.precision, engine=source.engine
    )
