"""Where things lie in the memory of an accelerator."""

from dataclasses import dataclass, field

from tilewright.base.errors import ConfigError
from tilewright.sim.isa.widths import PAGE_BYTES


@dataclass(frozen=True)
class Place:
    """Some bytes of memory."""

    address: int
    bytes: int
    layout: tuple[int | str, ...] = ()
    """How what lies there is laid out, as who placed it means it."""

    @property
    def stop(self) -> int:
        """Behind the last byte."""
        return self.address + self.bytes


@dataclass
class MemoryMap:
    """Places by name, given out one behind the other; what several programs share has one place for all.

    Parameters
    ----------
    base : int
        First address, in bytes.
    """

    base: int = 0
    places: dict[str, Place] = field(default_factory=dict)
    nested: dict[str, "MemoryMap"] = field(default_factory=dict)
    """What lies in some of the places, in the first of equal parts."""

    @property
    def stop(self) -> int:
        """Behind the last place."""
        return max((place.stop for place in self.places.values()), default=self.base)

    @property
    def next_page(self) -> int:
        """First page behind the last place."""
        return -(-self.stop // PAGE_BYTES) * PAGE_BYTES

    def place(self, name: str, size: int, layout: tuple[int | str, ...] = ()) -> Place:
        """Return the place of a name, a new one at the begin of a page if there is none.

        Raises
        ------
        ConfigError
            If it is there with another size or layout.
        """
        if name not in self.places:
            self.places[name] = Place(self.next_page, size, layout)
        found = self.places[name]
        if (found.bytes, found.layout) != (size, layout):
            raise ConfigError(
                f"{name}: {size} bytes, laid out as {layout}, are not what another program has: {found.bytes} bytes, "
                f"{found.layout}"
            )
        return found

    def new(self, name: str, size: int) -> Place:
        """Return a new place under a name that is not taken yet, numbered if need be."""
        free = next(each for number in range(len(self.places) + 1) if (each := f"{name}.{number}") not in self.places)
        return self.place(free, size)
