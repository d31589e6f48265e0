"""Base class of every part of a system description."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from .change import changed


class Frozen(BaseModel):
    """An immutable, hashable description that refuses unknown keys.

    Derive a variant with ``with_``, whose result is checked again; with ``model_copy(update=...)`` only for values
    known to be valid.
    """

    # Validators are built when they are first used: most processes use few of the parts.
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, defer_build=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _number(cls, value: object, info: ValidationInfo) -> object:
        """Refuse a text and a truth value in place of a number, which pydantic would convert.

        ``model_validate_strings``, for files in which everything is text, converts all the same.
        """
        if isinstance(value, bool | str) and info.mode == "python":
            annotation: Any = cls.model_fields[info.field_name or ""].annotation
            kinds = _kinds(annotation)
            if kinds & {int, float} and type(value) not in kinds:
                raise ValueError(
                    f"{value!r} is not allowed: it must be {'a number' if float in kinds else 'an integer'}"
                )
        return value

    def with_(self, changes: Mapping[str, object] | None = None, /, **fields: object) -> Self:
        """Return a copy in which some fields, also of parts, have other values: ``with_(**{"cim.tiles": 8})``.

        Every number that differs from before gets the source ``changed from OLD``, followed by its old source. A
        description that has a name is renamed, for example to ``edge-int4 with cim.tiles=8``, unless ``name`` is
        changed, too: results of the copy cannot be taken for results of the original.

        Parameters
        ----------
        changes : mapping, optional
            New values by dotted path, such as ``cim.tiles``. A mapping as a value changes the fields that it names and
            leaves the other fields of that part as they are; ``sources`` are added to the sources that are there.
        fields
            More changes, by name.

        Raises
        ------
        ConfigError
            If there is no such field, or the result is not valid; names the field, the value and what is allowed.
        """
        return changed(self, {**(changes or {}), **fields})

    def replace(self, **changes: object) -> "Frozen":
        """Return a validated copy with some fields changed.

        Raises
        ------
        pydantic.ValidationError
            If the result is not a valid description.
        """
        return type(self).model_validate({**self.model_dump(), **changes})


@lru_cache
def _kinds(annotation: Any) -> frozenset[type]:
    """Return the types that an annotation allows, those of literals included."""
    if get_origin(annotation) is Literal:
        return frozenset(map(type, get_args(annotation)))
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if parts := get_args(annotation):
        return frozenset().union(*map(_kinds, parts))
    return frozenset({annotation}) if isinstance(annotation, type) else frozenset()
