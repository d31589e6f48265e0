"""Engines: parts of the accelerator that run steps, as the compiler sees them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.steps import Matrix, Pass, Product, Step

if TYPE_CHECKING:
    from tilewright.mapping.compile.operations import Operations
    from tilewright.mapping.compile.survey import Survey


class Engine(ABC):
    """A part of the accelerator: says which steps it can run, and emits its commands for them.

    Passes of the compiler ask the engine of a step and nothing else, so that a new engine needs no edit of them.
    """

    NAME: ClassVar[str]
    """Name of the engine in messages."""
    STREAMS_WEIGHTS: ClassVar[bool] = False
    """Whether its commands load weights from main memory, after which loads for other engines would come late."""

    def __init__(self, config: AcceleratorConfig):
        self.config = config

    @abstractmethod
    def runs(self, step: Step) -> bool:
        """Return whether the engine runs steps of this kind."""

    @abstractmethod
    def refusal(self, step: Step) -> str | None:
        """Return the reason why the engine cannot run a step of a kind that it runs, or ``None`` if it can."""

    @abstractmethod
    def operands(self, step: Step) -> tuple[Matrix, ...]:
        """Return the matrices that a step reads from the scratchpad."""

    def memory_operands(self, step: Step) -> tuple[Matrix, ...]:
        """Return the matrices that a step reads from main memory, besides weights that the engine places."""
        return ()

    @abstractmethod
    def cycles(self, step: Step) -> int:
        """Return the approximate number of cycles that a step takes."""

    @abstractmethod
    def emit(self, step: Step, operations: "Operations") -> None:
        """Add the operations of a step.

        Raises
        ------
        ConfigError
            If its operands do not lie as the engine needs them.
        """

    def place_operands(self, steps: Sequence[Step], survey: "Survey") -> None:  # noqa: B027 - most engines have none
        """Place the data that its steps read from main memory themselves, in the engine's own layout.

        Raises
        ------
        ConfigError
            If steps use an operand in ways that exclude each other.
        """

    def place_results(self, steps: Sequence[Step], survey: "Survey") -> None:  # noqa: B027 - most engines have none
        """Place the data in main memory that its steps exchange with other steps, when the shapes of all buffers are
        known."""

    def panel_columns(self, step: Product) -> int:
        """Return a number of columns, or a divisor of it, into which a product too large for a bank can be cut.

        0: such a product cannot be cut.
        """
        return 0

    def ready_cycles(self, before: Step, step: Step) -> int:
        """Return the approximate number of cycles from the end of another step until this one can read its result."""
        return 0


class Engines:
    """The engines of an accelerator; the first one that can take a step gets it."""

    def __init__(self, engines: Sequence[Engine]):
        self.all = tuple(engines)
        self._found: dict[int, tuple[Step, Engine]] = {}
        """Steps that have been asked for, by identity, with their engines."""

    def of(self, step: Step) -> Engine:
        """Return the engine of a step.

        Raises
        ------
        ConfigError
            If none can take it; names the operator and says why.
        """
        if id(step) in self._found:
            return self._found[id(step)][1]
        reasons = []
        for engine in self.all:
            if engine.runs(step):
                reason = engine.refusal(step)
                if reason is None:
                    self._found[id(step)] = step, engine
                    return engine
                reasons.append(reason)
        if reasons:
            raise ConfigError("; ".join(reasons))
        raise ConfigError(
            f"{_made_by(step)}: no engine takes the {type(step).__name__.lower()}: the engines are "
            f"{', '.join(engine.NAME for engine in self.all)}"
        )


def _made_by(step: Step) -> str:
    """Return the operator of a step's result and the result's name; row scalars have the operator in their name."""
    if step.out:
        buffer = step.out.buffer
        return f"{getattr(step.operator, 'name', buffer.name)}, {buffer.name}"
    assert isinstance(step, Pass), "a product without a result"
    assert step.linear is not None, "a pass without a result"
    return step.linear.name
