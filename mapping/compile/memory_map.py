"""Map of the accelerator's main memory: places by name."""

from dataclasses import dataclass, field

from tilewright.base.errors import ConfigError
from tilewright.sim.isa.widths import PAGE_BYTES


@dataclass(frozen=True)
class Place:
    """A range of bytes in memory."""

    address: int
    bytes: int
    layout: tuple[int | str, ...] = ()
    """Layout of the data in the place, as its owner defines it."""

    @property
    def stop(self) -> int:
        """First address after the place."""
        return self.address + self.bytes


@dataclass
class MemoryMap:
    """Places by name, allocated one after the other; data that several programs share has one place for all.

    Parameters
    ----------
    base : int
        First address, in bytes.
    """

    base: int = 0
    places: dict[str, Place] = field(default_factory=dict)
    nested: dict[str, "MemoryMap"] = field(default_factory=dict)
    """Maps of the content of some places, for the first of their equal parts."""

    @property
    def stop(self) -> int:
        """First address after the last place."""
        return max((place.stop for place in self.places.values()), default=self.base)

    @property
    def next_page(self) -> int:
        """First page after the last place."""
        return -(-self.stop // PAGE_BYTES) * PAGE_BYTES

    def place(self, name: str, size: int, layout: tuple[int | str, ...] = ()) -> Place:
        """Return the place of a name; if there is none, a new place at the beginning of a page.

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
        """Return a new place of one program, under a name that is not taken yet, with a number if necessary."""
        free = next(each for number in range(len(self.places) + 1) if (each := f"{name}.{number}") not in self.places)
        return self.place(free, size)
