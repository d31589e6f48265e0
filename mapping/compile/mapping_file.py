"""Files of mappings: JSON with the fields of :class:`.mapping.Mapping`, without those that are the default."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tilewright.base.errors import ConfigError, first_problem
from tilewright.base.files import write_json
from tilewright.base.reading import read_json

from .mapping import Mapping

_ADAPTER = TypeAdapter(Mapping)


def mapping_dict(mapping: Mapping) -> dict[str, Any]:
    """Return a mapping as its file has it."""
    found: dict[str, Any] = _ADAPTER.dump_python(mapping, mode="json", exclude_defaults=True)
    return found


def write_mapping(path: Path, mapping: Mapping) -> Path:
    """Write a mapping; return the path."""
    return write_json(path, mapping_dict(mapping))


def read_mapping(path: Path) -> Mapping:
    """Return the mapping of a file.

    Raises
    ------
    ConfigError
        If it cannot be read, or a field is not allowed; names file, line, field and value.
    """
    parsed = read_json(path)
    try:
        return _ADAPTER.validate_python(parsed.value)
    except ValidationError as error:
        keys, problem = first_problem(error)
        field = ".".join(map(str, keys)) or "mapping"
        raise ConfigError(f"{parsed.where(keys)}: {field}: {problem}") from error
