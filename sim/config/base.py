"""Base class of every part of a system description."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

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
