"""The snapshot as it is stored, and how it is compared."""

import json
from pathlib import Path

FILE = Path(__file__).parent / "snapshot.json"
"""Taken with ``python -m tests.snapshot --write``."""


def stored() -> dict[str, object]:
    """Return all entries by name; none before the first snapshot."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def differences(before: object, now: object, path: str = "") -> list[str]:
    """Return a line for each place in which two entries differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        lines = [f"{path}{key}: {'gone' if key in before else 'new'}" for key in sorted(set(before) ^ set(now))]
        for key in before:
            if key in now:
                lines += differences(before[key], now[key], f"{path}{key}.")
        return lines
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [
            line
            for index, pair in enumerate(zip(before, now, strict=True))
            for line in differences(*pair, f"{path}{index}.")
        ]
    return [] if before == now else [f"{path.rstrip('.') or 'value'}: {before} is now {now}"]
