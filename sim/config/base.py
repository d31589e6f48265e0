"""Base class of every part of a system description."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable, hashable description that refuses unknown keys.

    Derive a variant with ``model_copy(update=...)`` only for values known to be valid; with ``replace`` the
    result is validated again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def replace(self, **changes: object) -> "Frozen":
        """Return a validated copy with some fields changed.

        Raises
        ------
        pydantic.ValidationError
            If the result is not a valid description.
        """
        return type(self).model_validate({**self.model_dump(), **changes})
