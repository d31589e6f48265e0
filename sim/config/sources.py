"""Sources of the numbers of a description."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel

from tilewright.base.errors import suggest


def leaves(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the dotted path and the value of every number and text of a description, except its ``sources`` and other
    tables of texts.

    A part that is not there has none.
    """
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{prefix}{name}.")
        elif not isinstance(value, Mapping) and value is not None:
            yield f"{prefix}{name}", value


def check_sources(model: BaseModel, sources: Iterable[str], what: str) -> None:
    """Refuse a source of a field that the description does not have.

    Raises
    ------
    ValueError
        If there is such a source; the message names it and the nearest fields.
    """
    paths = dict(leaves(model))
    for source in sources:
        if not any(covers(source, path) for path in paths):
            raise ValueError(f"sources = '{source}' is not a field of the {what}" + suggest(source, paths))


def find_source(sources: Mapping[str, str], path: str) -> str | None:
    """Return the source of the number at a dotted path, if the description states one; its own comes first."""
    return (
        sources[path] if path in sources else next((text for key, text in sources.items() if covers(key, path)), None)
    )


def covers(source: str, path: str) -> bool:
    """Return whether a key of ``sources`` stands for the number at a dotted path."""
    return path == source or (source.endswith("*") and path.startswith(source[:-1]))
