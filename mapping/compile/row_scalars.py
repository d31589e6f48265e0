"""Row scalars of a section: the operations that use each name, so that each name gets slots for its live range."""

from tilewright.base.errors import ConfigError
from tilewright.sim.isa.steps import Pass, Scalars

from .allocation import Slots


class RowScalars:
    """Slots by name; a reduction and its inverse have the same slots, in one file each."""

    def __init__(self) -> None:
        self.slots: dict[str, Slots] = {}
        """Slots by the name of the reduction."""
        self._slots_of: dict[str, Slots] = {}

    def read(self, scalars: Scalars | None, operation: int) -> tuple[Slots, int] | None:
        """Note that an operation reads scalars; return their slots, and the number of the first one in them."""
        if scalars is None:
            return None
        slots = self._slots_of[scalars.name]
        slots.last = operation
        return slots, scalars.first

    def is_inverse(self, scalars: Scalars | None) -> bool:
        """Return whether scalars are the inverse of a reduction."""
        return scalars is not None and self._slots_of[scalars.name].name != scalars.name

    def written(self, step: Pass, operation: int) -> tuple[Slots, int] | None:
        """Note that an operation writes the scalars of a step; return their slots as :meth:`read` does.

        Raises
        ------
        ConfigError
            If the inverse belongs to other rows than the reduction.
        """
        if step.linear is None:
            return None
        linear = step.linear
        slots = self.slots.setdefault(linear.name, Slots(linear.name, 0, operation, operation))
        slots.rows, slots.last = max(slots.rows, linear.first + linear.rows), operation
        self._slots_of[linear.name] = slots
        if step.inverse is not None:
            if step.inverse.first != linear.first:
                raise ConfigError(f"{linear.name}: and its inverse are not the same rows")
            self._slots_of[step.inverse.name] = slots
        return slots, linear.first
