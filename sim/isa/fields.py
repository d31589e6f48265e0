"""Fields of words of 32 bits: where a field lies is said once, in the annotation of a dataclass's attribute."""

import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import IntEnum
from types import NoneType
from typing import Any, ClassVar, NamedTuple, Self, get_args, get_type_hints

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
        """All bits of the field, in their place."""
        return ((1 << self.bits) - 1) << self.begin


class Codec(ABC):
    """Encoding of an attribute in one or more fields."""

    @abstractmethod
    def fields(self, name: str) -> dict[str, Field]:
        """Return the fields of an attribute of this name, by their own names."""

    @abstractmethod
    def meanings(self, name: str, meaning: str) -> dict[str, str]:
        """Return the meaning of each field, by its name, given that of the attribute."""

    @abstractmethod
    def encode(self, name: str, value: Any, lanes: int) -> dict[str, int]:
        """Return the fields of a value, for a vector unit of so many lanes.

        Raises
        ------
        ValueError
            If fields cannot express the value.
        """

    @abstractmethod
    def decode(self, name: str, values: Mapping[str, int], lanes: int) -> Any:
        """Return the value that fields hold."""


class Number(Codec):
    """One field: an integer, a switch, a code of an enumeration, a set of flags, or the bits of an FP32 number."""

    def __init__(self, field: Field, kind: Any):
        self.field, self.kind = field, kind

    def fields(self, name: str) -> dict[str, Field]:
        """Return the one field."""
        return {name: self.field}

    def meanings(self, name: str, meaning: str) -> dict[str, str]:
        """Return the meaning, with the members of an enumeration."""
        return {name: f"{meaning}: {members(self.kind)}" if issubclass(self.kind, IntEnum) else meaning}

    def encode(self, name: str, value: Any, lanes: int) -> dict[str, int]:
        """Return the number; of FP32 its bits."""
        return {name: float_bits(value) if self.kind is float else int(value)}

    def decode(self, name: str, values: Mapping[str, int], lanes: int) -> Any:
        """Return the number; a code that the enumeration does not have stays one: the unit refuses it."""
        value = values[name]
        if self.kind is float:
            return bits_float(value)
        if issubclass(self.kind, IntEnum):
            return self.kind(value) if value in list(self.kind) else value
        return self.kind(value)


class CountFromOne(Number):
    """One field: a count from 1 to 2^bits, the largest as 0."""

    def encode(self, name: str, value: Any, lanes: int) -> dict[str, int]:
        """Return the count modulo 2^bits, of a count from 0 to 2^bits; 0 and 2^bits are one code."""
        most = 1 << self.field.bits
        return {name: 0 if value == most else value}

    def decode(self, name: str, values: Mapping[str, int], lanes: int) -> Any:
        """Return the count; 0 stands for 2^bits."""
        return values[name] or 1 << self.field.bits


class Embedded(Codec):
    """All fields of another layout."""

    def __init__(self, kind: "type[Layout]"):
        self.kind = kind

    def fields(self, name: str) -> dict[str, Field]:
        """Return the other layout's fields."""
        return self.kind.FIELDS

    def meanings(self, name: str, meaning: str) -> dict[str, str]:
        """Return nothing: each field of the other layout has a meaning of its own."""
        return {}

    def encode(self, name: str, value: Any, lanes: int) -> dict[str, int]:
        """Return the values of the other layout's fields."""
        return value.to_fields(lanes)

    def decode(self, name: str, values: Mapping[str, int], lanes: int) -> Any:
        """Return an object of the other layout."""
        return self.kind.from_fields(values, lanes)


class Layout:
    """A dataclass whose attributes lie in fields: ``name: Annotated[int, Field(word, shift, bits)]``.

    An attribute that takes several fields is annotated with a :class:`Codec`; one that is a layout itself needs no
    annotation. ``FIELDS`` holds all fields by name, in the order of their bits; hardware, encoding and documentation
    derive from it.
    """

    FIELDS: ClassVar[dict[str, Field]] = {}
    CODECS: ClassVar[dict[str, Codec]] = {}
    """Encoding of each attribute that memory holds."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.CODECS = {
            name: codec
            for name, hint in get_type_hints(cls, include_extras=True).items()
            if (codec := _codec(hint)) is not None
        }
        found = {key: field for name, codec in cls.CODECS.items() for key, field in codec.fields(name).items()}
        cls.FIELDS = dict(sorted(found.items(), key=lambda item: item[1]))

    def changed(self, **attributes: Any) -> Self:
        """Return a copy in which some attributes differ; quicker than ``dataclasses.replace``."""
        copy = object.__new__(type(self))
        vars(copy).update(vars(self), **attributes)
        return copy

    def to_fields(self, lanes: int = 0) -> dict[str, int]:
        """Return the value of each field; ``lanes`` are those of the vector unit, for a command with a pass.

        Raises
        ------
        ValueError
            If fields cannot express an attribute; names it.
        """
        values: dict[str, int] = {}
        for name, codec in self.CODECS.items():
            values |= codec.encode(name, getattr(self, name), lanes)
        return values

    @classmethod
    def from_fields(cls, values: Mapping[str, int], lanes: int = 0) -> Self:
        """Return the object whose fields have these values."""
        return cls(**{name: codec.decode(name, values, lanes) for name, codec in cls.CODECS.items()})


def _codec(hint: Any) -> Codec | None:
    """Return the way in which fields hold an attribute, or None if they do not."""
    if isinstance(hint, type) and issubclass(hint, Layout):
        return Embedded(hint)
    for place in getattr(hint, "__metadata__", ()):
        if isinstance(place, Codec):
            return place
        if isinstance(place, Field):
            return Number(place, value_type(hint))
    return None


def value_type(hint: Any) -> Any:
    """Return the type of the values of an annotated attribute, None apart."""
    hint = hint.__origin__ if hasattr(hint, "__metadata__") else hint
    [kind] = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    return kind


def pack(fields: Mapping[str, Field], values: Mapping[str, int], size: int) -> bytes:
    """Return ``size`` bytes, little-endian, with the values of fields; bits that no field has are 0.

    Raises
    ------
    ValueError
        If a value does not fit into its field; names both.
    """
    bits = 0
    for name, field in fields.items():
        value = values[name]
        if value >> field.bits:  # also of a negative value
            raise ValueError(f"{name} = {value} is not allowed: it must fit into {field.bits} bits")
        bits |= value << field.begin
    return bits.to_bytes(size, "little")


def unpack(fields: Mapping[str, Field], data: bytes) -> dict[str, int]:
    """Return the values of all fields."""
    bits = int.from_bytes(data, "little")
    return {name: bits >> field.begin & (1 << field.bits) - 1 for name, field in fields.items()}


def members(kind: type[IntEnum]) -> str:
    """Return numbers and names of an enumeration, for people."""
    return ", ".join(f"{member.value} {member.name.lower()}" for member in kind)


def float_bits(value: float) -> int:
    """Return the bits of a number as FP32."""
    return struct.unpack("<I", struct.pack("<f", value))[0]


def bits_float(bits: int) -> float:
    """Return the number of FP32 bits."""
    return struct.unpack("<f", struct.pack("<I", bits))[0]
