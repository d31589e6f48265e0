"""Durations of past work, kept in the cache as estimates for the next time."""

import json
from contextlib import suppress
from pathlib import Path

from tilewright.base.cache import cache_folder
from tilewright.base.errors import ConfigError
from tilewright.base.files import write_json

SHORTEST_SECONDS = 2.0
"""Work that takes less needs no estimate, and leaves none."""
MOST = 300
"""Number of durations that are kept; the oldest go."""


def expected(label: str) -> float | None:
    """Return the seconds that some work took the last time; None if that is not known."""
    seconds = _known().get(label)
    return seconds if isinstance(seconds, int | float) and seconds > 0 else None


def record(label: str, seconds: float) -> None:
    """Keep the duration of some work; nothing happens if the cache cannot be written."""
    if seconds < SHORTEST_SECONDS:
        return
    known = _known()
    known.pop(label, None)
    known[label] = round(seconds, 1)
    with suppress(OSError, ConfigError):
        cache_folder().mkdir(parents=True, exist_ok=True)
        write_json(_file(), dict(list(known.items())[-MOST:]))


def _file() -> Path:
    return cache_folder() / "durations.json"


def _known() -> dict:
    try:
        known = json.loads(_file().read_bytes())
    except (OSError, ValueError, ConfigError):
        return {}
    return known if isinstance(known, dict) else {}
