"""Fields of words of 32 bits: where a field lies is said beside it, in the annotation of a dataclass's attribute."""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, get_type_hints

WORD_BITS = 32


class Field(NamedTuple):
    """``bits`` bits from bit ``shift`` of word ``word`` on; a field of more than 32 bits goes on in the next words."""

    word: int
    shift: int
    bits: int

    @property
    def begin(self) -> int:
        """Number of the field's lowest bit, counted from bit 0 of word 0."""
        return WORD_BITS * self.word + self.shift

    @property
    def mask(self) -> int:
        """The field's bits, in their place."""
        return ((1 << self.bits) - 1) << self.begin


class Layout:
    """A dataclass whose attributes are fields: ``name: Annotated[int, Field(word, shift, bits)]``.

    ``FIELDS`` holds them by name, in the order of their bits; hardware, encoding and documentation derive from it.
    """

    FIELDS: ClassVar[dict[str, Field]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        found = {
            name: place
            for name, hint in get_type_hints(cls, include_extras=True).items()
            for place in getattr(hint, "__metadata__", ())
            if isinstance(place, Field)
        }
        cls.FIELDS = dict(sorted(found.items(), key=lambda item: item[1]))


def pack(fields: Mapping[str, Field], values: Mapping[str, int], size: int) -> bytes:
    """Return ``size`` bytes, little-endian, with the values of fields; bits that no field has are 0.

    Raises
    ------
    ValueError
        If a value does not fit into its field; names both.
    """
    bits = 0
    for name, field in fields.items():
        value = int(values[name])
        if value >> field.bits:  # also of a negative value
            raise ValueError(f"{name} = {value} is not allowed: it must fit into {field.bits} bits")
        bits |= value << field.begin
    return bits.to_bytes(size, "little")


def unpack(fields: Mapping[str, Field], data: bytes) -> dict[str, int]:
    """Return the values of all fields."""
    bits = int.from_bytes(data, "little")
    return {name: bits >> field.begin & (1 << field.bits) - 1 for name, field in fields.items()}
