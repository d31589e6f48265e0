"""The space of mappings that a search goes through."""

from dataclasses import dataclass

from tilewright.mapping.compile.mapping import LOADED_AHEAD, Order, Plan, Split
from tilewright.mapping.compile.plan import PLANS


@dataclass(frozen=True, kw_only=True)
class Space:
    """Values of each choice; every combination is a mapping, and the compiler's default is one of them."""

    orders: tuple[Order, ...] = tuple(Order)
    windows: tuple[int, ...] = (20, 40)
    """Windows of list schedules; a depth-first order has none."""
    ahead: tuple[int, ...] = (0, 1, 2)
    """Numbers of products, where constants stay; nothing is loaded ahead where they do not."""
    panels: tuple[int, ...] = (1, 2)
    plans: tuple[Plan, ...] = PLANS
    splits: tuple[Split, ...] = tuple(Split)
    more_parts: int = 2
    """Number of parts of the vocabulary beyond the fewest, at most."""

    def orders_and_windows(self) -> list[tuple[Order, int]]:
        """Return the orders of steps, each with the windows that it has."""
        return [
            (order, window)
            for order in self.orders
            for window in (self.windows[:1] if order is Order.DEPTH else self.windows)
        ]

    def loads(self) -> list[tuple[bool, int, tuple[Plan, ...]]]:
        """Return the ways to load constants: whether they stay, how far ahead, and the plans that are possible then."""
        kept, dropped = (tuple(plan for plan in self.plans if plan.keep is keep) for keep in (True, False))
        ways = [(True, ahead, kept) for ahead in self.ahead] + [(False, LOADED_AHEAD, dropped)]
        return [way for way in ways if way[2]]

    @property
    def schedules(self) -> int:
        """Number of schedules of a loop."""
        plans = sum(len(plans) for _, _, plans in self.loads())
        return len(self.panels) * len(self.orders_and_windows()) * plans


TOKEN_SPACE = Space()
"""The space that is searched for single tokens."""
PROMPT_SPACE = Space(ahead=(1, 2), splits=(Split.COLUMNS,))
"""The space that is searched for prompts, whose programs are longer and several."""
